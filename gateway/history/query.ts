import type { Clock } from '../adapter.js'
import { hour } from './keys.js'
import { Sum, addSums, levels, sumAt } from './rollup.js'
import type { Level, Sums } from './rollup.js'
import { sourceOf } from './source.js'
import type { Source, Stretch } from './source.js'
import type { Bucket, Plot, Point, Question } from './types.js'
import type { Series } from './series.js'
import type { Writer } from './writer.js'

/** Readings of a page. */
const page = 1000

/** Readings looked for at once: the store is not held open for as long as somebody reads. And bytes of their rows: spectra are large. */
const fetched = 8000
const fetchedBytes = 2_097_152

/** Bytes of rows beyond which a plot has roll-ups, however few its readings are. */
const drawn = 8_388_608

/** Seconds in which hours with readings are looked for at once. */
const window = 32 * 86_400

/** Readings that are counted into buckets of less than the shortest roll-up. */
const counted = 500_000

/** Steps of such buckets, in seconds. */
const fine = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

/** Tries when the store is opened afresh meanwhile. */
const tries = 3

/** Where a point stands. */
const placeOf = (point: Point): number => point.since ?? point.time

/** Answers questions; each holds for what was taken in before it, written or not. */
export class Query {
  readonly #writer: Writer
  readonly #clock: Clock

  constructor(writer: Writer, clock: Clock) {
    this.#writer = writer
    this.#clock = clock
  }

  async *readings(question: Question, signal?: AbortSignal): AsyncIterable<readonly Point[]> {
    const series = this.#series(question)
    if (series === undefined) return
    let from = question.from
    while (from < question.to) {
      const stretch = { from, to: question.to }
      const { points, next } = await this.#with(series, (source) => fetch(source, stretch, signal))
      for (let start = 0; start < points.length; start += page) {
        signal?.throwIfAborted()
        yield points.slice(start, start + page)
      }
      from = next
    }
  }

  async plot(question: Question, points: number, signal?: AbortSignal): Promise<Plot> {
    const series = this.#series(question)
    if (series === undefined) return { kind: 'readings', points: [] }
    return await this.#with(series, (source) => plot(source, question, Math.max(points, 1), signal))
  }

  /** Undefined: nothing is known of it. */
  #series({ device, codename, from, to }: Question): Series | undefined {
    return from < to ? this.#writer.names.find(device, codename) : undefined
  }

  async #with<T>(series: Series, run: (source: Source) => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried++) {
      const shelf = this.#writer.shelf
      const source = await sourceOf(this.#writer, series, this.#clock)
      try {
        return await run(source)
      } catch (error) {
        // The store was closed under it, to be opened afresh.
        if (tried === tries || shelf === undefined || shelf === this.#writer.shelf) throw error
      } finally {
        await source.close().catch(() => {})
      }
    }
  }
}

async function fetch(source: Source, stretch: Stretch, signal?: AbortSignal): Promise<{ points: Point[]; next: number; bytes: number }> {
  const extent = await source.extent('c')
  const within = extent === undefined ? undefined : clamp(stretch, extent)
  if (within === undefined) return { points: [], next: stretch.to, bytes: 0 }
  const { from } = within
  const to = Math.min(within.to, from + window)
  const hours = await source.hours({ from, to }, signal)
  const points: Point[] = []
  let bytes = 0
  let next = to === within.to ? stretch.to : to
  for await (const row of source.rows(hours, Math.floor(from * 1e6))) {
    signal?.throwIfAborted()
    const begin = row.min / 1e6
    if (begin >= to) break
    // Nothing that comes is before the begin of this one.
    if (points.length >= fetched || bytes >= fetchedBytes) {
      const before = points.reduce((count, point) => count + (placeOf(point) < begin ? 1 : 0), 0)
      if (before >= fetched || (bytes >= fetchedBytes && before > 0)) {
        next = begin
        break
      }
    }
    bytes += row.bytes
    for (const reading = row.read(); reading.next();) {
      const time = reading.time / 1e6
      if (time >= from && time < to) points.push(reading.point())
    }
  }
  const found = next < to ? points.filter((point) => placeOf(point) < next) : points
  return { points: found.sort((a, b) => placeOf(a) - placeOf(b)), next, bytes }
}

async function plot(source: Source, question: Question, points: number, signal?: AbortSignal): Promise<Plot> {
  const extent = await source.extent('c')
  const known = extent === undefined ? undefined : clamp(question, extent)
  const long = known === undefined ? new Map<number, Sum>() : await source.sums(levels[2], known, 1, signal)
  if (long.size === 0) return { kind: 'readings', points: [] }
  const hours = [...long.keys()].sort((a, b) => a - b)
  const within = clamp(question, { from: (hours[0] as number) * hour, to: ((hours.at(-1) as number) + 1) * hour }) as Stretch
  const wanted = (within.to - within.from) / points
  let level: Level = levels.findLast(({ step }) => step <= wanted) ?? levels[0]
  const readings = await source.extent('r')
  // The readings and the short roll-ups of then are gone.
  if (level.kind === 'a' && (readings === undefined || within.from < readings.from)) level = levels[1]
  const ratio = Math.max(Math.ceil(wanted / level.step), 1)
  let sums: Sums = new Map()
  if (level.kind === 'c') addSums(sums, long, ratio)
  else sums = await source.sums(level, within, ratio, signal)
  let count = 0
  for (const sum of sums.values()) count += sum.count
  const isThere = readings !== undefined && within.from >= readings.from
  if (isThere && count <= points) {
    const found = await collect(source, within, points, signal)
    if (found !== undefined) return { kind: 'readings', points: found }
  }
  if (isThere && wanted < levels[0].step && count <= counted) {
    const step = fine.find((some) => some >= wanted)
    if (step !== undefined) return { kind: 'rollups', step, buckets: bucketsOf(await tally(source, within, step, signal), step) }
  }
  const step = level.step * ratio
  return { kind: 'rollups', step, buckets: bucketsOf(sums, step) }
}

/** The readings; undefined: with the marks there are far more than was thought, or they are too large. */
async function collect(source: Source, stretch: Stretch, points: number, signal?: AbortSignal): Promise<Point[] | undefined> {
  const all: Point[] = []
  let size = 0
  for (let from = stretch.from; from < stretch.to;) {
    const { points: some, next, bytes } = await fetch(source, { from, to: stretch.to }, signal)
    all.push(...some)
    size += bytes
    if (all.length > Math.max(2 * points, fetched) || size > drawn) return undefined
    from = next
  }
  return all
}

/** Buckets of a step made of the readings. */
async function tally(source: Source, { from, to }: Stretch, step: number, signal?: AbortSignal): Promise<Sums> {
  const sums: Sums = new Map()
  let index = NaN
  let sum = new Sum()
  for await (const row of source.rows(await source.hours({ from, to }, signal), Math.floor(from * 1e6))) {
    signal?.throwIfAborted()
    if (row.min >= to * 1e6) break
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

function clamp(stretch: Stretch, extent: Stretch): Stretch | undefined {
  const from = Math.max(stretch.from, extent.from)
  const to = Math.min(stretch.to, extent.to)
  return from < to ? { from, to } : undefined
}
