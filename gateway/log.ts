import { pino } from 'pino'
import type { DestinationStream } from 'pino'
import type { Logger } from './adapter.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** One JSON line an event, to standard output unless a stream is given. */
export function createLog(options: { level?: LogLevel; stream?: DestinationStream } = {}): Logger {
  const settings = { level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime }
  return options.stream ? pino(settings, options.stream) : pino(settings)
}

/** Lines that may come at once, and seconds until another may, of each sender about each thing, and of all together. */
const perSender = { atOnce: 5, every: 10 }
const together = { atOnce: 50, every: 1 }

interface Bucket {
  left: number
  at: number
}

/** Keys that a {@link Throttle} remembers. */
const maxKeys = 1000

/**
 * Lets one line in so many seconds through for each key, and says how many it held back: a client that sends
 * rubbish a thousand times a second must not fill the disk of a Raspberry Pi. At most 1000 keys are remembered, and of all together come
 * 50 lines at once and one a second: whoever makes up keys gains nothing.
 */
export class Throttle {
  readonly #every: number
  readonly #monotonic: () => number
  readonly #seen = new Map<string, { at: number; held: number }>()
  readonly #all: Bucket

  constructor(everySeconds: number, monotonic: () => number) {
    this.#every = everySeconds
    this.#monotonic = monotonic
    this.#all = { left: together.atOnce, at: monotonic() }
  }

  /** Undefined: hold the line back. A number: write it; so many like it were held back since the last one. */
  pass(key: string): number | undefined {
    const now = this.#monotonic()
    const last = this.#seen.get(key)
    if (last !== undefined && now - last.at < this.#every) {
      last.held += 1
      return undefined
    }
    const held = last?.held ?? 0
    this.#seen.delete(key)
    // The one of which nothing was let through for longest.
    if (this.#seen.size >= maxKeys) this.#seen.delete(this.#seen.keys().next().value ?? '')
    fill(this.#all, together, now)
    const passes = this.#all.left >= 1
    this.#seen.set(key, passes ? { at: now, held: 0 } : { at: -Infinity, held: held + 1 })
    if (!passes) return undefined
    this.#all.left -= 1
    return held
  }
}

/**
 * For lines of what goes well: a person's few commands are told each, and a program's thousand a second as one now and then that says how
 * many were not. At most 1000 of them are remembered.
 */
export class Sparing {
  readonly #monotonic: () => number
  readonly #senders = new Map<string, Map<unknown, Bucket & { held: number }>>()
  readonly #all: Bucket
  #count = 0

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
    this.#all = { left: together.atOnce, at: monotonic() }
  }

  /** Undefined: hold the line back. A number: write it; so many of the same sender about the same thing were held back since the last one. */
  pass(sender: string, about?: unknown): number | undefined {
    const now = this.#monotonic()
    let bucket = this.#senders.get(sender)?.get(about)
    if (bucket === undefined) {
      if (this.#count >= 1000) this.#forget()
      bucket = { left: perSender.atOnce, at: now, held: 0 }
      const known = this.#senders.get(sender)
      if (known === undefined) this.#senders.set(sender, new Map([[about, bucket]]))
      else known.set(about, bucket)
      this.#count += 1
    }
    fill(bucket, perSender, now)
    fill(this.#all, together, now)
    if (bucket.left < 1 || this.#all.left < 1) {
      bucket.held += 1
      return undefined
    }
    bucket.left -= 1
    this.#all.left -= 1
    const { held } = bucket
    bucket.held = 0
    return held
  }

  #forget(): void {
    this.#senders.clear()
    this.#count = 0
  }
}

function fill(bucket: Bucket, { atOnce, every }: { atOnce: number; every: number }, now: number): void {
  bucket.left = Math.min(atOnce, bucket.left + (now - bucket.at) / every)
  bucket.at = now
}
