/** Seconds over which a rate is taken. */
const memory = 10

/** Seconds after the first before there is one: what comes in one burst says nothing yet. */
const early = 3

/** How often something comes, per second, weighing what is longer ago less; in constant memory. */
export class Rate {
  #weight = 0
  #first: number | undefined
  #last = 0
  #count = 0

  add(at: number): void {
    this.#weight = this.#faded(at) + 1 / memory
    this.#first ??= at
    this.#last = Math.max(this.#last, at)
    this.#count += 1
  }

  /** Undefined while it is too early, or too few have come, to tell. */
  at(now: number): number | undefined {
    if (this.#first === undefined || this.#count < 2 || now - this.#first < early) return undefined
    // Of what began a moment ago, only that moment counts.
    return this.#faded(now) / (1 - Math.exp((this.#first - now) / memory))
  }

  #faded(now: number): number {
    return this.#count === 0 ? 0 : this.#weight * Math.exp(-Math.max(now - this.#last, 0) / memory)
  }
}

/** Of a counter that is looked at now and then: how fast it grew from one look to the next. */
export class CounterRate {
  #before: { readonly at: number; readonly count: number } | undefined
  #rate: number | undefined

  /** Per second; undefined before the second look, and after the counter began anew. */
  look(at: number, count: number): number | undefined {
    const before = this.#before
    if (before !== undefined && at <= before.at) return this.#rate
    this.#before = { at, count }
    this.#rate = before === undefined || count < before.count ? undefined : (count - before.count) / (at - before.at)
    return this.#rate
  }
}
