import type { Clock, Watch } from '../../gateway/adapter.js'
import { systemClock } from '../../gateway/clock.js'

/** The machine's clock, so many times as fast: what takes seconds takes a moment, and is as real. */
export class FastClock implements Clock {
  readonly #factor: number
  readonly #start = { wall: systemClock.now(), monotonic: systemClock.monotonic() }

  constructor(factor: number) {
    this.#factor = factor
  }

  now(): number {
    return this.#start.wall + this.#passed
  }

  monotonic(): number {
    return this.#start.monotonic + this.#passed
  }

  after(seconds: number, run: () => void): Watch {
    return systemClock.after(seconds / this.#factor, run)
  }

  get #passed(): number {
    return (systemClock.monotonic() - this.#start.monotonic) * this.#factor
  }
}
