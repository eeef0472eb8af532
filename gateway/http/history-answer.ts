import type { Clock } from '../adapter.js'
import type { Entry } from '../devices.js'
import type { History } from '../history/history.js'
import { merge } from '../history/merge.js'
import type { Span } from '../history/moments.js'
import { Slice } from '../history/slice.js'
import { bucketText, placeOf, pointText } from '../history/text.js'
import { nextTurn } from '../history/turn.js'
import type { Plot, Question } from '../history/types.js'
import { formatTime } from '../time.js'
import { csvBucket, csvHeader, csvReading, ndjsonBucket, ndjsonReading, whoseText } from './history-text.js'
import type { Whose } from './history-text.js'

export type Format = 'json' | 'csv' | 'ndjson'

/** A question that is understood. */
export interface HistoryAsked {
  readonly span: Span
  readonly now: number
  readonly format: Format
  /** Its media type. */
  readonly type: string
  readonly points: number | undefined
  readonly limit: number | undefined
  readonly newest: boolean
}

/** Readings that a question gets which gives no limit. */
const defaultLimit = 1000

/** Bytes of JSON of all codenames, without points: what a browser takes at once. */
const maxBytes = 8 * 1024 * 1024
const pieceSize = 64 * 1024
const page = { perPage: 500, pageBytes: 256 * 1024, omits: false }

/** The text of an answer, piece by piece; nothing of it is held. */
export class HistoryAnswer {
  readonly asked: HistoryAsked
  readonly entries: readonly Entry[]
  readonly #history: Pick<History, 'readings' | 'plot'>
  /** In JSON a list, also of one. */
  readonly #several: boolean

  constructor(
    parts: { readonly history: History; readonly clock: Clock },
    asked: HistoryAsked,
    entries: readonly Entry[],
    several: boolean
  ) {
    this.#history = parts.history
    this.asked = asked
    this.entries = entries
    this.#several = several
  }

  async *pieces(signal: AbortSignal): AsyncGenerator<string> {
    const { format, points } = this.asked
    const pieces = format === 'json' ? this.#json(signal) : points === undefined ? this.#rows(signal) : this.#plotRows(points, signal)
    for await (const piece of pieces) {
      signal.throwIfAborted()
      yield piece
      await nextTurn()
    }
    signal.throwIfAborted()
  }

  async *#rows(signal: AbortSignal): AsyncGenerator<string> {
    const whose = this.entries.map(whoseOf)
    const isCsv = this.asked.format === 'csv'
    if (isCsv) yield csvHeader(false)
    const row = isCsv ? csvReading : ndjsonReading
    const streams = this.entries.map((entry) => this.#history.readings(this.#question(entry), signal))
    for await (const placed of merge(streams)) yield* pieces(placed, ({ of, point }) => row(whose[of] as Whose, point))
  }

  async *#plotRows(points: number, signal: AbortSignal): AsyncGenerator<string> {
    const isCsv = this.asked.format === 'csv'
    const rows: [time: number, row: string][] = []
    for (const entry of this.entries) {
      const whose = whoseOf(entry)
      const plot = await this.#history.plot(this.#question(entry), points, signal)
      if (plot.kind === 'readings')
        for (const point of plot.points) rows.push([placeOf(point), isCsv ? csvReading(whose, point, true) : ndjsonReading(whose, point)])
      else
        for (const bucket of plot.buckets)
          rows.push([bucket.time, isCsv ? csvBucket(whose, bucket, plot.step) : ndjsonBucket(whose, bucket, plot.step)])
    }
    rows.sort(([a], [b]) => a - b)
    yield isCsv ? csvHeader(true) : ''
    yield* pieces(rows, ([, row]) => row)
  }

  async *#json(signal: AbortSignal): AsyncGenerator<string> {
    const { from, to, isOpen } = this.asked.span
    const span = `"from":"${formatTime(from)}","to":${isOpen ? 'null' : `"${formatTime(to)}"`}`
    if (this.#several) yield `{${span},"series":[`
    for (const [at, entry] of this.entries.entries()) {
      if (at > 0) yield ','
      yield* this.#series(entry, this.#several ? '' : `,${span}`, signal)
    }
    yield this.#several ? ']}\n' : '\n'
  }

  async *#series(entry: Entry, span: string, signal: AbortSignal): AsyncGenerator<string> {
    const { points, limit = defaultLimit, newest, now } = this.asked
    const { unit } = entry.meta
    const head = `${whoseText(entry)}${span}${unit === undefined ? '' : `,"unit":${JSON.stringify(unit)}`}`
    if (points !== undefined) {
      const plot = await this.#history.plot(this.#question(entry), points, signal)
      yield `${head},${plotText(plot)}}`
      return
    }
    const limits = { ...page, limit, maxBytes: maxBytes / this.entries.length }
    const slice = new Slice(this.#history, this.#question(entry), limits, newest ? now : undefined)
    let before = `${head},"kind":"readings","readings":[`
    for await (const texts of slice.pages(signal)) {
      yield before + texts.join(',')
      before = ','
    }
    yield `],"next":${slice.next === undefined ? 'null' : `"${slice.next}"`}}`
  }

  #question({ device, codename }: Entry): Question {
    const { from, to } = this.asked.span
    return { device, codename, from, to }
  }
}

/** Texts together, in pieces of a size that a socket takes. */
function* pieces<T>(items: readonly T[], write: (item: T) => string): Generator<string> {
  let text = ''
  for (const item of items) {
    text += write(item)
    if (text.length < pieceSize) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

function whoseOf({ device, codename, meta }: Entry): Whose {
  return { device, codename, unit: meta.unit }
}

function plotText(plot: Plot): string {
  return plot.kind === 'readings'
    ? `"kind":"readings","readings":[${plot.points.map(pointText).join(',')}]`
    : `"kind":"rollups","rollups":[${plot.buckets.map(bucketText).join(',')}],"step":${plot.step}`
}
