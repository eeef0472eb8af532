/** A part of the readings that is as large as it may be, and where to go on. */
import { GatewayError } from '../errors.js'
import { formatTime, parseTime } from '../time.js'
import { newestFirst } from './newest.js'
import type { Reader } from './newest.js'
import { placeOf, pointText } from './text.js'
import { Pace } from './turn.js'
import type { Point, Question } from './types.js'

export interface SliceLimits {
  /** Readings in all. */
  readonly limit: number
  /** Bytes in all. */
  readonly maxBytes: number
  /** Readings and bytes of a page. */
  readonly perPage: number
  readonly pageBytes: number
  /** Larger readings than a page are told without their values, as nobody could be sent them. */
  readonly omits: boolean
}

/** Readings beyond the limit that may have the very time of the last one: they stay together, as `next` could not tell them apart. */
const alike = 1000

/** Readings as JSON, in pages. */
export class Slice {
  /** Readings given so far. */
  count = 0
  /** When there is more: what `from` is to be then (or `to`, when the newest came first). */
  next: string | undefined
  readonly #reader: Reader
  readonly #question: Question
  readonly #limits: SliceLimits
  /** The newest first, as seen from this time. */
  readonly #newest: number | undefined

  constructor(reader: Reader, question: Question, limits: SliceLimits, newest?: number) {
    this.#reader = reader
    this.#question = question
    this.#limits = limits
    this.#newest = newest
  }

  /** At least one page, perhaps an empty one. Throws `RateLimited` where it cannot go on. */
  async *pages(signal?: AbortSignal): AsyncGenerator<readonly string[]> {
    const { limit, maxBytes, perPage, pageBytes, omits } = this.#limits
    let page: string[] = []
    let [pageSize, size] = [0, 0]
    let before: Point | undefined
    const pace = new Pace()
    for await (const points of this.#points(signal))
      for (const point of points) {
        if (pace.isDue) await pace.turn()
        let text = pointText(point)
        let bytes = Buffer.byteLength(text) + 1
        if (omits && bytes > pageBytes) {
          text = omitted(point, bytes)
          bytes = text.length + 1
        }
        if (before !== undefined && (this.count >= limit || size + bytes > maxBytes)) {
          this.next = this.#boundary(before, point)
          if (this.next !== undefined) {
            yield page
            return
          }
          if (size + bytes > 2 * maxBytes)
            throw new GatewayError(
              'RateLimited',
              `more than ${maxBytes} bytes of readings have the time ${formatTime(placeOf(point))}: ask without limit, over HTTP as CSV`
            )
          if (this.count >= limit + alike)
            throw new GatewayError(
              'RateLimited',
              `more than ${alike} readings have the time ${formatTime(placeOf(point))}: ask without limit, over HTTP as CSV`
            )
        }
        if (page.length >= perPage || pageSize + bytes > pageBytes) {
          if (page.length > 0) yield page
          page = []
          pageSize = 0
        }
        page.push(text)
        pageSize += bytes
        size += bytes
        this.count += 1
        before = point
      }
    yield page
  }

  #points(signal: AbortSignal | undefined): AsyncIterable<readonly Point[]> {
    const { limit } = this.#limits
    return this.#newest === undefined
      ? // One more tells that there is more.
        this.#reader.readings(this.#question, signal, { readings: limit + 1 })
      : newestFirst(this.#reader, this.#question, limit + alike + 1, this.#newest, signal)
  }

  /** A time as it is written that has one of both on either side; undefined when no such can be written. */
  #boundary(before: Point, after: Point): string | undefined {
    const [first, then] = this.#newest === undefined ? [before, after] : [after, before]
    // From this time on is `then`; `first` is not.
    const text = notAfter(placeOf(then))
    return (parseTime(text) as number) > placeOf(first) ? text : undefined
  }
}

/** The time as it is written; where that is rounded up, a microsecond less. */
function notAfter(time: number): string {
  const text = formatTime(time)
  return (parseTime(text) as number) > time ? formatTime(time - 1e-6) : text
}

function omitted(point: Point, bytes: number): string {
  const { quality, since, time } = point
  return `{"omitted":${bytes},"quality":"${quality}",${since === undefined ? '' : `"since":"${formatTime(since)}",`}"time":"${formatTime(time)}"}`
}

/** Texts in pages of so many and so many bytes. At least one. */
export function* paged(texts: readonly string[], perPage: number, pageBytes: number): Generator<readonly string[]> {
  let page: string[] = []
  let size = 0
  for (const text of texts) {
    const bytes = Buffer.byteLength(text) + 1
    if (page.length >= perPage || (page.length > 0 && size + bytes > pageBytes)) {
      yield page
      page = []
      size = 0
    }
    page.push(text)
    size += bytes
  }
  yield page
}
