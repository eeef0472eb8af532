import type { Clock } from '../adapter.js'
import type { Entry } from '../devices.js'
import type { History } from '../history/history.js'
import { merge } from '../history/merge.js'
import type { Span } from '../history/moments.js'
import { Slice } from '../history/slice.js'
import { bucketText, placeOf, pointText } from '../history/text.js'
import { nextTurn } from '../history/turn.js'
import type { Bucket, Plot, Point, Question } from '../history/types.js'
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

/** Bytes of readings of all codenames that are in memory for one answer. */
const heldBytes = 4 * 1024 * 1024
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
    const wanted = { bytes: heldBytes / this.entries.length }
    const streams = this.entries.map((entry) => this.#history.readings(this.#question(entry), signal, wanted))
    for await (const placed of merge(streams)) yield* pieces(placed, ({ of, point }) => row(whose[of] as Whose, point))
  }

  async *#plotRows(points: number, signal: AbortSignal): AsyncGenerator<string> {
    const isCsv = this.asked.format === 'csv'
    const series: Drawn[][] = []
    for (const entry of this.entries) {
      const whose = whoseOf(entry)
      const plot = await this.#history.plot(this.#question(entry), points, signal, heldBytes / this.entries.length)
      series.push(
        plot.kind === 'readings'
          ? plot.points.map((point) => ({ whose, place: placeOf(point), point }))
          : plot.buckets.map((bucket) => ({ whose, place: bucket.time, bucket, step: plot.step }))
      )
    }
    yield isCsv ? csvHeader(true) : ''
    yield* pieces(inOrder(series), (row) => {
      const { whose } = row
      if ('point' in row) return isCsv ? csvReading(whose, row.point, true) : ndjsonReading(whose, row.point)
      return isCsv ? csvBucket(whose, row.bucket, row.step) : ndjsonBucket(whose, row.bucket, row.step)
    })
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
      yield* plotPieces(head, plot)
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
function* pieces<T>(items: Iterable<T>, write: (item: T) => string): Generator<string> {
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

/** The rest of an object. */
function* plotPieces(head: string, plot: Plot): Generator<string> {
  let before = ''
  const next = (text: string): string => {
    const piece = before + text
    before = ','
    return piece
  }
  yield `${head},"kind":"${plot.kind}","${plot.kind}":[`
  if (plot.kind === 'readings') yield* pieces(plot.points, (point) => next(pointText(point)))
  else yield* pieces(plot.buckets, (bucket) => next(bucketText(bucket)))
  yield plot.kind === 'readings' ? ']}' : `],"step":${plot.step}}`
}

/** A row that is written when its turn comes: as text it is many times as large. */
type Drawn = { readonly whose: Whose; readonly place: number } & (
  { readonly point: Point } | { readonly bucket: Bucket; readonly step: number }
)

/** Several lists in order of time; of equal times the first one's first. */
function* inOrder(lists: readonly (readonly Drawn[])[]): Generator<Drawn> {
  const at = lists.map(() => 0)
  for (;;) {
    let [first, place] = [-1, Infinity]
    for (const [index, list] of lists.entries()) {
      const row = list[at[index] as number]
      if (row !== undefined && row.place < place) [first, place] = [index, row.place]
    }
    const row = lists[first]?.[at[first] as number]
    if (row === undefined) return
    at[first] = (at[first] as number) + 1
    yield row
  }
}
