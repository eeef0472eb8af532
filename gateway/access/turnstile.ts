/** Computations at once, and what waits for a turn, in all and of one address. */
const atOnce = 2
const mostWaiting = 256
const mostOfOne = 16

/** Told whether its turn has come; false: it has to make room for another address. */
type Go = (isTurn: boolean) => void

/** Hashes cost memory and a processor: few at a time, each address in its turn, and no more than can be waited for. */
export class Turnstile {
  #running = 0
  #count = 0
  /** By address; the first one is next. */
  readonly #waiting = new Map<string, Go[]>()

  /** How many run and wait. */
  get load(): number {
    return this.#running + this.#count
  }

  /** Undefined: too many wait already. */
  async pass<T>(of: string, run: () => Promise<T>): Promise<T | undefined> {
    if (this.#running >= atOnce) {
      // Whoever ends hands the turn on: it stays counted.
      if (!this.#hasRoom(of) || !(await this.#wait(of))) return undefined
    } else this.#running += 1
    try {
      return await run()
    } finally {
      this.#next()
    }
  }

  /** When it is full, the address for which most wait gives up its last place to one for which fewer do. */
  #hasRoom(of: string): boolean {
    const own = this.#waiting.get(of)?.length ?? 0
    if (own >= mostOfOne) return false
    if (this.#count < mostWaiting) return true
    const [longest] = [...this.#waiting.values()].sort((one, other) => other.length - one.length)
    if (longest === undefined || longest.length <= own + 1) return false
    this.#count -= 1
    longest.pop()?.(false)
    return true
  }

  async #wait(of: string): Promise<boolean> {
    const line = this.#waiting.get(of) ?? []
    this.#waiting.set(of, line)
    this.#count += 1
    return await new Promise<boolean>((go) => line.push(go))
  }

  #next(): void {
    for (const [of, line] of this.#waiting) {
      // At the end: its next one has to wait for all others.
      this.#waiting.delete(of)
      const go = line.shift()
      if (line.length > 0) this.#waiting.set(of, line)
      if (go === undefined) continue
      this.#count -= 1
      return go(true)
    }
    this.#running -= 1
  }
}
