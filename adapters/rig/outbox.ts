/** Own messages that wait for their turn. */
import { Trouble } from './trouble.js'

export interface SendOptions {
  /** To the head of the line; not past the message that is under way. */
  readonly urgent?: boolean
  /** Takes it out of the line; what was written already is only not waited for any more. */
  readonly signal?: AbortSignal
  /** Seconds after an echo-timeout in which the echo is known as late, and swallowed; asked then. Left out: 10 (section 9). */
  readonly lateWithin?: () => number
}

/** The bytes; or what makes them at the moment they are written, undefined: there is nothing to say any more. */
export type Own = Buffer | (() => Buffer | undefined)

export interface Sent {
  /** Until the echo was here. */
  readonly seconds: number
}

export interface Waiting {
  readonly own: Own
  readonly lateWithin: (() => number) | undefined
  readonly isUrgent: boolean
  readonly done: (sent: Sent) => void
  readonly failed: (trouble: Trouble) => void
}

export class Outbox {
  readonly #max: number
  readonly #urgent: Waiting[] = []
  readonly #others: Waiting[] = []

  /** So many urgent ones, and so many others. */
  constructor(max: number) {
    this.#max = max
  }

  get length(): number {
    return this.#urgent.length + this.#others.length
  }

  /** Rejects at once when there is no room; urgent ones have room of their own, so that no crowd keeps them out. */
  add(own: Own, { urgent = false, signal, lateWithin }: SendOptions): Promise<Sent> {
    return new Promise((resolve, reject) => {
      const line = urgent ? this.#urgent : this.#others
      if (line.length >= this.#max) return reject(new Trouble('busy', `${line.length} messages wait already; it was not sent`, false))
      const settled = (): void => signal?.removeEventListener('abort', aborted)
      const waiting: Waiting = {
        own,
        lateWithin,
        isUrgent: urgent,
        done: (sent) => {
          settled()
          resolve(sent)
        },
        failed: (trouble) => {
          settled()
          reject(trouble)
        }
      }
      const aborted = (): void =>
        waiting.failed(this.#remove(waiting) ? unwanted() : new Trouble('closed', 'nobody waits for its echo any more', true))
      if (signal?.aborted === true) return reject(unwanted())
      signal?.addEventListener('abort', aborted, { once: true })
      line.push(waiting)
    })
  }

  next(): Waiting | undefined {
    return this.#urgent.shift() ?? this.#others.shift()
  }

  /** False: it is not in line. */
  #remove(waiting: Waiting): boolean {
    const line = waiting.isUrgent ? this.#urgent : this.#others
    const at = line.indexOf(waiting)
    if (at >= 0) line.splice(at, 1)
    return at >= 0
  }
}

export function unwanted(): Trouble {
  return new Trouble('closed', 'nobody wants it any more; it was not sent', false)
}
