/** Copies of our own messages that come after their echo, or after its time: what each of them is can only be told by count (section 4.1). */
import { isEcho } from './echoes.js'

/** Seconds for which an echo may be late (section 9). */
const lateWithin = 10

/** Messages without an echo that are remembered; with the usual second for each there are never more. */
const maxLate = 16

/** Seconds within which a further copy is taken for one of the network's, or for the echo of our own echo, at least and at most. */
const repeatedWithin = { least: 0.25, most: 2 }

/** `late`: the echo for which nobody waits any more. `repeated`: one copy too many. `new`: a message, though perhaps an answer with the same bytes. */
export type Copy = 'late' | 'repeated' | 'new'

export class Copies {
  readonly #maxEchoBytes: number | null | undefined
  /** Unconfirmed, the oldest first. `until` in monotonic seconds. */
  #late: { readonly bytes: Buffer; readonly until: number }[] = []
  /** The last one that was confirmed; with when we echoed a copy of it. */
  #confirmed: { readonly bytes: Buffer; echoed: number | undefined } | undefined

  constructor(maxEchoBytes: number | null | undefined) {
    this.#maxEchoBytes = maxEchoBytes
  }

  confirmed(bytes: Buffer): void {
    this.#confirmed = { bytes, echoed: undefined }
  }

  unconfirmed(bytes: Buffer, now: number): void {
    this.#late = this.#late.filter(({ until }) => until > now).slice(1 - maxLate)
    this.#late.push({ bytes, until: now + lateWithin })
  }

  /**
   * After its echo the first copy of a message is an answer with the same bytes. The next one is another message only when it comes later
   * than a copy that the network made, or that came back for our echo of the answer: `roundTrip` in seconds, when it is known.
   */
  take(bytes: Buffer, now: number, roundTrip: number | undefined): Copy {
    const at = this.#late.findIndex((late) => late.until > now && isEcho(bytes, late.bytes, this.#maxEchoBytes))
    if (at >= 0) {
      const [late] = this.#late.splice(at, 1)
      if (late !== undefined) this.confirmed(late.bytes)
      return 'late'
    }
    const confirmed = this.#confirmed
    if (confirmed === undefined || !isEcho(bytes, confirmed.bytes, this.#maxEchoBytes)) return 'new'
    // The answer would have come whole.
    if (bytes.length < confirmed.bytes.length) return 'repeated'
    const within = Math.min(Math.max(4 * (roundTrip ?? 0), repeatedWithin.least), repeatedWithin.most)
    if (confirmed.echoed !== undefined && now - confirmed.echoed < within) return 'repeated'
    confirmed.echoed = now
    return 'new'
  }
}
