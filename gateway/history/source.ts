import type { Clock } from '../adapter.js'
import { GatewayError } from '../errors.js'
import { checkpointKey, hour, kindEnd, kindKey, readingsFrom, rollupKey, timeOf } from './keys.js'
import { addSums, decodeSums, levels, sumAt } from './rollup.js'
import type { Level, Sums } from './rollup.js'
import type { Damage } from './damage.js'
import { readBlock, readRow, slotSpan } from './row.js'
import type { Readable } from './row.js'
import type { Part, Series } from './series.js'
import type { View } from './shelf.js'
import { Pace } from './turn.js'
import type { Writer } from './writer.js'

/** Keys asked for at once. */
const slice = 500

/** Whole seconds, from..to. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** What there is of one series at one moment: rows in the store, and what is in memory. It must be closed. */
export class Source {
  readonly #series: Series
  readonly #view: View
  readonly #pieces: Readable[]
  readonly #sums: Sums
  readonly #damage: Damage
  readonly #pace = new Pace()

  private constructor(series: Series, view: View, pieces: Readable[], sums: Sums, damage: Damage) {
    this.#series = series
    this.#view = view
    this.#pieces = pieces
    this.#sums = sums
    this.#damage = damage
  }

  /** Undefined while the store is not open. What is asked of it later holds for this moment. */
  static open(writer: Writer, series: Series, damage: Damage): (() => Promise<Source>) | undefined {
    const shelf = writer.shelf
    if (shelf === undefined) return undefined
    const view = shelf.view()
    const shard = writer.shardOf(series)
    const { leaving } = shard
    const taken = (part: Part | undefined): { pieces: Readable[]; sums: Sums } => ({
      pieces: part?.pieces.map(readBlock) ?? [],
      sums: part?.copySums() ?? new Map()
    })
    const now = taken(series.part)
    const before = taken(leaving?.parts.get(series))
    return async () => {
      // The checkpoint under way is in the store already, or is not: all of it.
      if (before.pieces.length > 0) {
        const [mark] = await view.get([checkpointKey(shard.index)]).catch(async (error: unknown) => {
          await view.close().catch(() => {})
          throw error
        })
        if (mark === undefined || mark.readUInt32BE() < (leaving?.number ?? 0)) {
          now.pieces.unshift(...before.pieces)
          addSums(now.sums, before.sums)
        }
      }
      return new Source(series, view, now.pieces, now.sums, damage)
    }
  }

  close(): Promise<void> {
    return this.#view.close()
  }

  /** From the first to the last partition of the longest roll-ups in which there is anything of any series; undefined: there is nothing. */
  async extent(): Promise<Stretch | undefined> {
    const { kind, partition: span } = levels[2]
    const range = { gte: kindKey(kind), lt: kindEnd(kind) }
    let [from, to] = [Infinity, -Infinity]
    for (const reverse of [false, true])
      for await (const [key] of this.#view.rows(range, { limit: 1, reverse })) {
        const partition = key.readUInt32BE(1)
        from = Math.min(from, partition * span)
        to = Math.max(to, (partition + 1) * span)
      }
    for (const { min, max } of this.#pieces) {
      from = Math.min(from, Math.floor(min / 1e6 / hour) * hour)
      to = Math.max(to, (Math.floor(max / 1e6 / hour) + 1) * hour)
    }
    return from < to ? { from, to } : undefined
  }

