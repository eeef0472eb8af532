import type { Stopwatch } from '../../metrics/histogram.js'
import type { Change, Disk, OpenDisk } from './disk.js'
import { bringUp, type Format, formatKey } from './format.js'

export type Durability = 'fast' | 'strict'

/** What a row will hold is asked for when its batch is written: an object that changes again before that is written once. */
export type Content = () => Buffer

export interface JournalOptions {
  readonly open: OpenDisk
  /** `fast`: written, survives kill -9. `strict`: synced, survives the plug. */
  readonly durability: Durability
  /** What the rows are to be; left out: the format of this version. */
  readonly format?: Format | undefined
  /** What is told when they are of a newer one. */
  readonly where?: string | undefined
  /** Bytes that may wait to be written before {@link Journal.full}. */
  readonly maxBytes?: number
  /** Writing failed once more (with the reason), or works again (undefined). */
  readonly state?: (failure: Error | undefined) => void
  /** Of the batches that were written. */
  readonly watch?: Stopwatch
}

/** Milliseconds that a change nobody waits for may wait for company: with the write less than the second of the promise, and few writes for an SD card. */
const lag = 800

/** Milliseconds between a failed write and the next try, at first and at most. */
const patience = { first: 100, most: 2000 }

/** 64 MiB: some seconds of a fast SSD, and small enough for a Pi. */
const defaultMaxBytes = 67_108_864

interface Gathered {
  readonly changes: Map<string, { content: Content | undefined; size: number }>
  /** Called once all of it is on disk, in order. */
  waiting: (() => void)[]
  bytes: number
}

