/** Computations at once, and what waits for a turn, in all and of one address. */
const atOnce = 2
const mostWaiting = 64
const mostOfOne = 16

/** Hashes cost memory and a processor: few at a time, in their order, and no more than can be waited for. */
export class Turnstile {
  #running = 0
  readonly #waiting: { readonly of: string; readonly go: () => void }[] = []

  /** How many run and wait. */
  get load(): number {
    return this.#running + this.#waiting.length
  }

  /** Undefined: too many wait already. */
  async pass<T>(of: string, run: () => Promise<T>): Promise<T | undefined> {
    if (this.#running >= atOnce) {
      const alike = this.#waiting.filter((other) => other.of === of).length
      if (this.#waiting.length >= mostWaiting || alike >= mostOfOne) return undefined
      // Whoever ends hands the turn on: it stays counted.
      await new Promise<void>((go) => this.#waiting.push({ of, go }))
    } else this.#running += 1
    try {
      return await run()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next.go()
    }
  }
}
