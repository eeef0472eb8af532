import type { Clock, Watch } from '../adapter.js'
import type { Entry } from './entry.js'
import type { Told } from './telling.js'

/** Messages and bytes that are sent and not acknowledged. */
const most = { messages: 100, bytes: 4_194_304 }

/** Seconds without an acknowledgement after which the broker is not waited for; and bytes a second that it must take of what is under way. */
const silence = { seconds: 30, rate: 50_000 }

/** A message on its way; `topic` as it is here. */
export interface Sent {
  readonly told: Told
  readonly topic: string
  readonly entry: Entry | undefined
}

/** What is sent over a connection and not acknowledged. */
export class Flight {
  readonly #clock: Clock
  /** Called when nothing is acknowledged for too long. */
  readonly #silent: () => void
  readonly #sent = new Map<number, Sent>()
  #number = 0
  #bytes = 0
  #timer: Watch | undefined
  /** Monotonic seconds of what was sent last; and of the last acknowledgement, or of what was sent when nothing was under way. */
  sentAt = 0
  #heardAt = 0

  constructor(clock: Clock, silent: () => void) {
    this.#clock = clock
    this.#silent = silent
  }

  get size(): number {
    return this.#sent.size
  }

  get all(): readonly Sent[] {
    return [...this.#sent.values()]
  }

  /** May another be sent? `isAlone`: one at a time. */
  hasRoom(isAlone: boolean): boolean {
    return this.#sent.size < (isAlone ? 1 : most.messages) && this.#bytes < most.bytes
  }

  /** Call what it returns with the acknowledgement. */
  add(sent: Sent): () => void {
    this.#number += 1
    const number = this.#number
    this.sentAt = this.#clock.monotonic()
    if (this.#sent.size === 0) this.#heardAt = this.sentAt
    this.#sent.set(number, sent)
    this.#bytes += sent.told.payload.length
    this.#watch()
    return () => {
      this.#heardAt = this.#clock.monotonic()
      if (this.#sent.delete(number)) this.#bytes -= sent.told.payload.length
    }
  }

  clear(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sent.clear()
    this.#bytes = 0
  }

  #watch(): void {
    if (this.#timer !== undefined) return
    const due = this.#heardAt + silence.seconds + this.#bytes / silence.rate
    this.#timer = this.#clock.after(Math.max(0.1, due - this.#clock.monotonic()), () => {
      this.#timer = undefined
      if (this.#sent.size === 0) return
      if (this.#clock.monotonic() - this.#heardAt < silence.seconds + this.#bytes / silence.rate) this.#watch()
      else this.#silent()
    })
  }
}
