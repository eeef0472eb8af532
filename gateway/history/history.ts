import type { Clock, Logger } from '../adapter.js'
import type { Devices, Entry } from '../devices.js'
import type { Held } from '../latest.js'
import type { Config } from '../../schemas/types.js'
import type { HistoryStatus, Plot, Point, Question } from './types.js'

export interface HistoryOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly devices: Devices
  readonly config: Config['history']
  /** `gateway.data`; undefined: everything is in memory. */
  readonly data: string | undefined
  /** Something to tell about: it cannot write, or can again. */
  readonly changed: () => void
}

/** Every reading of every codename, as far as the configuration wants it, to be asked back. */
export class History {
  constructor(options: HistoryOptions) {
    void options
  }

  /** Opens what there is. Never rejects: a history that cannot be opened is degraded, and tried again. */
  async start(): Promise<void> {}

  /** A reading, or one that has become stale. Never waits, never throws; what the disk does is no matter of the caller. */
  take(entry: Entry, held: Held): void {
    void [entry, held]
  }

  /** Whether any readings of it are kept. */
  keeps(entry: Entry): boolean {
    return entry.meta.history !== 'off'
  }

  /** Readings in the order of their time, in pages; also those that are not written yet. */
  async *readings(question: Question, signal?: AbortSignal): AsyncIterable<readonly Point[]> {
    void [question, signal]
  }

  /** At most about so many points or buckets. */
  async plot(question: Question, points: number, signal?: AbortSignal): Promise<Plot> {
    void [question, points, signal]
    return { kind: 'readings', points: [] }
  }

  status(): HistoryStatus {
    return { state: 'off', reason: '', written: 0, dropped: 0, waiting: 0, bytes: 0, oldest: undefined }
  }

  /** Writes what waits, within a time limit. */
  async stop(): Promise<void> {}
}
