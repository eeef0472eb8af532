import type { Clock } from '../adapter.js'

/** Seconds of its rate that may be sent at once, after a silence. */
const burst = 0.05

/** How much of what waited may be sent: so many messages a second, and as many as came in meanwhile, so that it always gets less. */
export class Pace {
  readonly #clock: Clock
  readonly #rate: number
  #left: number
  #at: number

  constructor(clock: Clock, rate: number) {
    this.#clock = clock
    this.#rate = rate
    this.#left = Math.max(1, rate * burst)
    this.#at = clock.monotonic()
  }

  /** A message came in. */
  came(): void {
    this.#left += 1
  }

  /** One may be sent now. */
  take(): boolean {
    const now = this.#clock.monotonic()
    // What came in while nothing could be sent is no reason to send all of it in one turn.
    this.#left = Math.min(Math.max(1, this.#rate * burst), this.#left + (now - this.#at) * this.#rate)
    this.#at = now
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }

  /** Seconds until the next may be. */
  get wait(): number {
    return Math.max(0.005, (1 - this.#left) / this.#rate)
  }
}
