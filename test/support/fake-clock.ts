import type { Clock, Watch } from '../../gateway/adapter.js'

/** A clock that stands until `pass` is called; its wall clock can also be set wrong. */
export class FakeClock implements Clock {
  #monotonic = 1000
  #wall: number
  readonly #timers = new Set<{ at: number; run: () => void }>()

  /** `wall`: Unix seconds at the beginning. */
  constructor(wall = 1_700_000_000) {
    this.#wall = wall - this.#monotonic
  }

  now(): number {
    return this.#wall + this.#monotonic
  }

  monotonic(): number {
    return this.#monotonic
  }

  after(seconds: number, run: () => void): Watch {
    const timer = { at: this.#monotonic + seconds, run }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.size
  }

  /** The wall clock is set; nothing passes. */
  jump(seconds: number): void {
    this.#wall += seconds
  }

  /** Time passes, and no timer comes: those that are due come with the next {@link pass}. As on a machine that was busy or asleep. */
  skip(seconds: number): void {
    this.#monotonic += seconds
  }

  /** Lets time pass, timer by timer, and what each of them sets off. */
  async pass(seconds: number): Promise<void> {
    const end = this.#monotonic + seconds
    await settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#monotonic = Math.max(this.#monotonic, next.at)
      next.run()
      await settle()
    }
    this.#monotonic = end
  }

  #next(end: number): { at: number; run: () => void } | undefined {
    const [first] = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)
    return first
  }
}

/** Lets everything run that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
