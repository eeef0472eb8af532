import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { IntervalHistogram } from 'node:perf_hooks'

/** Milliseconds between two looks; a look costs about a microsecond, none of it in JavaScript. */
const resolution = 20

/** Milliseconds that so many of 100 looks were late at most, and the latest of them. */
export interface Delays {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** How late the process comes to what is due: on a machine that is too slow, or was stopped, for anything that it does. */
export class LoopDelay {
  #histogram: IntervalHistogram | undefined
  #last: Delays | undefined

  start(): void {
    this.#histogram = monitorEventLoopDelay({ resolution })
    this.#histogram.enable()
  }

  stop(): void {
    this.#histogram?.disable()
    this.#histogram = undefined
  }

  /** What the last {@link take} saw. */
  get last(): Delays | undefined {
    return this.#last
  }

  /** Milliseconds that 99 of 100 looks since the last call were late at most; undefined: nothing was looked at. */
  take(): number | undefined {
    const histogram = this.#histogram
    if (histogram === undefined || histogram.count === 0) return undefined
    const late = (nanoseconds: number): number => Math.round(Math.max(nanoseconds / 1e6 - resolution, 0) * 10) / 10
    this.#last = { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) }
    histogram.reset()
    return this.#last.p99
  }
}
