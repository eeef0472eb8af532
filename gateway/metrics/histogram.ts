/** Seconds: from what memory gives to what a person has given up on. */
export const latencyBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const

/** How often something took how long. To observe costs a look at a few numbers, and keeps nothing of what was observed. */
export class Histogram {
  readonly bounds: readonly number[]
  /** Of each bound what was above the one before; the last is beyond all. */
  readonly #counts: Float64Array
  #sum = 0

  constructor(bounds: readonly number[] = latencyBounds) {
    this.bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  /** Seconds. A clock that does not jump gives none below zero. */
  observe(seconds: number): void {
    let at = 0
    while (at < this.bounds.length && seconds > (this.bounds[at] as number)) at += 1
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#sum += seconds
  }

  get sum(): number {
    return this.#sum
  }

  get count(): number {
    return this.#counts.reduce((all, one) => all + one, 0)
  }

  /** What was at most each bound; beyond the last is {@link count}. */
  cumulative(): number[] {
    let all = 0
    return this.bounds.map((_bound, at) => (all += this.#counts[at] as number))
  }
}

/** Of what has a beginning and an end. */
export class Stopwatch extends Histogram {
  readonly #monotonic: () => number

  constructor(monotonic: () => number) {
    super()
    this.#monotonic = monotonic
  }

  /** To be given to {@link took}. */
  now(): number {
    return this.#monotonic()
  }

  took(since: number): void {
    this.observe(this.#monotonic() - since)
  }
}
