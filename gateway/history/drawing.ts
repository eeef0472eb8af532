import { clamp, fetch } from './fetch.js'
import type { Most, Place } from './fetch.js'
import { hour } from './keys.js'
import type { DataKind } from './keys.js'
import { Sum, addSums, levels, sumAt } from './rollup.js'
import type { Level, Sums } from './rollup.js'
import type { Source, Stretch } from './source.js'
import type { Bucket, Plot, Point, Question } from './types.js'

/** Readings that are counted into buckets of less than the shortest roll-up, and bytes of their rows. */
const counted: Most = { readings: 500_000, bytes: 16_777_216 }

/** Steps of such buckets, in seconds. */
const fine = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

/** Readings looked for at once; so many marks besides what was counted are borne. */
const fetched = 8000

/** What is drawn of one codename. */
export class Drawing {
  readonly #source: Source
  readonly #horizon: (kind: DataKind) => number
  readonly #signal: AbortSignal | undefined

  /** `horizon`: Unix seconds from which on all that there was of a kind is there. */
  constructor(source: Source, horizon: (kind: DataKind) => number, signal?: AbortSignal) {
    this.#source = source
    this.#horizon = horizon
    this.#signal = signal
  }

  async plot(question: Question, most: Most): Promise<Plot> {
    const extent = await this.#source.extent()
    const known = extent === undefined ? undefined : clamp(question, extent)
    const long = known === undefined ? new Map<number, Sum>() : await this.#source.sums(levels[2], known, 1, this.#signal)
    if (long.size === 0) return { kind: 'readings', points: [] }
    const hours = [...long.keys()].sort((a, b) => a - b)
    const within = clamp(question, { from: (hours[0] as number) * hour, to: ((hours.at(-1) as number) + 1) * hour }) as Stretch
    const wanted = (within.to - within.from) / most.readings
    const level = this.#level(within, wanted)
    const ratio = Math.max(Math.ceil(wanted / level.step), 1)
    let sums: Sums = new Map()
    if (level.kind === 'c') addSums(sums, long, ratio)
    else sums = await this.#source.sums(level, within, ratio, this.#signal)
    let count = 0
    for (const sum of sums.values()) count += sum.count
    const isThere = this.#isThere('r', within)
    if (isThere && count <= most.readings) {
      const found = await this.#collect(within, most)
      if (found !== undefined) return { kind: 'readings', points: found }
    }
    if (isThere && wanted < levels[0].step && count <= counted.readings) {
      const step = fine.find((some) => some >= wanted)
      const found = step === undefined ? undefined : await this.#tally(within, step)
      if (step !== undefined && found !== undefined) return { kind: 'rollups', step, buckets: bucketsOf(found, step) }
    }
    const step = level.step * ratio
    return { kind: 'rollups', step, buckets: bucketsOf(sums, step) }
  }

  #isThere(kind: DataKind, { from }: Stretch): boolean {
    return from >= this.#horizon(kind)
  }

  /** The longest of those that are fine enough, as far as nothing of them was removed; else the next that are there, or the longest of all. */
  #level(within: Stretch, wanted: number): Level {
    const whole = levels.filter(({ kind }) => this.#isThere(kind, within))
    return whole.findLast(({ step }) => step <= wanted) ?? whole[0] ?? levels[2]
  }

  /** The readings; undefined: with the marks there are far more than was thought, or they are too large. */
  async #collect({ from, to }: Stretch, { readings, bytes }: Most): Promise<Point[] | undefined> {
    const all: Point[] = []
    let left = bytes
    let place: Place | undefined = { time: from, given: 0 }
    while (place !== undefined) {
      if (all.length > Math.max(2 * readings, fetched) || left <= 0) return undefined
      const found: Awaited<ReturnType<typeof fetch>> = await fetch(
        this.#source,
        place,
        to,
        { readings: fetched, bytes: left },
        this.#signal
      )
      for (const point of found.points) all.push(point)
      left -= found.bytes
      place = found.next
    }
    return all
  }

  /** Buckets of a step made of the readings; undefined: they are too large to look through all of them. */
  async #tally({ from, to }: Stretch, step: number): Promise<Sums | undefined> {
    const sums: Sums = new Map()
    let [index, bytes] = [NaN, 0]
    let sum = new Sum()
    for await (const row of this.#source.rows(await this.#source.hours({ from, to }, this.#signal), Math.floor(from * 1e6))) {
      this.#signal?.throwIfAborted()
      if (row.min >= to * 1e6) break
      bytes += row.bytes
      if (bytes > counted.bytes) return undefined
      for (const reading = row.read(); reading.next();) {
        const time = reading.time / 1e6
        if (time < from || time >= to) continue
        // The middle of what a double cannot tell apart stays on the right side.
        const at = Math.floor(time / step + 1e-9)
        if (at !== index) sum = sumAt(sums, (index = at))
        sum.take(reading.quality, reading.value)
      }
    }
    return sums
  }
}

function bucketsOf(sums: Sums, step: number): Bucket[] {
  const buckets: Bucket[] = []
  for (const [index, sum] of [...sums].sort(([a], [b]) => a - b)) {
    const bucket = sum.bucket(index * step)
    const before = buckets.at(-1)
    // A mark tells that it was away before: so no line comes from there.
    if (bucket.isGap && before !== undefined && bucket.time - before.time > step * 1.5)
      buckets[buckets.length - 1] = { ...before, isGap: true }
    buckets.push(bucket)
  }
  return buckets
}
