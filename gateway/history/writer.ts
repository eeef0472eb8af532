import type { Clock, Exact, Logger, Watch } from '../adapter.js'
import type { Traits } from './codec.js'
import { Horizon, horizonKey } from './horizon.js'
import { journalOf } from './journal.js'
import { checkpointKey, kindEnd, kindKey, numberOf } from './keys.js'
import type { DataKind } from './keys.js'
import { Names } from './names.js'
import { sizes } from './series.js'
import type { Series } from './series.js'
import { Shard } from './shard.js'
import { isOurs, reasonOf } from './reason.js'
import { DamagedError, isDamage } from './shelf.js'
import type { Place, Shelf, View } from './shelf.js'
import { nextTurn } from './turn.js'

export interface WriterOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly place: Place
  /** Bytes that may wait in memory; beyond, new readings are dropped. */
  readonly maxWaiting: number
  /** Bytes that come into rows of their own together. */
  readonly checkpointBytes: number
  /** Called before so many bytes are written. Resolves when there is room for them, or with the reason why there is none. */
  readonly room: (bytes: number) => Promise<string | undefined>
  /** It cannot write, or can again. */
  readonly changed: () => void
  /** The store was opened for the first time, or is another one. */
  readonly opened: () => void
}

/** Seconds between two rows of the journal: what a kill -9 may take. */
const every = 1

/** Seconds after which what is in the journal gets rows of its own. */
const checkpointEvery = 300

const shards = 32

/** Checkpoints in one turn: each is a matter of milliseconds, and readings come meanwhile. */
const checkpointsATurn = 2

/** Seconds after which a batch is told to be slow. */
const slowAfter = 10

/** Codenames that there may be, also those that are gone and whose readings are still kept. */
const mostSeries = 100_000

/** Bytes that the first reading of a codename takes besides; as many codenames as there may be, they are beyond the bound for what waits. */
const perSeries = sizes.piece + sizes.sum

/** Seconds to the next try after a failure: doubled up to the most. */
const patience = { first: 1, most: 30 }

/**
 * Brings readings to the store, one batch a second. It never waits for the disk with anything but itself: while that is slow or refuses, readings wait
 * in memory up to a bound; beyond, the new ones are dropped and counted, and a mark without value says so where they begin to be missing.
 */
export class Writer {
  readonly #options: WriterOptions
  readonly names: Names
  /** What was removed; see {@link horizon}. */
  readonly removed = new Horizon()
  readonly shards = Array.from({ length: shards }, (_, index) => new Shard(index))
  #shelf: Shelf | undefined
  #timer: Watch | undefined
  #turning: Promise<void> | undefined
  /** Bytes of readings since the last look at the size of the store. */
  #bytes = 0
  /** Codenames that have something in it. */
  #begun = 0
  /** Above so many bytes the next turn comes at once. */
  #soon = Infinity
  /** Of these, what came since the last turn that wrote. */
  #fresh = 0
  /** Why nothing is written, although the disk would take it. */
  #full: string | undefined
  #failure: string | undefined
  /** The store must be opened again before it takes anything. */
  #isBroken = false
  #isDamaged = false
  #isLoaded = false
  #wait: number = patience.first
  /** Monotonic seconds of the next try. */
  #next = 0
  #stopped = false
  /** Monotonic seconds at which the turn under way began. */
  #turnSince = Infinity
  #counted = 0
  #isCrowded = false
  #trouble: string | undefined
  written = 0
  dropped = 0
  /** Rows of roll-ups that could not be read. */
  broken = 0
  /** Microseconds of the oldest reading that came since the start. */
  first = Infinity

  constructor(options: WriterOptions) {
    this.#options = options
    this.names = new Names(() => Math.max(Math.floor(options.clock.now() / 86_400), 0))
  }

  get shelf(): Shelf | undefined {
    return this.#shelf
  }

  /** Unix seconds up to which rows of a kind were removed, for their age or for room: from there on all of them are there. */
  horizon(kind: DataKind): number {
    return this.removed.of(kind)
  }

  /** Why it cannot write, or not all. */
  get failure(): string | undefined {
    return this.#failure ?? this.#trouble
  }

