import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { IntervalHistogram } from 'node:perf_hooks'

/** Milliseconds between two looks; a look costs about a microsecond, none of it in JavaScript. */
const resolution = 20

/** How late the process comes to what is due: on a machine that is too slow, or was stopped, for anything that it does. */
export class LoopDelay {
  #histogram: IntervalHistogram | undefined

  start(): void {
    this.#histogram = monitorEventLoopDelay({ resolution })
    this.#histogram.enable()
  }

  stop(): void {
    this.#histogram?.disable()
    this.#histogram = undefined
  }

  /** Milliseconds that 99 of 100 looks since the last call were late at most; undefined: nothing was looked at. */
  take(): number | undefined {
    const histogram = this.#histogram
    if (histogram === undefined || histogram.count === 0) return undefined
    const late = histogram.percentile(99) / 1e6 - resolution
    histogram.reset()
    return Math.round(Math.max(late, 0) * 10) / 10
  }
}
