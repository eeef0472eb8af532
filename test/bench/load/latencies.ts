/** Send times of what is under way, in order, and how long each took. */
export class Latencies {
  readonly #sent: Float64Array
  readonly #taken: number[] = []
  #in = 0
  #out = 0

  /** At most `window` may be under way. */
  constructor(window: number) {
    this.#sent = new Float64Array(window)
  }

  get underway(): number {
    return this.#in - this.#out
  }

  get answered(): number {
    return this.#out
  }

  send(now: number): void {
    this.#sent[this.#in++ % this.#sent.length] = now
  }

  /** The oldest that is under way has been answered. */
  answer(now: number): void {
    if (this.#out === this.#in) return
    this.#taken.push(now - (this.#sent[this.#out++ % this.#sent.length] as number))
  }

  /** Gives up what is under way; returns how many that were. */
  giveUp(): number {
    const lost = this.underway
    this.#in = this.#out
    return lost
  }

  taken(): readonly number[] {
    return this.#taken
  }
}

/** The values that this part of all is not above, in milliseconds. */
export function quantiles(all: readonly (readonly number[])[]): { p50: number; p99: number; max: number } {
  const sorted = Float64Array.from(all.flat()).sort()
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? NaN }
}
