import type { Clock, Watch } from '../../gateway/adapter.js'

interface Timer {
  /** Monotonic seconds. */
  readonly due: number
  readonly run: () => void
  handle: NodeJS.Timeout | undefined
}

/** Seconds; Node cannot wait longer than 2^31 ms in one go. */
const longest = 2_000_000

/** Seconds: no timer is sooner, as in Node, so that a chain of timers cannot hold time still. */
const soonest = 0.001

/** Runs with the machine's clock until it is told to stand still; then time passes in steps, and timers wait for it. */
export class ScriptedClock implements Clock {
  readonly #timers = new Set<Timer>()
  /** Seconds added to the machine's clocks. */
  #ahead = { now: 0, monotonic: 0 }
  #still: { now: number; monotonic: number } | undefined

  now(): number {
    return this.#still?.now ?? Date.now() / 1000 + this.#ahead.now
  }

  monotonic(): number {
    return this.#still?.monotonic ?? performance.now() / 1000 + this.#ahead.monotonic
  }

  after(seconds: number, run: () => void): Watch {
    const timer: Timer = { due: this.monotonic() + Math.max(seconds, soonest), run, handle: undefined }
    this.#timers.add(timer)
    this.#arm(timer)
    return { cancel: () => this.#forget(timer) }
  }

  /** From now on it is `now`, in Unix seconds. Whole monotonic seconds, so that ages come out as exact as in the original. */
  standStill(now = this.now()): void {
    const monotonic = Math.ceil(this.monotonic())
    this.#still = { now, monotonic }
    for (const timer of this.#timers) this.#disarm(timer)
  }

  /** Lets time pass at once; timers that become due fire in their order. */
  advance(seconds: number): void {
    const start = this.#still
    if (start === undefined) {
      this.#ahead = { now: this.#ahead.now + seconds, monotonic: this.#ahead.monotonic + seconds }
      this.#armAll()
      return
    }
    const end = { now: start.now + seconds, monotonic: start.monotonic + seconds }
    for (let next = this.#next(end.monotonic); next !== undefined; next = this.#next(end.monotonic)) {
      const passed = Math.max(next.due - start.monotonic, 0)
      this.#still = { now: start.now + passed, monotonic: start.monotonic + passed }
      this.#fire(next)
    }
    this.#still = end
  }

  /** Runs with the machine's clock again. */
  letRun(): void {
    if (this.#still !== undefined) this.#ahead = { now: 0, monotonic: this.#still.monotonic - performance.now() / 1000 }
    else this.#ahead = { ...this.#ahead, now: 0 }
    this.#still = undefined
    this.#armAll()
  }

  #next(until: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) if (timer.due <= until && (first === undefined || timer.due < first.due)) first = timer
    return first
  }

  #fire(timer: Timer): void {
    this.#forget(timer)
    timer.run()
  }

  #forget(timer: Timer): void {
    this.#disarm(timer)
    this.#timers.delete(timer)
  }

  #armAll(): void {
    for (const timer of this.#timers) this.#arm(timer)
  }

  #arm(timer: Timer): void {
    this.#disarm(timer)
    if (this.#still !== undefined) return
    const left = Math.min(Math.max(timer.due - this.monotonic(), 0), longest)
    timer.handle = setTimeout(() => (timer.due - this.monotonic() > soonest ? this.#arm(timer) : this.#fire(timer)), left * 1000)
  }

  #disarm(timer: Timer): void {
    clearTimeout(timer.handle)
    timer.handle = undefined
  }
}
