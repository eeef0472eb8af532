import { Devices } from '../../gateway/devices.js'
import type { Codename, Reading } from '../../gateway/adapter.js'
import { History } from '../../gateway/history/history.js'
import { memoryPlace } from '../../gateway/history/shelf.js'
import type { Place, Row, Shelf, View } from '../../gateway/history/shelf.js'
import type { Plot, Point } from '../../gateway/history/types.js'
import { Latest } from '../../gateway/latest.js'
import { Topics } from '../../gateway/topic.js'
import type { Config } from '../../schemas/types.js'
import { FakeClock, settle } from './fake-clock.js'
import { TestLog } from './start.js'

/** A disk in memory, which goes on being there when a history is gone, and that can refuse. */
export class KeptPlace implements Place {
  readonly isLasting = true
  #base: Promise<Shelf> = memoryPlace.open()
  /** Nothing is written. */
  failure: Error | undefined
  /** What is written is written, and told to have failed. */
  isLying = false
  /** A write takes until this is resolved. */
  gate: Promise<void> | undefined
  /** A write is there, but is not told of until this is resolved. */
  told: Promise<void> | undefined
  opened = 0
  aside = 0
  /** Rows of readings that were read, and their bytes. */
  rows = 0
  bytes = 0

  async open(): Promise<Shelf> {
    if (this.failure !== undefined) throw this.failure
    this.opened += 1
    const base = await this.#base
    // As LevelDB: after a failed write nothing is taken before it is opened again.
    let isBroken = false
    let isClosed = false
    const used = <T>(view: T): T => {
      if (isClosed) throw new Error('it is closed')
      return view
    }
    return {
      ...base,
      view: () => {
        const view = used(base.view())
        const guarded: View = {
          rows: (range, options) => this.#counted(used(view).rows(range, options)),
          get: (keys) => used(view).get(keys),
          close: () => view.close()
        }
        return guarded
      },
      write: async (changes) => {
        await this.gate
        if (isClosed) throw new Error('it is closed')
        if (this.isLying) await base.write(changes)
        if (this.failure !== undefined || this.isLying || isBroken) {
          isBroken = true
          throw this.failure ?? new Error('IO error: lost')
        }
        await base.write(changes)
        await this.told
      },
      close: async () => {
        isClosed = true
      }
    }
  }

  async *#counted(rows: AsyncIterable<Row>): AsyncIterable<Row> {
    for await (const row of rows) {
      if (row[0].toString('latin1', 0, 1) === 'r') {
        this.rows += 1
        this.bytes += row[1].length
      }
      yield row
    }
  }

  async probe(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
  }

  async moveAside(): Promise<string> {
    this.aside += 1
    this.failure = undefined
    this.#base = memoryPlace.open()
    return 'elsewhere'
  }
}

export interface HistoryLabOptions {
  readonly config?: Partial<Config['history']>
  readonly codenames?: Readonly<Record<string, Codename>>
  /** What the history keeps of the device. */
  readonly history?: Codename['history']
  /** Undefined: in memory, and gone with the history. */
  readonly place?: Place | undefined
  readonly clock?: FakeClock
  readonly data?: string
}

/** The history behind the last readings of a device `furnace`, as in the gateway, on a clock that stands. */
export class HistoryLab {
  /** Another one after a crash. */
  clock: FakeClock
  readonly log = new TestLog()
  readonly #options: HistoryLabOptions
  devices!: Devices
  latest!: Latest
  history!: History
  /** How often it had something to tell. */
  changes = 0

  constructor(options: HistoryLabOptions = {}) {
    this.#options = options
    this.clock = options.clock ?? new FakeClock()
  }

  /** Starts it anew without a stop, as after kill -9: the timers of what was there never come. */
  async crash(): Promise<void> {
    this.clock = new FakeClock(this.clock.now())
    await this.start()
  }

  /** Starts it; also again, after a stop. */
  async start(): Promise<this> {
    const { clock, log } = this
    const { place, config, data } = this.#options
    this.devices = new Devices({
      topics: new Topics('lab'),
      undeclared: 'accept',
      maxUndeclared: 1000,
      described: () => {},
      forgotten: () => {},
      left: () => {}
    })
    this.devices.declare(
      'furnace',
      { codenames: new Map(Object.entries(this.#options.codenames ?? {})) },
      this.#options.history === undefined ? {} : { history: this.#options.history }
    )
    this.history = new History({
      clock,
      log,
      devices: this.devices,
      config: { record: 'every', keep: 2_592_000, keepRollups: 63_072_000, maxBytes: 1_073_741_824, maxMemory: 33_554_432, ...config },
      data: data ?? (place === undefined ? undefined : 'data'),
      changed: () => (this.changes += 1),
      ...(place === undefined ? {} : { place })
    })
    const { history } = this
    this.latest = new Latest({
      clock,
      devices: this.devices,
      publish: () => true,
      wanted: () => false,
      taken: (entry, held) => history.take(entry, held),
      onError: (error) => {
        throw error
      }
    })
    await history.start()
    return this
  }

  /** A reading arrives. */
  put(codename: string, reading: Partial<Reading> & { readonly seq?: number; readonly run?: string }, stale = false): void {
    const entry = this.devices.admit('furnace', codename)
    const held = this.latest.weigh(entry, { device: 'furnace', codename, value: null, ...reading })
    this.latest.put(entry, stale ? { ...held, stale: true } : held, true)
  }

  async readings(codename: string, from = 0, to = 1e11, signal?: AbortSignal): Promise<Point[]> {
    const all: Point[] = []
    for await (const page of this.history.readings({ device: 'furnace', codename, from, to }, signal)) all.push(...page)
    return all
  }

  async plot(codename: string, points: number, from = 0, to = 1e11): Promise<Plot> {
    return await this.history.plot({ device: 'furnace', codename, from, to }, points)
  }

  /** Lets time pass in some steps, with what the history does meanwhile. */
  async pass(seconds: number): Promise<void> {
    const step = Math.max(1, seconds / 10)
    for (let left = seconds; left > 0; left -= step) {
      if (step > 1) this.clock.skip(step - 1)
      await this.clock.pass(Math.min(left, 1))
      await this.history.flush()
      await settle()
    }
  }

  async stop(): Promise<void> {
    this.latest.stop()
    await this.history.stop()
  }
}
