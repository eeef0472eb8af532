import type { Clock } from '../adapter.js'
import { GatewayError } from '../errors.js'
import { checkpointKey, hour, kindEnd, kindKey, readingsFrom, rollupKey, timeOf } from './keys.js'
import { addSums, decodeSums, levels } from './rollup.js'
import type { Level, Sums } from './rollup.js'
import { readBlock, readRow, slotSpan } from './row.js'
import type { Readable } from './row.js'
import type { Part, Series } from './series.js'
import type { View } from './shelf.js'
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

  private constructor(series: Series, view: View, pieces: Readable[], sums: Sums) {
    this.#series = series
    this.#view = view
    this.#pieces = pieces
    this.#sums = sums
  }

  /** Undefined while the store is not open. What is asked of it later holds for this moment. */
  static open(writer: Writer, series: Series): (() => Promise<Source>) | undefined {
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
      return new Source(series, view, now.pieces, now.sums)
    }
  }

  close(): Promise<void> {
    return this.#view.close()
  }

  /** From the first to the last partition in which there is anything of any series; undefined: there is nothing. */
  async extent(kind: 'r' | 'c'): Promise<Stretch | undefined> {
    const range = { gte: kindKey(kind), lt: kindEnd(kind) }
    let [from, to] = [Infinity, -Infinity]
    const span = kind === 'r' ? hour : levels[2].partition
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
    const found: Sums = new Map()
    const { number } = this.#series
    let keys: Buffer[] = []
    const read = async (): Promise<void> => {
      signal?.throwIfAborted()
      for (const row of await this.#view.get(keys)) if (row !== undefined) decodeSums(row, found)
      keys = []
    }
    if (number !== undefined)
      for (let start = Math.floor(from / span) * span; start < to; start += span) {
        keys.push(rollupKey(level, number, start))
        if (keys.length === slice) await read()
      }
    await read()
    addSums(found, this.#sums, step / levels[0].step)
    const sums: Sums = new Map()
    for (const [index, sum] of found) if ((index + 1) * step > from && index * step < to) addSums(sums, new Map([[index, sum]]), ratio)
    return sums
  }

  /** Hours of a stretch in which there are readings, in order, by their roll-ups. */
  async hours(stretch: Stretch, signal?: AbortSignal): Promise<number[]> {
    const sums = await this.sums(levels[2], stretch, 1, signal)
    return [...sums.keys()].sort((a, b) => a - b)
  }

  /** Rows of these hours with readings from a time on, in microseconds, in order of their first ones. */
  async *rows(hours: readonly number[], from: number): AsyncIterable<Readable> {
    const pieces = this.#pieces.toSorted((a, b) => a.min - b.min)
    let next = 0
    for (const partition of hours) {
      for await (const row of this.#stored(partition, from)) {
        for (let piece = pieces[next]; piece !== undefined && piece.min < row.min; piece = pieces[++next])
          if (piece.max >= from) yield piece
        if (row.max >= from) yield row
      }
      const end = (partition + 1) * hour * 1e6
      for (let piece = pieces[next]; piece !== undefined && piece.min < end; piece = pieces[++next]) if (piece.max >= from) yield piece
    }
  }

  async *#stored(partition: number, from: number): AsyncIterable<Readable> {
    const { number } = this.#series
    if (number === undefined) return
    // A row that holds the time begins in the same slot.
    const slot = Math.floor(from / 1e6 / slotSpan) * slotSpan * 1e6
    const gte = readingsFrom(partition, number, slot >= partition * hour * 1e6 ? slot : 0)
    for await (const [key, bytes] of this.#view.rows({ gte, lt: readingsFrom(partition, number + 1) })) yield readRow(timeOf(key), bytes)
  }
}

/** Seconds that a question waits for a store that is being opened. */
const patience = 5

/** The source, when the store is open. Throws a GatewayError when it is not, for long. */
export async function sourceOf(writer: Writer, series: Series, clock: Clock): Promise<Source> {
  for (let waited = 0; waited <= patience; waited += 0.1) {
    const open = Source.open(writer, series)
    if (open !== undefined) return await open()
    await new Promise<void>((resolve) => void clock.after(0.1, resolve))
  }
  throw new GatewayError('Unreachable', `the history cannot be read at present: ${writer.failure ?? 'it is being opened'}`)
}
