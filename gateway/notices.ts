import type { Clock, Logger } from './adapter.js'

/** A line of the log, as people see it. */
export interface LogLine {
  /** Counts all lines since start. */
  readonly n: number
  /** Unix seconds. */
  readonly time: number
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** The last lines of the log and the last dead letters, in memory and bounded, for people who look. */
export class Notices {
  /** The log to use from now on: it writes to the one given, and keeps the line here. */
  readonly log: Logger

  constructor(options: { readonly clock: Clock; readonly log: Logger }) {
    this.log = options.log
  }

  /** A dead letter was published; the payload as subscribers get it. */
  dead(payload: string): void {
    void payload
  }
}
