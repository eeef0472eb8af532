import type { Exact } from '../adapter.js'
import { ByteReader, ByteWriter } from './bytes.js'
import type { Traits } from './codec.js'
import { checkpointKey, journalKey, readingsKey, rollupKey } from './keys.js'
import type { Names } from './names.js'
import { addSums, decodeSums, encodeSums, levels, sumAt } from './rollup.js'
import type { Sums } from './rollup.js'
import { Part, Piece } from './series.js'
import type { Series } from './series.js'
import type { Change, View } from './shelf.js'

/** The parts of a checkpoint that is under way, or is tried again. */
export interface Leaving {
  readonly number: number
  readonly parts: ReadonlyMap<Series, Part>
  readonly bytes: number
  /** Number of the first row of the journal that stays. */
  readonly journalEnd: number
}

export interface Checkpoint {
  readonly changes: readonly Change[]
  /** An earlier try was written, although it was told that it had failed. */
  readonly isWritten: boolean
  /** To be called when it is written. */
  readonly saved: () => void
  /** Rows of roll-ups that could not be read, and are replaced. */
  readonly broken: number
}

/**
 * Some of the codenames, and what of them is not in rows of its own yet. What came in a second goes to the journal, one row for all. Now and
 * then a checkpoint makes rows of readings and roll-ups of all that, and removes it from the journal, in one batch: what is in the store is
 * whole at any moment, and after a crash the journal tells the rest.
 */
export class Shard {
  readonly index: number
  #parts = new Map<Series, Part>()
  #leaving: Leaving | undefined
  /** Of the next checkpoint. */
  #checkpoint = 1
  /** Rows of the journal: the first, and the next. */
  #journalStart = 0
  #journalNext = 0
  #pieceId = 0
  #waiting: Piece[] = []
  /** Readings that are not in the journal. */
  waiting = 0
  /** Bytes since the last checkpoint, roughly, also those that are leaving. */
  bytes = 0
  /** Monotonic seconds of the first reading since then. */
  since = NaN
  readonly #begin: (slot: number) => Piece
  #beginning: Series | undefined

  constructor(index: number) {
    this.index = index
    // One for all: readings come too often to make a function for each.
    this.#begin = (slot) => new Piece(this.#beginning as Series, slot, this.#pieceId++)
  }