  /** Readings that are not written. */
  get waiting(): number {
    if (!this.#options.place.isLasting) return 0
    return this.shards.reduce((sum, shard) => sum + shard.waiting, 0)
  }

  /** Bytes in memory, roughly. */
  get bytes(): number {
    return this.#bytes
  }

  /** Opens the store, and goes on trying. Resolves after the first try. */
  async start(): Promise<void> {
    this.#again()
    await this.turn()
  }

  /** The next reading is not dropped. */
  get hasRoom(): boolean {
    return this.#bytes <= this.#options.maxWaiting + (this.#options.place.isLasting ? this.#begun * perSeries : 0)
  }

  /** False: it is dropped. `time` in microseconds. */
  add(series: Series, time: number, value: Exact, traits: Traits, measured?: number): boolean {
    if (!this.hasRoom) {
      this.dropped += 1
      return false
    }
    const shard = this.shardOf(series)
    if (time < this.first) this.first = time
    const before = shard.bytes
    if (series.part === undefined) this.#begun += 1
    shard.add(series, time, value, traits, measured)
    this.#bytes += shard.bytes - before
    this.#fresh += shard.bytes - before
    if (this.#bytes > this.#soon && this.#turning === undefined) this.#hurry()
    return true
  }

  /** The series of a codename; undefined, and counted as dropped, when there are too many. */
  seriesOf(device: string, codename: string): Series | undefined {
    if (this.names.size < mostSeries || this.names.find(device, codename) !== undefined) return this.names.get(device, codename)
    this.#isCrowded = true
    this.dropped += 1
    return undefined
  }

  shardOf(series: Series): Shard {
    return this.shards[series.hash % shards] as Shard
  }

  /** Writes what waits; one turn at a time. */
  turn(all = false): Promise<void> {
    if (this.#turning === undefined) {
      this.#turnSince = this.#options.clock.monotonic()
      this.#turning = this.#turn(all).finally(() => {
        this.#turning = undefined
        this.#turnSince = Infinity
      })
    }
    return this.#turning
  }

  /** Writes all that waits, so that the next start has nothing to do, and closes the store. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#turning
    // Also when the last try failed a moment ago: there is no later one.
    this.#next = 0
    await this.turn(true)
    const shelf = this.#shelf
    this.#shelf = undefined
    await shelf?.close().catch(() => {})
  }

  /** Many came at once: it is written when they have been taken, and not only in a second. */
  #hurry(): void {
    this.#soon = Infinity
    if (this.#stopped || this.#failure !== undefined) return
    void nextTurn().then(() => (this.#stopped ? undefined : this.turn()))
  }

  #again(): void {
    if (this.#stopped) return
    this.#soon = this.#options.checkpointBytes * 2
    this.#timer = this.#options.clock.after(every, () => {
      this.#watch()
      void this.turn()
      this.#again()
    })
  }

