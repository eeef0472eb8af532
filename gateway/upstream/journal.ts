import type { Clock, Logger, Watch } from '../adapter.js'
import { DamagedError } from '../history/shelf.js'
import type { Change, Place, Shelf } from '../history/shelf.js'
import { allEntries, decode, encode, keyOf, lengthOf, seqOf } from './entry.js'
import type { Entry, Message } from './entry.js'
import { Kept } from './kept.js'
import { Ledger, lastOf } from './ledger.js'
import { ages, gather, mostOf, overhead, part, patience, slice } from './limits.js'
import type { Most } from './limits.js'
import { Taken } from './taken.js'
import { Window } from './window.js'

export interface JournalOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly place: Place
  /** Bytes that all may take, on the disk with LevelDB's own. */
  readonly maxBytes: number
  /** Seconds that something may wait. */
  readonly maxAge: number
  /** There may be something to give. */
  readonly ready: () => void
  /** It goes unsent: the oldest, or what is larger than anything that is kept. */
  readonly dropped: (message: Message, isTooLarge: boolean) => void
  /** Something to tell about: it cannot write, or can again, or has dropped. */
  readonly changed: () => void
}

/**
 * What waits to go up: taken in without a wait, written in batches, given in order, and removed when it was acknowledged. Bounded: the oldest goes
 * first, and is counted. A kill -9 takes what was taken in the last fiftieth of a second, but
 * for what clients had acknowledged: the broker keeps that until it is here, see {@link kept}. The plug takes what the system had not written.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #ledger = new Ledger()
  /** For what is put aside. */
  readonly window: Window
  readonly kept: Kept
  readonly #most: Most
  #shelf: Shelf | undefined
  /** Taken, and not on the disk; the batch under way is the first of it. */
  readonly #taken = new Taken((entry) => this.#sizeOf(entry))
  /** On the disk, acknowledged, to be removed: with the bytes of each. */
  readonly #done = new Map<number, number>()
  #next = 1
  /** The last one that is on the disk, or was. */
  #written = 0
  /** Of the batch under way. */
  #writingTo = 0
  #turn: Promise<void> | undefined
  #timer: Watch | undefined
  /** When a batch began, monotonic seconds, and how long to wait after a failed one. */
  #last = -Infinity
  #wait = 0
  #sinceMeasured = 0
  #looked = -Infinity
  /** The first number of this run; 0: not opened yet. */
  #first = 0
  #failure: string | undefined
  /** It was told that something is dropped, and something waits since. */
  #isDropping = false
  #stopped = false
  #opened: () => void = () => {}

  constructor(options: JournalOptions) {
    const { maxBytes } = options
    this.#options = options
    // While the disk refuses nobody waits for it.
    const oldest = (): number | undefined => (this.#failure === undefined ? this.#taken.first?.seq : undefined)
    this.kept = new Kept(options.clock, () => this.#next - 1, oldest)
    this.#most = mostOf(maxBytes, options.place.isLasting)
    this.window = new Window({
      damaged: (seq, bytes) => this.#lost(seq, bytes),
      ready: options.ready,
      failed: (error) => void this.#failed(error)
    })
  }

  /** Opens what there is. Never rejects: what cannot be opened is tried again, and meanwhile everything is in memory. */
  async open(): Promise<void> {
    await this.#open().catch(async (error: unknown) => {
      await this.#failed(error as Error)
      this.#soon()
    })
  }

  /** Calls `run` once it has been opened: before, nobody knows what an earlier run left, and nothing is given. */
  whenOpened(run: () => void): void {
    if (this.#first > 0) return run()
    this.#opened = () => {
      this.#opened = () => {}
      run()
    }
  }

  /** Cheap; never throws, waits for nothing. `isLate`: it came to an earlier run. False: it is too large. */
  take(message: Message, isLate = false): boolean {
    const { clock } = this.#options
    if (this.#sizeOf(message) > this.#most.batch) {
      this.#ledger.dropped += 1
      this.#options.dropped(message, true)
      return false
    }
    const entry: Entry = { ...message, seq: this.#next, at: clock.now(), taken: isLate ? undefined : clock.monotonic() }
    this.#next += 1
    this.#taken.push(entry)
    const shed = this.#taken.shed(this.#writingTo)
    if (shed.length > 0) this.#dropped(shed)
    this.#soon()
    return true
  }

  /** The next in order that was not given; undefined: none now, `ready` tells. */
  give(): Entry | undefined {
    return this.window.give()
  }

  /** It was acknowledged. */
  done(entry: Entry): void {
    if (!this.window.done(entry)) return
    if (entry.seq > Math.max(this.#written, this.#writingTo)) this.#taken.remove(entry.seq)
    else this.#done.set(entry.seq, this.#sizeOf(entry))
    this.#soon()
  }

  /** What was given and not acknowledged is given once more, in order. */
  rewind(): void {
    this.window.rewind()
  }

  /** There is no room to keep it aside: it is dropped. */
  discard(entry: Entry): void {
    this.done(entry)
    this.#dropped([entry])
  }

  /** The number that the next one will have. */
  get next(): number {
    return this.#next
  }

  /** Entries that wait but for those that were put aside, and bytes of all. */
  get waiting(): number {
    return Math.max(0, this.#ledger.entries - this.#done.size + this.#taken.length - this.window.asides.size)
  }

  get bytes(): number {
    return this.#ledger.bytes + this.#taken.bytes
  }

  get dropped(): number {
    return this.#ledger.dropped
  }

  get damaged(): number {
    return this.#ledger.damaged
  }

  /** Why nothing can be written; undefined: all is well. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** All that was taken so far is on the disk, if that takes it. */
  async flush(): Promise<void> {
    do {
      await this.#turn
      this.#start()
      await this.#turn
    } while (this.#failure === undefined && this.#taken.length > 0 && !this.#stopped)
  }

  async close(): Promise<void> {
    if (this.#stopped) return
    await this.flush()
    this.#stopped = true
    if (this.#taken.length > 0)
      this.#options.log.error(
        { messages: this.#taken.length, reason: this.#failure },
        'what waited for upstream is lost: it could not be written'
      )
    this.#timer?.cancel()
    this.kept.close()
    await this.window.close()
    await this.#shelf?.close().catch(() => {})
    this.#shelf = undefined
  }

  #sizeOf(message: Message): number {
    return lengthOf(message) + this.#besides
  }

  get #besides(): number {
    return this.#options.place.isLasting ? overhead.lasting : overhead.memory
  }

  /** A batch, in its time: at once when there was none lately. */
  #soon(): void {
    if (this.#stopped || this.#turn !== undefined) return
    if (this.#failure === undefined && this.#taken.length >= gather.entries) return this.#start()
    const due = this.#last + (this.#failure === undefined ? gather.seconds : this.#wait)
    this.#timer ??= this.#options.clock.after(Math.max(0, due - this.#options.clock.monotonic()), () => {
      this.#timer = undefined
      this.#start()
    })
  }

  #start(): void {
    if (this.#turn !== undefined || this.#stopped) return
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#taken.length === 0 && this.#done.size === 0 && this.#failure === undefined) return this.kept.look()
    this.#last = this.#options.clock.monotonic()
    this.#turn = this.#work().then(() => {
      this.#turn = undefined
      this.kept.look()
      if (this.#failure !== undefined || this.#taken.length > 0 || this.#done.size > 0) this.#soon()
    })
  }

  /** One batch. */
  async #work(): Promise<void> {
    try {
      if (this.#shelf === undefined) await this.#open()
      await this.#room()
      await this.#write()
      await this.#measure()
      this.#well()
    } catch (error) {
      await this.#failed(error as Error)
    }
  }

  async #open(): Promise<void> {
    const { place, clock, log } = this.#options
    let shelf: Shelf
    try {
      shelf = await place.open()
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      const aside = await place.moveAside(clock.now())
      this.#ledger.damaged += 1
      log.error({ reason: error.message, aside }, 'what waited for upstream is damaged and was moved aside; it begins anew')
      shelf = await place.open()
    }
    await this.#ledger.read(shelf, (row) => this.#rowSize(row))
    const last = await lastOf(shelf)
    // After a failed write the same entries are in memory, with their numbers.
    if (this.#first === 0) {
      this.#next += last
      this.#taken.renumber(last)
      this.#first = last + 1
    }
    // A batch that was told to have failed may be there.
    this.#taken.upTo(last)
    this.#written = Math.max(last, this.#written)
    this.#writingTo = this.#written
    this.#shelf = shelf
    this.window.opened(shelf, this.#written, this.#first)
    this.#opened()
  }

  #rowSize(row: Buffer): number {
    return row.length + this.#besides
  }

  async #write(): Promise<void> {
    const shelf = this.#shelf
    if (shelf === undefined || (this.#taken.length === 0 && this.#done.size === 0)) return
    const batch = this.#taken.upToBytes(this.#most.batch)
    const gone = [...this.#done]
    const changes: Change[] = gone.map(([seq]) => ({ key: keyOf(seq) }))
    let bytes = 0
    for (const entry of batch) {
      const value = encode(entry)
      bytes += this.#sizeOf(entry)
      changes.push({ key: keyOf(entry.seq), value })
    }
    const goneBytes = gone.reduce((sum, [, size]) => sum + size, 0)
    this.#writingTo = batch.at(-1)?.seq ?? this.#written
    changes.push(this.#ledger.row(batch.length - gone.length, bytes - goneBytes))
    await shelf.write(changes)
    this.#ledger.add(batch.length - gone.length, bytes - goneBytes)
    for (const [seq] of gone) this.#done.delete(seq)
    this.#sinceMeasured += bytes
    const last = batch.at(-1)?.seq
    if (last === undefined) return
    this.#written = last
    this.#taken.upTo(last)
    this.window.wrote(batch)
  }

  /** Before a batch: the oldest goes, until there is room, and what has waited too long. */
  async #room(): Promise<void> {
    const free = this.#most.bytes - this.#taken.upToBytes(this.#most.batch).reduce((sum, entry) => sum + this.#sizeOf(entry), 0)
    while (this.#ledger.bytes > free && (await this.#drop(this.#options.maxBytes * part.chunk)) > 0);
    const { clock } = this.#options
    if (clock.monotonic() - this.#looked < ages.look) return
    this.#looked = clock.monotonic()
    while ((await this.#drop(this.#options.maxBytes * part.chunk, (entry) => this.#isTooOld(entry))) > 0);
  }

  /** By its own clock where that ran then as it runs now; else by the time of day, if that was set. */
  #isTooOld({ at, taken }: Entry): boolean {
    const { clock, maxAge } = this.#options
    if (taken !== undefined) return clock.monotonic() - taken > maxAge
    return at > ages.sane && clock.now() - at > maxAge
  }

  /** Removes the oldest, of so many bytes, as far as `isDue`. Resolves with how many. */
  async #drop(bytes: number, isDue: (entry: Entry) => boolean = () => true): Promise<number> {
    const shelf = this.#shelf
    if (shelf === undefined) return 0
    const changes: Change[] = []
    let [freed, last] = [0, 0]
    const gone: (Message | undefined)[] = []
    const view = shelf.view()
    try {
      for await (const [key, row] of view.rows(allEntries, { limit: slice * 20 })) {
        if (freed >= bytes) break
        const entry = decode(key, row, this.#first)
        if (entry !== undefined && !isDue(entry)) break
        freed += this.#rowSize(row)
        last = seqOf(key)
        if (!this.#done.has(last)) gone.push(entry)
        changes.push({ key })
      }
    } finally {
      await view.close()
    }
    if (changes.length === 0) return 0
    if (gone.length > 0) this.#dropped(gone)
    changes.push(this.#ledger.row(-changes.length, -freed))
    await shelf.write(changes)
    this.#ledger.add(1 - changes.length, -freed)
    for (const seq of this.#done.keys()) if (seq <= last) this.#done.delete(seq)
    this.window.drop(last)
    return freed
  }

  /** LevelDB takes more than its rows until it has cleaned up. */
  async #measure(): Promise<void> {
    const { maxBytes, place } = this.#options
    if (!place.isLasting || this.#sinceMeasured < maxBytes * part.measure || this.#shelf === undefined) return
    this.#sinceMeasured = 0
    if ((await this.#shelf.size()) < this.#most.files) return
    await this.#shelf.compact(allEntries)
    if ((await this.#shelf.size()) >= this.#most.files) await this.#drop(maxBytes * part.chunk)
  }

  /** There was no room for more, or they had waited too long. Undefined: damaged. */
  #dropped(gone: readonly (Message | undefined)[]): void {
    const { log, changed, dropped } = this.#options
    this.#ledger.dropped += gone.length
    for (const message of gone) if (message !== undefined) dropped(message, false)
    if (this.#isDropping) return
    this.#isDropping = true
    log.warn({}, 'more waits for upstream than there is room for, or longer than it may: the oldest is dropped, and counted; see its queue')
    changed()
  }

  #lost(seq: number, bytes: number): void {
    const { log, changed } = this.#options
    this.#ledger.damaged += 1
    this.#done.set(seq, bytes + this.#besides)
    if (this.#ledger.damaged === 1) log.error({}, 'a message that waited for upstream is damaged and is left out: check the disk')
    changed()
  }

  #well(): void {
    this.#wait = 0
    if (this.waiting === 0) this.#isDropping = false
    if (this.#failure === undefined) return
    this.#failure = undefined
    this.#options.log.info({}, 'what waits for upstream can be written again')
    this.#options.changed()
  }

  async #failed(error: Error): Promise<void> {
    const { log, changed } = this.#options
    this.#writingTo = this.#written
    // Acknowledged while they were being written: they need not be any more.
    for (const seq of this.#done.keys()) {
      if (seq <= this.#written) continue
      this.#done.delete(seq)
      this.#taken.remove(seq)
    }
    this.#wait = Math.min(patience.most, Math.max(patience.first, this.#wait * 2))
    const shelf = this.#shelf
    this.#shelf = undefined
    this.window.closed({ last: () => this.#next - 1, get: (seq) => this.#taken.get(seq) })
    await shelf?.close().catch(() => {})
    if (this.#failure?.startsWith(error.message) === true) return
    this.#failure = `${error.message}: what waits is in memory, as far as there is room`
    log.error({ reason: error.message }, 'what waits for upstream cannot be written: it is kept in memory, as far as there is room')
    changed()
  }
}
