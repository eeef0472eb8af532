/** The last things, as many as there is room for. */
export class Ring<T> {
  readonly #most: number
  readonly #mostSize: number
  readonly #items: { readonly item: T; readonly size: number }[] = []
  #size = 0
  #count = 0

  /** `mostSize`: in the measure in which {@link add} is told the size. */
  constructor(most: number, mostSize: number) {
    this.#most = most
    this.#mostSize = mostSize
  }

  /** One that is larger than everything may be is kept alone. */
  add(item: T, size: number): void {
    this.#items.push({ item, size })
    this.#size += size
    this.#count += 1
    while (this.#items.length > this.#most || (this.#size > this.#mostSize && this.#items.length > 1))
      this.#size -= this.#items.shift()?.size ?? 0
  }

  /** The oldest first. */
  all(): T[] {
    return this.#items.map(({ item }) => item)
  }

  /** All that were ever added. */
  get count(): number {
    return this.#count
  }

  get size(): number {
    return this.#size
  }
}
