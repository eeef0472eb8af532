/** The newest of each state that a rig told too fast: what it is now must be shown, whatever it says how often. */
import type { Clock, Reading, Watch } from '../../gateway/adapter.js'

/** Seconds until they are shown. */
const showWithin = 0.25

export interface LatestOptions {
  readonly clock: Clock
  readonly show: (readings: readonly Reading[]) => void
}

export class RigLatest {
  readonly #options: LatestOptions
  /** By codename. */
  readonly #held = new Map<string, Reading>()
  #timer: Watch | undefined

  constructor(options: LatestOptions) {
    this.#options = options
  }

  hold(readings: readonly Reading[]): void {
    for (const reading of readings) this.#held.set(reading.codename, reading)
    if (this.#held.size > 0) this.#timer ??= this.#options.clock.after(showWithin, () => this.flush())
  }

  /** Newer ones are shown. */
  replaced(readings: readonly Reading[]): void {
    for (const { codename } of readings) this.#held.delete(codename)
  }

  /** At once. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const readings = [...this.#held.values()]
    this.#held.clear()
    if (readings.length > 0) this.#options.show(readings)
  }
}
