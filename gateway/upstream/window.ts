import { isDamage } from '../history/shelf.js'
import type { Shelf } from '../history/shelf.js'
import { allEntries, decode, keyOf, seqOf } from './entry.js'
import type { Entry } from './entry.js'

export interface WindowOptions {
  /** A row that cannot be read. */
  readonly damaged: (seq: number, bytes: number) => void
  /** There may be something to give. */
  readonly ready: () => void
  /** The disk refuses to be read. */
  readonly failed: (error: Error) => void
}

/** What is not on the disk, while that fails: by number, with holes. */
export interface Memory {
  readonly last: () => number
  readonly get: (seq: number) => Entry | undefined
}

/** Entries and bytes that are read ahead. */
const ahead = { entries: 400, bytes: 2_097_152 }

const none = Buffer.alloc(0)

/** The part of a journal that is in memory: read ahead in order, or handed on right from the batch when nothing is before it. */
export class Window {
  readonly #options: WindowOptions
  #shelf: Shelf | undefined
  /** Read, not given. */
  #queue: Entry[] = []
  #bytes = 0
  /** Given, not acknowledged. */
  readonly #flight = new Map<number, Entry>()
  /** Given, and put aside: they are given again only by {@link release}. */
  readonly #aside = new Map<number, Entry>()
  /** The first that is not in here. */
  #tail = 1
  /** The last on the disk. */
  #written = 0
  /** The first of this run. */
  #first = 0
  #reading: Promise<void> | undefined
  /** What is not on the disk, while that fails. */
  #memory: Memory | undefined

  constructor(options: WindowOptions) {
    this.#options = options
  }

  /** Opened, for the first time or again. */
  opened(shelf: Shelf, written: number, first: number): void {
    this.#shelf = shelf
    this.#memory = undefined
    this.#written = written
    this.#first = first
    this.#read()
  }

  /** The disk fails: what comes is in memory alone. Before it was ever opened nothing of that is given: what an earlier run left is older. */
  closed(memory: Memory): void {
    this.#shelf = undefined
    if (this.#first > 0) this.#memory = memory
  }

  wrote(batch: readonly Entry[]): void {
    const [first, last] = [batch[0], batch.at(-1)]
    if (first === undefined || last === undefined) return
    this.#written = last.seq
    const fits =
      this.#reading === undefined && first.seq <= Math.max(this.#tail, this.#first) && this.#queue.length + batch.length <= ahead.entries
    if (fits && this.#bytes < ahead.bytes) {
      for (const entry of batch) if (entry.seq >= this.#tail) this.#add(entry)
      this.#tail = last.seq + 1
    }
    this.#read()
    this.#options.ready()
  }

  give(): Entry | undefined {
    const entry = this.#queue.shift() ?? this.#remembered()
    this.#read()
    if (entry === undefined) return undefined
    this.#bytes = Math.max(0, this.#bytes - entry.payload.length)
    this.#flight.set(entry.seq, entry)
    return entry
  }

  /** False: it is not under way any more. */
  done(entry: Entry): boolean {
    for (const given of [this.#flight, this.#aside]) if (given.get(entry.seq) === entry) return given.delete(entry.seq)
    return false
  }

  aside(entry: Entry): void {
    if (this.#flight.get(entry.seq) !== entry) return
    this.#flight.delete(entry.seq)
    this.#aside.set(entry.seq, entry)
  }

  get asides(): ReadonlyMap<number, Entry> {
    return this.#aside
  }

  /** They are given again, in order, before all that was not given. */
  release(such: (entry: Entry) => boolean): void {
    const again = [...this.#aside.values()].filter(such)
    for (const { seq } of again) this.#aside.delete(seq)
    this.#again(again)
  }

  rewind(): void {
    const again = [...this.#flight.values()]
    this.#flight.clear()
    this.#again(again)
  }

  #again(entries: readonly Entry[]): void {
    this.#queue = [...entries, ...this.#queue].sort((a, b) => a.seq - b.seq)
    this.#bytes += entries.reduce((sum, { payload }) => sum + payload.length, 0)
  }

  /** Up to this one all are gone. */
  drop(last: number): void {
    this.#queue = this.#queue.filter(({ seq }) => seq > last)
    this.#bytes = this.#queue.reduce((sum, { payload }) => sum + payload.length, 0)
    for (const given of [this.#flight, this.#aside]) for (const seq of given.keys()) if (seq <= last) given.delete(seq)
    this.#tail = Math.max(this.#tail, last + 1)
  }

  async close(): Promise<void> {
    await this.#reading
    this.#shelf = undefined
  }

  #add(entry: Entry): void {
    this.#queue.push(entry)
    this.#bytes += entry.payload.length
  }

  #remembered(): Entry | undefined {
    if (this.#memory === undefined || this.#tail <= this.#written) return undefined
    const last = this.#memory.last()
    for (; this.#tail <= last; this.#tail += 1) {
      const entry = this.#memory.get(this.#tail)
      if (entry === undefined) continue
      this.#tail += 1
      return entry
    }
    return undefined
  }

  #read(): void {
    const shelf = this.#shelf
    const isFull = this.#queue.length > ahead.entries / 2 || this.#bytes >= ahead.bytes
    if (shelf === undefined || this.#reading !== undefined || isFull || this.#tail > this.#written) return
    const before = this.#queue.length
    this.#reading = this.#load(shelf)
      .catch(async (error: unknown) => {
        if (isDamage(error)) await this.#loadSingly(shelf)
        else throw error
      })
      .catch((error: unknown) => {
        // Of one that was given up meanwhile, nothing is news.
        if (this.#shelf === shelf) this.#options.failed(error as Error)
      })
      .then(() => {
        this.#reading = undefined
        if (this.#queue.length > before) this.#options.ready()
        this.#read()
      })
  }

  /** All up to the bound that is on the disk now. */
  async #load(shelf: Shelf): Promise<void> {
    const until = this.#written
    let isEmpty = true
    const view = shelf.view()
    try {
      for await (const [key, row] of view.rows({ gte: keyOf(this.#tail), lt: allEntries.lt }, { limit: ahead.entries })) {
        isEmpty = false
        const seq = seqOf(key)
        if (seq < this.#tail) continue
        const entry = decode(key, row, this.#first)
        if (entry === undefined) this.#options.damaged(seq, row.length)
        else this.#add(entry)
        this.#tail = seq + 1
        if (this.#bytes >= ahead.bytes) break
      }
    } finally {
      await view.close()
    }
    // What was removed leaves holes; behind the last row there is nothing.
    if (isEmpty) this.#tail = Math.max(this.#tail, until + 1)
  }

  /** What LevelDB cannot read is left out: one by one, where it could not go through. */
  async #loadSingly(shelf: Shelf): Promise<void> {
    const until = Math.min(this.#written, this.#tail + ahead.entries)
    const view = shelf.view()
    try {
      for (; this.#tail <= until && this.#bytes < ahead.bytes; this.#tail += 1) {
        const key = keyOf(this.#tail)
        const row = await view.get([key]).then(
          ([found]) => found,
          () => none
        )
        const entry = row === undefined ? undefined : decode(key, row, this.#first)
        if (entry !== undefined) this.#add(entry)
        else if (row !== undefined) this.#options.damaged(this.#tail, 0)
      }
    } finally {
      await view.close()
    }
  }
}
