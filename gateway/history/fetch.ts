import { hour } from './keys.js'
import type { Source, Stretch } from './source.js'
import type { Point } from './types.js'

/** Where to go on. */
export interface Place {
  /** Unix seconds. */
  readonly time: number
  /** Readings of this very time that were given already, besides those of the rows up to `after`. */
  readonly given: number
  /** Key of a row. */
  readonly after?: Buffer | undefined
}

/** Of readings that are looked for at once. One is found in any case. */
export interface Most {
  readonly readings: number
  readonly bytes: number
}

export interface Found {
  /** In order of time; those of the same time in the order in which they came. */
  readonly points: readonly Point[]
  /** Undefined: these were all. */
  readonly next: Place | undefined
  readonly bytes: number
}

/** Seconds in which hours with readings are looked for at once. */
const window = 32 * 24 * hour

/** The next readings from a place on, to before a time. */
export async function fetch(source: Source, place: Place, until: number, most: Most, signal?: AbortSignal): Promise<Found> {
  const extent = await source.extent()
  const within = extent === undefined ? undefined : clamp({ from: place.time, to: until }, extent)
  if (within === undefined) return { points: [], next: undefined, bytes: 0 }
  const { from } = within
  const to = Math.min(within.to, from + window)
  const hours = await source.hours({ from, to }, signal)
  const first = new First(most)
  let { given, after } = from === place.time ? place : { given: 0, after: undefined }
  let left = given
  // Nothing else begins at this time than rows of nothing but this time: an instrument's clock may stand.
  let isAlike = true
  for await (const row of source.rows(hours, Math.floor(from * 1e6), after)) {
    signal?.throwIfAborted()
    const begin = row.min / 1e6
    if (begin >= to || first.isFull(begin)) break
    if (begin === from && row.max !== row.min) isAlike = false
    else if (begin === from && left > 0 && row.count <= left) {
      left -= row.count
      if (isAlike && row.key !== undefined) {
        given -= row.count
        after = row.key
      }
      continue
    }
    for (const reading = row.read(); reading.next();) {
      const time = reading.time / 1e6
      if (time < from || time >= to) continue
      if (time === from && left > 0) left -= 1
      else if (first.takes(time)) first.put({ time, size: reading.size, point: reading.point() })
    }
  }
  const last = first.close()
  if (last === undefined) return { ...first.found, next: to === within.to ? undefined : { time: to, given: 0 } }
  const { time, count } = last
  return { ...first.found, next: time === from ? { time, given: given + count, after } : { time, given: count } }
}

interface Item {
  readonly time: number
  readonly size: number
  readonly point: Point
}

/** The first ones, by their time, of readings that come in the order of rows: twice as many as are wanted are held at most. */
class First {
  readonly #most: Most
  #items: Item[] = []
  #bytes = 0
  /** The latest time of them. */
  #latest = -Infinity
  /** From here on nothing is taken any more. */
  #end = Infinity
  #isCut = false

  constructor(most: Most) {
    this.#most = most
  }

  get found(): { readonly points: readonly Point[]; readonly bytes: number } {
    return { points: this.#items.map(({ point }) => point), bytes: this.#bytes }
  }

  takes(time: number): boolean {
    return time < this.#end
  }

  put(item: Item): void {
    this.#items.push(item)
    this.#bytes += item.size
    if (item.time > this.#latest) this.#latest = item.time
    const { readings, bytes } = this.#most
    if (this.#items.length >= 2 * readings || this.#bytes >= 2 * bytes) this.#trim()
  }

  /** Whether there are enough, and what begins at a time comes after them. */
  isFull(begin: number): boolean {
    const { readings, bytes } = this.#most
    if ((this.#items.length < readings && this.#bytes < bytes) || begin < this.#latest) return false
    this.#isCut = true
    return true
  }

  /** Puts them in order. Tells the time of the last one and how many have it, or undefined when all are there that were put. */
  close(): { readonly time: number; readonly count: number } | undefined {
    this.#trim()
    const time = this.#items.at(-1)?.time
    if (!this.#isCut || time === undefined) return undefined
    let count = 0
    while (this.#items.at(-1 - count)?.time === time) count += 1
    return { time, count }
  }

  #trim(): void {
    this.#items.sort((a, b) => a.time - b.time)
    const { readings, bytes } = this.#most
    let [count, size] = [0, 0]
    while (count < this.#items.length && count < readings && (count === 0 || size < bytes)) size += this.#items[count++]?.size ?? 0
    if (count === this.#items.length) return
    this.#items.length = count
    this.#bytes = size
    this.#isCut = true
    this.#latest = this.#end = this.#items[count - 1]?.time ?? Infinity
  }
}

export function clamp(stretch: Stretch, extent: Stretch): Stretch | undefined {
  const from = Math.max(stretch.from, extent.from)
  const to = Math.min(stretch.to, extent.to)
  return from < to ? { from, to } : undefined
}
