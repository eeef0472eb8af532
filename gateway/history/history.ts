import { join } from 'node:path'
import type { Clock, Logger, Watch } from '../adapter.js'
import type { Devices, Entry } from '../devices.js'
import type { Held } from '../latest.js'
import type { Config } from '../../schemas/types.js'
import { Intake } from './intake.js'
import type { Most } from './fetch.js'
import { Query } from './query.js'
import { Retention } from './retention.js'
import { folderPlace, memoryPlace } from './shelf.js'
import type { Place } from './shelf.js'
import type { HistoryStatus, Plot, Point, Question } from './types.js'
import { Writer } from './writer.js'

export interface HistoryOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly devices: Devices
  readonly config: Config['history']
  /** `gateway.data`; undefined: everything is in memory. */
  readonly data: string | undefined
  /** Something to tell about: it cannot write, or can again. */
  readonly changed: () => void
  /** Instead of the folder; tests put a failing one here. */
  readonly place?: Place
}

/** Seconds that a start waits for the store, and a stop. What comes before it is open waits in memory. */
const within = { start: 2, stop: 2 }

/** Bytes of readings in memory: above the first they get rows of their own, above the second new ones are dropped. */
const memory = { checkpoint: 4_194_304, most: 25_165_824 }

/** Seconds between two looks at what is to be removed. */
const lookEvery = 5

/**
 * Every reading of every codename, as far as the configuration wants it, to be asked back. Written once a second: a kill -9 takes the
 * last second, a plug that is pulled what the system had not written. What stands where is said at {@link Intake}, what is removed when
 * at {@link Retention}. A codename that is forgotten keeps its history.
 */
export class History {
  readonly #options: HistoryOptions
  readonly #writer: Writer
  readonly #intake: Intake
  readonly #retention: Retention
  readonly #query: Query
  readonly #stopping = new AbortController()
  #timer: Watch | undefined

  constructor(options: HistoryOptions) {
    const { clock, devices, config, data, changed } = options
    const log = options.log
    this.#options = options
    const max = data === undefined ? config.maxMemory : config.maxBytes
    const place = options.place ?? (data === undefined ? memoryPlace : folderPlace(join(data, 'history'), max))
    this.#writer = new Writer({
      clock,
      log,
      place,
      // What waits is to be written within the bound, too, and in memory it takes its part of it; as the journal does.
      maxWaiting: Math.min(memory.most, max / 4),
      checkpointBytes: Math.min(memory.checkpoint, max / (place.isLasting ? 32 : 16)),
      room: (bytes) => this.#retention.room(bytes),
      changed,
      opened: () => this.#intake.opened()
    })
    this.#intake = new Intake({ clock, log, devices, record: config.record, keep: config.keep, writer: this.#writer })
    this.#retention = new Retention({
      clock,
      log,
      writer: this.#writer,
      keep: config.keep,
      keepRollups: config.keepRollups,
      maxBytes: max,
      inMemory: !place.isLasting,
      changed
    })
    this.#query = new Query(this.#writer, clock, { log, changed })
  }

  /** Opens what there is. Never rejects: a history that cannot be opened is degraded, and tried again. */
  async start(): Promise<void> {
    await this.#patiently(this.#writer.start(), within.start)
    this.#look()
  }

  /** A reading, or one that has become stale. Never waits, never throws; what the disk does is no matter of the caller. */
  take(entry: Entry, held: Held): void {
    if (this.#stopping.signal.aborted) return
    try {
      this.#intake.take(entry, held)
    } catch (error) {
      this.#options.log.error({ err: error, device: entry.device, codename: entry.codename }, 'the history could not take a reading')
    }
  }

  /** Whether readings of it are kept. */
  keeps(entry: Entry): boolean {
    return this.#intake.keeps(entry)
  }

  /**
   * Readings in the order of their time, in pages of at most 1000; also those that are not written yet. `wanted`: what the asker is likely to
   * take, so that no more is looked for at once; it may go on.
   */
  async *readings(question: Question, signal?: AbortSignal, wanted?: Partial<Most>): AsyncIterable<readonly Point[]> {
    yield* this.#query.readings(question, this.#also(signal), wanted)
  }

  /** At most about so many points or buckets; `bytes`: readings that take more are counted in buckets. */
  async plot(question: Question, points: number, signal?: AbortSignal, bytes?: number): Promise<Plot> {
    return await this.#query.plot(question, points, this.#also(signal), bytes)
  }

  /** For tests. */
  get writer(): Writer {
    return this.#writer
  }

  status(): HistoryStatus {
    const { written, dropped, waiting } = this.#writer
    const failure = this.#writer.failure ?? this.#retention.trouble ?? this.#query.failure
    const waitsOnly = this.#writer.bytes > 0 && this.#writer.first < Infinity
    const isOff = this.#options.config.record === 'off' && written === 0 && waiting === 0
    return {
      state: failure !== undefined ? 'degraded' : isOff ? 'off' : 'on',
      reason: failure ?? (isOff ? 'nothing is to be recorded (history.record)' : ''),
      written,
      dropped,
      waiting,
      bytes: this.#retention.bytes,
      oldest: this.#retention.oldest ?? (waitsOnly ? this.#writer.first / 1e6 : undefined)
    }
  }

  /** Writes what waits, and removes what is to be removed. For tests: both happen by themselves. */
  async flush(): Promise<void> {
    await this.#writer.turn()
    await this.#retention.look()
  }

  /** Writes what waits, within a time limit. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the gateway stops'))
    this.#timer?.cancel()
    await this.#patiently(this.#writer.stop(), within.stop)
    const { waiting, failure } = this.#writer
    if (waiting > 0)
      this.#options.log.error(
        { readings: waiting, reason: failure ?? 'the disk took too long' },
        'readings of the history are lost: they could not be written before the stop'
      )
  }

  #look(): void {
    if (this.#stopping.signal.aborted) return
    void this.#retention.look()
    this.#timer = this.#options.clock.after(lookEvery, () => this.#look())
  }

  #also(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#stopping.signal : AbortSignal.any([signal, this.#stopping.signal])
  }

  async #patiently(work: Promise<void>, seconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(seconds, resolve)
      void work.finally(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}