/**
 * Rows on disk that follow the state in memory: changes gather while a batch is under way and go as the next one (group commit).
 * The last change of a row wins. A batch that fails is tried again, together with what came since, on a disk opened afresh:
 * LevelDB refuses everything after a failed write. Nobody who waits is told before the batch is written.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #max: number
  #disk: Disk | undefined
  #next = gathered()
  /** Bytes of the batch under way. */
  #underway = 0
  #writing: Promise<void> | undefined
  #soon: NodeJS.Immediate | undefined
  #later: NodeJS.Timeout | undefined
  #room: (() => void)[] = []
  #failure: Error | undefined
  #wake: (() => void) | undefined
  #closing = false
  /** Adds what is only known when a batch is made up; see Inbound. */
  prepare: (() => void) | undefined
  /** Bytes of that. */
  unprepared: (() => number) | undefined

  constructor(options: JournalOptions) {
    this.#options = options
    this.#max = options.maxBytes ?? defaultMaxBytes
  }

  /** Opens the disk and gives every row to `take`, in the order of the keys. Rejects with what the operator has to do. */
  async open(take: (key: string, value: Buffer) => void): Promise<void> {
    const { format, where } = this.#options
    const disk = await this.#options.open()
    try {
      const row = await bringUp(disk, format, where)
      for await (const [key, value] of disk.read()) if (key !== formatKey) take(key, value)
      this.#disk = disk
      // With the first batch: before that there is nothing of this format.
      if (row !== undefined) this.put(formatKey, () => row, row.length)
    } catch (error) {
      await disk.close().catch(() => {})
      throw error
    }
  }

  /** A row to be kept; `size` is what it takes, roughly. */
  put(key: string, content: Content, size: number): void {
    this.#change(key, content, size + key.length)
  }

  del(key: string): void {
    this.#change(key, undefined, key.length)
  }

  /** `run` is called, not sooner than in the next turn, when everything so far is in a written batch; in the order of the calls. */
  whenCommitted(run: () => void): void {
    this.#next.waiting.push(run)
    this.flushSoon()
  }

  /** Resolves when everything so far is in a written batch. Not for what happens per message: see {@link whenCommitted}. */
  async committed(): Promise<void> {
    await new Promise<void>((resolve) => this.whenCommitted(resolve))
  }

  /** Too much waits to be written: who can wait should, see {@link whenRoom}. */
  get full(): boolean {
    return this.bytes > this.#max
  }

  /** Bytes that wait to be written. */
  get bytes(): number {
    return this.#next.bytes + this.#underway + (this.unprepared?.() ?? 0)
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  /** Calls `run` once when there is room again. */
  whenRoom(run: () => void): void {
    this.#room.push(run)
    this.flushSoon()
  }

  /** Whoever waits, waits for the end of this turn of the event loop: so that a turn makes one batch. */
  flushSoon(): void {
    if (this.#writing === undefined && this.#disk !== undefined) this.#soon ??= setImmediate(() => this.#flush())
  }

  /** Writes what there is. A disk that fails is given up: what waits is lost then, and nobody was told otherwise. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    this.#wake?.()
    while (this.#failure === undefined && (this.#writing !== undefined || this.#hasWork())) {
      this.#flush()
      await this.#writing
    }
    await this.#writing
    clearImmediate(this.#soon)
    clearTimeout(this.#later)
    const disk = this.#disk
    this.#disk = undefined
    await disk?.close()
  }

  #change(key: string, content: Content | undefined, size: number): void {
    const { changes } = this.#next
    const before = changes.get(key)
    if (before === undefined) {
      changes.set(key, { content, size })
      this.#next.bytes += size
    } else {
      this.#next.bytes += size - before.size
      before.content = content
      before.size = size
    }
    if (this.#writing === undefined && this.#soon === undefined && this.#later === undefined && this.#disk !== undefined)
      this.#later = setTimeout(() => this.#flush(), lag)
  }

  #hasWork(): boolean {
    return this.#next.changes.size > 0 || this.#next.waiting.length > 0
  }

  #flush(): void {
    if (this.#writing !== undefined || this.#disk === undefined) return
    clearImmediate(this.#soon)
    clearTimeout(this.#later)
    this.#soon = undefined
    this.#later = undefined
    this.prepare?.()
    if (this.#hasWork()) this.#writing = this.#write()
  }

  async #write(): Promise<void> {
    for (let wait = patience.first; ; wait = Math.min(wait * 2, patience.most)) {
      const batch = this.#next
      this.#next = gathered()
      this.#underway = batch.bytes
      const { watch } = this.#options
      const since = watch?.now() ?? 0
      try {
        this.#disk ??= await this.#options.open()
        // Always a wait: #writing is set when this function gives back its promise.
        await (batch.changes.size > 0 ? this.#disk.write(listOf(batch), this.#options.durability === 'strict') : undefined)
        if (batch.changes.size > 0) watch?.took(since)
        this.#written(batch)
        return
      } catch (error) {
        this.#next = merged(batch, this.#next)
        this.#underway = 0
        this.#failure = error as Error
        this.#options.state?.(this.#failure)
        if (this.#closing) return
        await this.#pause(wait)
        if (this.#closing) return
        const disk = this.#disk
        this.#disk = undefined
        await disk?.close().catch(() => {})
        this.prepare?.()
      }
    }
  }

  #written({ waiting }: Gathered): void {
    this.#underway = 0
    this.#writing = undefined
    if (this.#failure !== undefined) {
      this.#failure = undefined
      this.#options.state?.(undefined)
    }
    for (const run of waiting) run()
    if (!this.full) for (const run of this.#room.splice(0)) run()
    if (this.#next.waiting.length > 0 || this.full) this.flushSoon()
    else if (this.#next.changes.size > 0 && this.#later === undefined) this.#later = setTimeout(() => this.#flush(), lag)
  }

  async #pause(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }
}

function gathered(): Gathered {
  return { changes: new Map(), waiting: [], bytes: 0 }
}

function listOf({ changes }: Gathered): Change[] {
  const list: Change[] = []
  for (const [key, { content }] of changes) list.push({ key, value: content?.() })
  return list
}

/** Both as one batch; what came later wins. */
function merged(first: Gathered, second: Gathered): Gathered {
  const changes = new Map(first.changes)
  for (const [key, change] of second.changes) changes.set(key, change)
  let bytes = 0
  for (const { size } of changes.values()) bytes += size
  return { changes, waiting: [...first.waiting, ...second.waiting], bytes }
}
