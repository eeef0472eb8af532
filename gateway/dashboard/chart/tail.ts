/** Readings as they come, in the order of their times and bounded: the older ones are joined, two and two, when there are too many. */
import { isDrawn, isSame, placeOf } from './sample.js'
import type { Sample } from './sample.js'

interface Arrived {
  readonly sample: Sample
  /** By the clock of whoever adds it. */
  readonly at: number
}

export class Tail {
  /** In the order of their places. */
  readonly samples: Sample[] = []
  /** When each arrived, beside `samples`. */
  readonly #arrived: number[] = []
  readonly #bound: number

  constructor(bound = 4000) {
    this.#bound = bound
  }

  /** Where it was put; -1: it is there already. */
  add(sample: Sample, at: number): number {
    if (this.has(sample)) return -1
    const place = placeOf(this.samples, sample.time)
    this.samples.splice(place, 0, sample)
    this.#arrived.splice(place, 0, at)
    if (this.samples.length <= this.#bound) return place
    this.#compact()
    return 0
  }

  has(sample: Sample): boolean {
    // A stale one stands where it became so, which two clocks tell differently: looked for among the last ones.
    if (sample.trust === 'stale') return this.samples.slice(-50).some((other) => isSame(other, sample))
    for (let i = placeOf(this.samples, sample.time) - 1; i >= 0; i -= 1) {
      const other = this.samples[i] as Sample
      if (other.time !== sample.time) return false
      if (isSame(other, sample)) return true
    }
    return false
  }

  /** Forgets what `covered` says the history holds. */
  drop(covered: (sample: Sample, at: number) => boolean): void {
    this.#replace(this.#all().filter(({ sample, at }) => !covered(sample, at)))
  }

  #all(): Arrived[] {
    return this.samples.map((sample, i) => ({ sample, at: this.#arrived[i] as number }))
  }

  #replace(all: readonly Arrived[]): void {
    this.samples.length = 0
    this.#arrived.length = 0
    for (const { sample, at } of all) {
      this.samples.push(sample)
      this.#arrived.push(at)
    }
  }

  /** Lowest and highest are kept, so that peaks never vanish; what says that a line ends stays as it is. */
  #compact(): void {
    const all = this.#all()
    const half = all.length >> 1
    const joined: Arrived[] = []
    for (let i = 0; i < half; i += 1) {
      const [one, two] = [all[i] as Arrived, i + 1 < half ? (all[i + 1] as Arrived) : undefined]
      const both = two && join(one.sample, two.sample)
      if (two && both) {
        joined.push({ sample: both, at: Math.max(one.at, two.at) })
        i += 1
      } else joined.push(one)
    }
    // Where hardly anything can be joined, the oldest go: the history has them.
    const kept = joined.length > half * 0.75 ? joined.slice(joined.length >> 1) : joined
    this.#replace([...kept, ...all.slice(half)])
  }
}

/** Undefined: they say different things. */
export function join(a: Sample, b: Sample): Sample | undefined {
  if (!isDrawn(a) || !isDrawn(b) || a.trust !== b.trust || a.text !== b.text) return undefined
  // Of a state its beginning is what counts.
  if (a.text !== undefined) return { ...a, to: b.to, count: a.count + b.count, ends: false }
  if (a.value === null || b.value === null || a.min === null || b.min === null || a.max === null || b.max === null) return undefined
  const count = a.count + b.count
  const weigh = (one: number, two: number): number => (one * a.count + two * b.count) / count
  const time = weigh(a.time, b.time)
  return {
    time,
    measured: time,
    from: a.from,
    to: b.to,
    value: weigh(a.value, b.value),
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    count,
    trust: a.trust,
    ends: false
  }
}
