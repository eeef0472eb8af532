/** A series 0, 1, 2 … of which some are known, in as little memory as their gaps take. */
export class Numbers {
  /** All below are known. */
  #below = 0
  readonly #beyond = new Set<number>()

  add(number: number): void {
    if (number < this.#below) return
    this.#beyond.add(number)
    while (this.#beyond.delete(this.#below)) this.#below += 1
  }

  has(number: number): boolean {
    return number < this.#below || this.#beyond.has(number)
  }

  get count(): number {
    return this.#below + this.#beyond.size
  }

  /** How many of these the other does not know; only what lies beyond what it knows without gap is looked at. */
  missingIn(other: Numbers): number {
    let missing = 0
    for (let number = other.#below; number < this.#below; number++) if (!other.has(number)) missing += 1
    for (const number of this.#beyond) if (!other.has(number)) missing += 1
    return missing
  }
}
