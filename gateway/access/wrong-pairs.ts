/** Pairs that are remembered. */
const most = 4096

/**
 * Pairs of name and password that were wrong lately, by the address that they came from, as KnownPairs names them. A program that says the same
 * again and again does not guess: it is told so again, nothing is computed, and it is not counted once more against who shares its address.
 */
export class WrongPairs {
  /** For which user, see Listed.serial; undefined: there was none of the name. */
  readonly #wrong = new Map<string, number | undefined>()

  get size(): number {
    return this.#wrong.size
  }

  /** Whether it was wrong, for the user as he is now. */
  has(pair: string, serial: number | undefined): boolean {
    return this.#wrong.has(pair) && this.#wrong.get(pair) === serial
  }

  add(pair: string, serial: number | undefined): void {
    this.#wrong.delete(pair)
    this.#wrong.set(pair, serial)
    for (const first of this.#wrong.keys()) {
      if (this.#wrong.size <= most) break
      this.#wrong.delete(first)
    }
  }
}
