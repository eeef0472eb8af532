/** Asks again and again, while somebody looks. */

export interface PollerOptions {
  /** Resolves with whether it went well, and never rejects. */
  readonly ask: (signal: AbortSignal) => Promise<boolean>
  /** From the end of one question to the next. */
  readonly seconds: number
  readonly after: (seconds: number, run: () => void) => { cancel(): void }
  readonly isVisible: () => boolean
}

/** Seconds between two questions at least, and at most when the last one failed. */
const least = 1
const patience = 10

/** Asks at once and then every so many seconds; not while the page is hidden, and no longer than it is open. One question at a time. */
export class Poller {
  readonly #options: PollerOptions
  readonly #seconds: number
  #asking: AbortController | undefined
  #timer: { cancel(): void } | undefined
  #failures = 0
  #stopped = false

  constructor(options: PollerOptions) {
    this.#options = options
    this.#seconds = Math.max(least, options.seconds)
  }

  /** Asks now, where somebody looks; also to be called when the page is shown or hidden. A question that is under way is given up. */
  now(): void {
    this.#pause()
    if (!this.#stopped && this.#options.isVisible()) void this.#once()
  }

  /** Asks now, unless it is asking already. */
  hurry(): void {
    if (this.#asking === undefined) this.now()
  }

  stop(): void {
    this.#stopped = true
    this.#pause()
  }

  #pause(): void {
    this.#timer?.cancel()
    this.#asking?.abort()
    this.#asking = undefined
  }

  async #once(): Promise<void> {
    const asking = new AbortController()
    this.#asking = asking
    const well = await this.#options.ask(asking.signal)
    if (asking.signal.aborted) return
    this.#asking = undefined
    this.#failures = well ? 0 : this.#failures + 1
    this.#timer = this.#options.after(this.#wait(), () => this.now())
  }

  #wait(): number {
    if (this.#failures === 0) return this.#seconds
    return Math.min(Math.max(patience, this.#seconds), this.#seconds * 2 ** (this.#failures - 1))
  }
}