  /** Buckets of a level that touch a stretch, added up to those of `ratio` times its step. */
  async sums(level: Level, { from, to }: Stretch, ratio = 1, signal?: AbortSignal): Promise<Sums> {
    const { step, span } = level
    const sums: Sums = new Map()
    const edge: Sums = new Map()
    const { number } = this.#series
    let starts: number[] = []
    const read = async (series: number): Promise<void> => {
      signal?.throwIfAborted()
      const rows = await this.#view.get(starts.map((start) => rollupKey(level, series, start)))
      for (const [index, row] of rows.entries()) {
        const start = starts[index] as number
        // Only at the ends is there more in a row than was asked for.
        const isWhole = start >= from && start + span <= to
        if (row !== undefined) this.#decode(row, level, start, isWhole ? sums : edge, isWhole ? ratio : 1)
      }
      starts = []
      await this.#turn()
    }
    if (number !== undefined)
      for (let start = Math.floor(from / span) * span; start < to; start += span) {
        starts.push(start)
        if (starts.length === slice) await read(number)
      }
    if (number !== undefined) await read(number)
    addSums(edge, this.#sums, step / levels[0].step)
    for (const [index, sum] of edge) if ((index + 1) * step > from && index * step < to) sumAt(sums, Math.floor(index / ratio)).join(sum)
    return sums
  }

  /** A row that cannot be read is a gap, in which there may have been anything. */
  #decode(row: Buffer, level: Level, start: number, to: Sums, ratio: number): void {
    const { kind, step, span } = level
    try {
      decodeSums(row, to, ratio)
    } catch (error) {
      this.#damage.tell(rollupKey(level, this.#series.number ?? 0, start), kind, this.#series, start, (error as Error).message)
      for (let index = start / step; index < (start + span) / step; index++) sumAt(to, Math.floor(index / ratio)).isGap = true
    }
  }

  async #turn(): Promise<void> {
    if (this.#pace.isDue) await this.#pace.turn()
  }

  /** Hours of a stretch in which there are readings, in order, by their roll-ups. */
  async hours(stretch: Stretch, signal?: AbortSignal): Promise<number[]> {
    const sums = await this.sums(levels[2], stretch, 1, signal)
    return [...sums.keys()].sort((a, b) => a - b)
  }

  /**
   * Rows of these hours with readings from a time on, in microseconds, in order of their first ones. `after`: of those that begin at this
   * very time only the ones behind this key. Others come first now and then: no pace of its own is needed for what each row takes.
   */
  async *rows(hours: readonly number[], from: number, after?: Buffer): AsyncIterable<Readable> {
    for await (const row of this.#merged(hours, from, after)) {
      if (row.max >= from) yield row
      await this.#turn()
    }
  }

  async *#merged(hours: readonly number[], from: number, after: Buffer | undefined): AsyncIterable<Readable> {
    const pieces = this.#pieces.toSorted((a, b) => a.min - b.min)
    let next = 0
    for (const partition of hours) {
      for await (const row of this.#stored(partition, from, after)) {
        for (let piece = pieces[next]; piece !== undefined && piece.min < row.min; piece = pieces[++next]) yield piece
        yield row
      }
      const end = (partition + 1) * hour * 1e6
      for (let piece = pieces[next]; piece !== undefined && piece.min < end; piece = pieces[++next]) yield piece
    }
  }

  async *#stored(partition: number, from: number, after: Buffer | undefined): AsyncIterable<Readable> {
    const { number } = this.#series
    if (number === undefined) return
    // A row that holds the time begins in the same slot.
    const slot = Math.floor(from / 1e6 / slotSpan) * slotSpan * 1e6
    const gte = readingsFrom(partition, number, slot >= partition * hour * 1e6 ? slot : 0)
    const lt = readingsFrom(partition, number + 1)
    const isHere = after !== undefined && after.compare(gte) > 0 && after.compare(lt) < 0
    const ranges = isHere
      ? [
          { gte, lt: readingsFrom(partition, number, timeOf(after)) },
          { gte: Buffer.concat([after, Buffer.alloc(1)]), lt }
        ]
      : [{ gte, lt }]
    for (const range of ranges)
      for await (const [key, bytes] of this.#view.rows(range)) {
        const min = timeOf(key)
        yield readRow(key, min, bytes, (reason) => this.#damage.tell(key, 'r', this.#series, min / 1e6, reason))
      }
  }
}

/** Seconds that a question waits for a store that is being opened. */
const patience = 5

/** The source, when the store is open. Throws a GatewayError when it is not, for long. */
export async function sourceOf(writer: Writer, series: Series, damage: Damage, clock: Clock): Promise<Source> {
  for (let waited = 0; waited <= patience; waited += 0.1) {
    const open = Source.open(writer, series, damage)
    if (open !== undefined) return await open()
    await new Promise<void>((resolve) => void clock.after(0.1, resolve))
  }
  throw new GatewayError('Unreachable', `the history cannot be read at present: ${writer.failure ?? 'it is being opened'}`)
}
