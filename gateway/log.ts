import { pino } from 'pino'
import type { DestinationStream } from 'pino'
import type { Logger } from './adapter.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** One JSON line an event, to standard output unless a stream is given. */
export function createLog(options: { level?: LogLevel; stream?: DestinationStream } = {}): Logger {
  const settings = { level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime }
  return options.stream ? pino(settings, options.stream) : pino(settings)
}

/**
 * Lets one line in so many seconds through for each key, and says how many it held back: a client that sends
 * rubbish a thousand times a second must not fill the disk of a Raspberry Pi. At most 1000 keys are remembered.
 */
export class Throttle {
  readonly #every: number
  readonly #monotonic: () => number
  readonly #seen = new Map<string, { at: number; held: number }>()

  constructor(everySeconds: number, monotonic: () => number) {
    this.#every = everySeconds
    this.#monotonic = monotonic
  }

  /** Undefined: hold the line back. A number: write it; so many like it were held back since the last one. */
  pass(key: string): number | undefined {
    const now = this.#monotonic()
    const last = this.#seen.get(key)
    if (last !== undefined && now - last.at < this.#every) {
      last.held += 1
      return undefined
    }
    if (this.#seen.size >= 1000) this.#seen.clear()
    this.#seen.set(key, { at: now, held: 0 })
    return last?.held ?? 0
  }
}