  add(series: Series, time: number, value: Exact, traits: Traits, measured?: number): void {
    const part = series.part ?? this.#begun(series)
    this.#beginning = series
    this.bytes += part.add(time, value, traits, measured, this.#begin)
    const piece = part.piece as Piece
    if (!piece.isWaiting) {
      piece.isWaiting = true
      this.#waiting.push(piece)
    }
    this.waiting += 1
  }

  get isEmpty(): boolean {
    return this.#parts.size === 0 && this.#leaving === undefined
  }

  /** Codenames of which there is anything. */
  get size(): number {
    return this.#parts.size + (this.#leaving?.parts.size ?? 0)
  }

  get leaving(): Leaving | undefined {
    return this.#leaving
  }

  /** Series of which something waits for the journal. */
  get waitingSeries(): Series[] {
    return this.#waiting.map(({ series }) => series)
  }

  /** What came since the last one as a row of the journal; `done` is to be called when it is written. */
  journal(): { readonly change: Change; readonly count: number; readonly done: () => void } | undefined {
    if (this.#waiting.length === 0) return undefined
    const pieces = this.#waiting
    this.#waiting = []
    const out = new ByteWriter(4096)
    const ends = pieces.map((piece) => {
      const bytes = piece.stream(piece.journaled)
      out.whole(piece.series.number ?? 0)
      out.whole(piece.id)
      out.whole(piece.journaled)
      out.whole(bytes.length)
      out.put(bytes)
      piece.isWaiting = false
      return { piece, bytes: piece.bytes, count: piece.count }
    })
    // A row that was not written is tried again under a new number, with what came since; what stands in both is the same.
    const number = this.#journalNext++
    const count = ends.reduce((sum, { piece, count: all }) => sum + all - piece.written, 0)
    return {
      change: { key: journalKey(this.index, number), value: Buffer.from(out.view()) },
      count,
      done: () => {
        this.waiting -= count
        for (const { piece, bytes, count: all } of ends) {
          piece.journaled = bytes
          piece.written = all
        }
      }
    }
  }

  /** The row of the journal was not written: its pieces wait again. */
  again(): void {
    for (const { pieces } of [...this.#parts.values(), ...(this.#leaving?.parts.values() ?? [])])
      for (const piece of pieces)
        if (piece.bytes > piece.journaled && !piece.isWaiting) {
          piece.isWaiting = true
          this.#waiting.push(piece)
        }
  }

  /** The store is another one: all goes to its journal. */
  reset(): void {
    for (const { pieces } of [...this.#parts.values(), ...(this.#leaving?.parts.values() ?? [])])
      for (const piece of pieces) {
        this.waiting += piece.written
        piece.journaled = 0
        piece.written = 0
      }
    this.again()
  }

  /** What is there now leaves; what comes from now on stays for the next checkpoint. */
  leave(): Leaving {
    if (this.#leaving !== undefined) return this.#leaving
    for (const series of this.#parts.keys()) series.part = undefined
    this.#leaving = { number: this.#checkpoint++, parts: this.#parts, bytes: this.bytes, journalEnd: this.#journalNext }
    this.#parts = new Map()
    this.since = NaN
    return this.#leaving
  }

  /** All that leaves, as one batch. */
  async changes(leaving: Leaving, view: View, names: Names): Promise<Checkpoint> {
    const [before] = await view.get([checkpointKey(this.index)])
    if (before !== undefined && before.readUInt32BE() >= leaving.number) return { changes: [], isWritten: true, saved: () => {}, broken: 0 }
    const changes: Change[] = []
    const rollups: { key: Buffer; sums: Sums }[] = []
    let row = 0
    for (const [series, part] of leaving.parts) {
      const number = names.numberOf(series)
      for (const piece of part.pieces) changes.push({ key: readingsKey(piece.min, number, leaving.number, row++), value: piece.row() })
      for (const level of levels) {
        const rows = new Map<number, Sums>()
        for (const [index, sum] of part.sums) {
          const time = index * 10
          const start = time - (time % level.span)
          let sums = rows.get(start)
          if (sums === undefined) rows.set(start, (sums = new Map()))
          sumAt(sums, Math.floor(time / level.step)).join(sum)
        }
        for (const [start, sums] of rows) rollups.push({ key: rollupKey(level, number, start), sums })
      }
    }
    const named = names.changes(leaving.parts.keys())
    changes.push(...named.changes)
    let broken = 0
    const stored = await view.get(rollups.map(({ key }) => key))
    for (const [index, { key, sums }] of rollups.entries()) {
      const bytes = stored[index]
      let all: Sums = new Map()
      try {
        if (bytes !== undefined) decodeSums(bytes, all)
      } catch {
        // The readings are in rows of their own; a plot of that time lacks them, and all else goes on.
        all = new Map()
        broken += 1
      }
      addSums(all, sums)
      changes.push({ key, value: encodeSums(all) })
    }
    const mark = Buffer.alloc(4)
    mark.writeUInt32BE(leaving.number)
    changes.push({ key: checkpointKey(this.index), value: mark })
    for (let journal = this.#journalStart; journal < leaving.journalEnd; journal++) changes.push({ key: journalKey(this.index, journal) })
    return { changes, isWritten: false, saved: named.saved, broken }
  }

  /** All of it is in the store. Tells how many readings of it were in no journal. */
  left(leaving: Leaving): number {
    this.#leaving = undefined
    this.#journalStart = leaving.journalEnd
    this.bytes -= leaving.bytes
    let count = 0
    for (const { pieces } of leaving.parts.values())
      for (const piece of pieces) {
        count += piece.count - piece.written
        // It may be waiting for the journal.
        piece.journaled = piece.bytes
        piece.written = piece.count
      }
    this.#waiting = this.#waiting.filter((piece) => piece.written < piece.count)
    this.waiting -= count
    return count
  }

  /** Takes over what an earlier run left: the number of its last checkpoint, and its journal, in order. Tells how many pieces were broken. */
  restore(
    checkpoint: number,
    journal: readonly { readonly number: number; readonly bytes: Buffer }[],
    series: ReadonlyMap<number, Series>
  ): number {
    this.#checkpoint = Math.max(this.#checkpoint, checkpoint + 1)
    const first = journal[0]
    const last = journal.at(-1)
    if (first === undefined || last === undefined) return 0
    this.#journalStart = first.number
    this.#journalNext = Math.max(this.#journalNext, last.number + 1)
    const found = new Map<number, { series: Series; out: ByteWriter }>()
    let broken = 0
    for (const { bytes } of journal) broken += this.#read(new ByteReader(bytes), series, found)
    // What came before the store was open is in no journal yet; numbers of pieces are not used twice.
    const used = Math.max(-1, ...found.keys()) + 1
    for (const { pieces } of this.#parts.values()) for (const piece of pieces) piece.id += used
    this.#pieceId += used
    for (const { series: own, out } of found.values()) broken += this.#restorePiece(own, out.view())
    return broken
  }

  #read(row: ByteReader, series: ReadonlyMap<number, Series>, found: Map<number, { series: Series; out: ByteWriter }>): number {
    try {
      while (!row.ended) {
        const own = series.get(row.whole())
        const id = row.whole()
        const at = row.whole()
        const bytes = row.take(row.whole())
        if (own === undefined) continue
        let piece = found.get(id)
        if (piece === undefined) found.set(id, (piece = { series: own, out: new ByteWriter(1024) }))
        // What stands in two rows is there already.
        if (at <= piece.out.length && at + bytes.length > piece.out.length) piece.out.put(bytes.subarray(piece.out.length - at))
      }
      return 0
    } catch {
      return 1
    }
  }

  #restorePiece(series: Series, stream: Uint8Array): number {
    const part = series.part ?? this.#begun(series)
    try {
      const piece = new Piece(series, NaN, this.#pieceId++)
      this.bytes += part.restore(piece, stream)
      piece.journaled = piece.bytes
      piece.written = piece.count
      return piece.bytes < stream.length ? 1 : 0
    } catch {
      return 1
    }
  }

  #begun(series: Series): Part {
    const part = new Part()
    series.part = part
    this.#parts.set(series, part)
    return part
  }
}
