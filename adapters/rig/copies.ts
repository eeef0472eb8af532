/** Copies of our own messages that come after their echo, or too late for it: what one is can only be told by order and count (section 4.1). */
import { isEcho } from './echoes.js'

export interface CopiesOptions {
  /** An echo of exactly so many bytes is one too, where it is the beginning of the message (section 11). */
  readonly maxEchoBytes?: number | null
  /** The network may deliver one datagram twice; left out: true. */
  readonly mayDuplicate?: boolean
}

/** Seconds for which an echo may be late (section 9). */
const lateWithin = 10

/** Messages without an echo that are remembered; with the usual second for each of them there are never more. */
const maxLate = 16

/** Seconds, at least and at most, within which a further copy is one of the network's, or the echo of our own echo. */
const repeatedWithin = { least: 0.25, most: 2 }

/** `late`: the echo for which nobody waits any more. `repeated`: one copy too many. `new`: a message, perhaps an answer with the same bytes. */
export type Copy = 'late' | 'repeated' | 'new'

interface Confirmed {
  readonly bytes: Buffer
  /** When a copy was sent back; monotonic seconds. */
  echoed: number | undefined
}

export class Copies {
  readonly #options: CopiesOptions
  /** Unconfirmed, the oldest first. `until` in monotonic seconds. */
  #late: { readonly bytes: Buffer; readonly until: number }[] = []
  /** The last one that was confirmed: copies of what was sent before it are messages again. */
  #confirmed: Confirmed | undefined

  constructor(options: CopiesOptions) {
    this.#options = options
  }

  /** When it was sent a second time, the first echo was lost rather than late: what comes now may be the answer. */
  confirmed(bytes: Buffer): void {
    this.#late = this.#late.filter((late) => !late.bytes.equals(bytes))
    this.#confirmed = { bytes, echoed: undefined }
  }

  unconfirmed(bytes: Buffer, now: number, within = lateWithin): void {
    this.#late = this.#late.filter(({ until }) => until > now).slice(1 - maxLate)
    if (within > 0) this.#late.push({ bytes, until: now + within })
  }

  /** `roundTrip`: seconds, where it is known. */
  take(bytes: Buffer, now: number, roundTrip = 0): Copy {
    const late = this.#takeLate(bytes, now)
    if (late !== undefined) {
      this.confirmed(late)
      return 'late'
    }
    const confirmed = this.#confirmed
    if (confirmed === undefined || this.#options.mayDuplicate === false || !this.#isEcho(bytes, confirmed.bytes)) return 'new'
    // An answer would not be cut.
    if (bytes.length < confirmed.bytes.length) return 'repeated'
    const within = Math.min(Math.max(4 * roundTrip, repeatedWithin.least), repeatedWithin.most)
    if (confirmed.echoed !== undefined && now - confirmed.echoed < within) return 'repeated'
    confirmed.echoed = now
    return 'new'
  }

  #takeLate(bytes: Buffer, now: number): Buffer | undefined {
    const at = this.#late.findIndex((late) => late.until > now && this.#isEcho(bytes, late.bytes))
    return at < 0 ? undefined : this.#late.splice(at, 1)[0]?.bytes
  }

  #isEcho(bytes: Buffer, sent: Buffer): boolean {
    return isEcho(bytes, sent, this.#options.maxEchoBytes)
  }
}