  /** A disk that takes its time fails nothing, but must not go unnoticed. */
  #watch(): void {
    const { clock, log, changed } = this.#options
    const drops = this.dropped > this.#counted
    this.#counted = this.dropped
    const slow = clock.monotonic() - this.#turnSince
    this.#isCrowded &&= this.names.size >= mostSeries
    const trouble =
      this.#full !== undefined
        ? this.#full
        : this.#isCrowded
          ? `readings of more than ${mostSeries} codenames are dropped: see which names are made up again and again`
          : drops || (this.#trouble !== undefined && !this.hasRoom)
            ? 'readings are dropped, as more come than the disk takes: record less (history), or use a faster disk'
            : slow > slowAfter
              ? 'the disk takes long to write: readings wait in memory; see what else uses it'
              : undefined
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    if (this.#failure !== undefined) return
    if (trouble === undefined) log.info({ dropped: this.dropped }, 'the history keeps up again')
    else log.warn({ dropped: this.dropped }, `the history does not keep up: ${trouble}`)
    changed()
  }

  async #turn(all: boolean): Promise<void> {
    const { clock } = this.#options
    if (this.#failure !== undefined && clock.monotonic() < this.#next) return
    try {
      const shelf = await this.#opened()
      const fresh = this.#fresh
      this.#full = await this.#options.room(fresh)
      if (this.#full !== undefined) return
      // What a failed checkpoint left goes to rows of its own, and no more to the journal.
      await this.#flush(shelf)
      const failures: unknown[] = []
      for (const shard of [...this.shards.filter(({ leaving }) => leaving !== undefined), ...this.#due(all)])
        await this.#checkpoint(shelf, shard).catch((error: unknown) => {
          // What is wrong with these readings is no matter of the others.
          if (!isOurs(error)) throw error
          failures.push(error)
        })
      this.#fresh -= fresh
      if (failures.length > 0) throw failures[0]
      this.#worked()
    } catch (error) {
      this.#failed(error as Error)
    }
  }

  /** The store, opened afresh after a failure: LevelDB refuses everything after a failed write. What can be read is read meanwhile. */
  async #opened(): Promise<Shelf> {
    const { place, log } = this.#options
    if (this.#shelf !== undefined && !this.#isBroken) return this.#shelf
    if (this.#shelf !== undefined) {
      if (!this.#isDamaged) await place.probe()
      await this.#shelf.close().catch(() => {})
      this.#shelf = undefined
    }
    let shelf: Shelf
    try {
      if (this.#isDamaged) throw new DamagedError(this.#failure)
      shelf = await place.open()
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      const aside = await place.moveAside(this.#options.clock.now())
      if (aside === undefined)
        log.error({ reason: error.message }, 'the history is gone, somebody has removed its folder: a new one is begun')
      else log.error({ aside, reason: error.message }, 'the history is damaged: it was moved aside, and a new one is begun')
      this.names.reset()
      for (const shard of this.shards) shard.reset()
      this.#isLoaded = false
      this.#isDamaged = false
      shelf = await place.open()
    }
    this.#isBroken = false
    const isNew = !this.#isLoaded
    if (isNew) await this.#load(shelf)
    this.#isLoaded = true
    this.#shelf = shelf
    if (isNew) this.#options.opened()
    return shelf
  }

  /** Names, and what the last run did not bring into rows of its own. */
  async #load(shelf: Shelf): Promise<void> {
    const view = shelf.view()
    try {
      const [horizon] = await view.get([horizonKey])
      this.removed.load(horizon)
      const series = await this.names.load(view)
      const journals = this.shards.map((): { number: number; bytes: Buffer }[] => [])
      for await (const [key, bytes] of view.rows({ gte: kindKey('j'), lt: kindEnd('j') }))
        journals[numberOf(key, 0)]?.push({ number: numberOf(key, 1), bytes })
      const marks = await view.get(this.shards.map(({ index }) => checkpointKey(index)))
      let broken = 0
      for (const [index, shard] of this.shards.entries()) {
        const before = shard.bytes
        const begun = shard.size
        broken += shard.restore(marks[index]?.readUInt32BE() ?? 0, journals[index] ?? [], series)
        this.#bytes += shard.bytes - before
        this.#begun += shard.size - begun
      }
      if (broken > 0) this.#options.log.warn({ rows: broken }, 'some readings of the last seconds before the stop cannot be read')
    } finally {
      await view.close()
    }
  }

  /** One row of the journal for each shard. */
  async #flush(shelf: Shelf): Promise<void> {
    const { place } = this.#options
    if (!place.isLasting) return
    const waiting = this.shards.filter((shard) => shard.waiting > 0 && shard.leaving === undefined)
    if (waiting.length === 0) return
    const { changes, rows, saved } = await journalOf(waiting, this.names)
    try {
      await shelf.write(changes)
    } catch (error) {
      for (const shard of waiting) shard.again()
      throw error
    }
    saved()
    for (const { count, done } of rows) {
      done()
      this.written += count
    }
  }

  /** Shards whose turn it is to get rows of their own, the oldest first. */
  #due(all: boolean): Shard[] {
    const now = this.#options.clock.monotonic()
    const isTight = this.#bytes > this.#options.checkpointBytes * 2
    const limit = this.#options.checkpointBytes / shards
    const some = this.shards.filter((shard) => !shard.isEmpty)
    // Not all at the same moment, although all began at the same.
    for (const shard of some) if (Number.isNaN(shard.since)) shard.since = now - (checkpointEvery * shard.index) / shards / 2
    return some
      .filter((shard) => all || shard.bytes >= limit || now - shard.since >= checkpointEvery)
      .sort((a, b) => a.since - b.since)
      .slice(0, all || isTight ? shards : checkpointsATurn)
  }

  async #checkpoint(shelf: Shelf, shard: Shard): Promise<void> {
    const leaving = shard.leave()
    const view: View = shelf.view()
    let made
    try {
      made = await shard.changes(leaving, view, this.names)
    } finally {
      await view.close()
    }
    if (!made.isWritten) await shelf.write(made.changes)
    made.saved()
    if (made.broken > 0) {
      this.broken += made.broken
      this.#options.log.error({ rows: made.broken, all: this.broken }, 'roll-ups of the history could not be read, and begin anew')
    }
    this.#begun -= leaving.parts.size
    this.written += shard.left(leaving)
    this.#bytes -= leaving.bytes
  }

  #worked(): void {
    if (this.#failure === undefined) return
    this.#failure = undefined
    this.#wait = patience.first
    this.#options.log.info({ dropped: this.dropped }, 'the history is written again')
    this.#options.changed()
  }

  #failed(error: Error): void {
    const { clock, log } = this.#options
    const why = reasonOf(error)
    const isNew = this.#failure !== why
    const wasFailing = this.#failure !== undefined
    this.#isDamaged ||= isDamage(error)
    if (!isOurs(error)) {
      this.#isBroken = true
      this.#next = clock.monotonic() + this.#wait
      this.#wait = Math.min(this.#wait * 2, patience.most)
    }
    this.#failure = why
    if (!isNew) return
    if (!wasFailing)
      log.error({ reason: why, waiting: this.waiting }, 'the history cannot be written: readings wait in memory, and it is tried again')
    this.#options.changed()
  }
}
