/** Dead letters of one client: a second, and at once. */
const rate = 20
const atOnce = 200

/** Clients that are remembered; those that were refused longest ago are forgotten. */
const most = 1000

/** How many dead letters each client may still have. */
export class Letters {
  readonly #monotonic: () => number
  readonly #buckets = new Map<string, { left: number; at: number }>()

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  /** Takes one; false: there is none left. */
  take(client: string): boolean {
    const now = this.#monotonic()
    const { left, at } = this.#buckets.get(client) ?? { left: atOnce, at: now }
    const filled = Math.min(atOnce, left + (now - at) * rate)
    this.#buckets.delete(client)
    this.#buckets.set(client, { left: filled < 1 ? filled : filled - 1, at: now })
    for (const first of this.#buckets.keys()) {
      if (this.#buckets.size <= most) break
      this.#buckets.delete(first)
    }
    return filled >= 1
  }
}
