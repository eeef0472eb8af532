import type { Clock, Exact } from './adapter.js'
import type { GatewayError } from './errors.js'

/** What came of a command. */
export interface Answer {
  readonly value?: Exact | undefined
  readonly error?: GatewayError
}

interface Memory {
  readonly topic: string
  /** The final reply; undefined while the command is under way. */
  readonly reply: string | undefined
  readonly at: number
}

/** Where answers are kept over a crash, by name. */
export interface Notes {
  note(name: string, content: Buffer | undefined): void
  notes(): ReadonlyMap<string, Buffer>
}

/** An answer as it is kept; `at` in Unix seconds. */
interface Kept {
  readonly topic: string
  readonly reply: string
  readonly at: number
}

/** Seconds for which the same id gets the same answer. */
const keep = 60

/** Begins the names of kept answers; the key follows. */
const answered = 'answered:'

/** Ids and characters kept at most; beyond, the oldest goes. */
const max = 10_000
const maxCharacters = 16_000_000

/**
 * Idempotence: a QoS 1 message may come twice, and a heater must move once. Also when the gateway crashed in between, before its PUBACK
 * had arrived: answers to what was carried out are kept.
 */
export class Remembered {
  readonly #clock: Clock
  /** In order of insertion, so that the oldest is first. */
  readonly #memories = new Map<string, Memory>()
  readonly #notes: Notes | undefined
  #characters = 0

  constructor(clock: Clock, notes?: Notes) {
    this.#clock = clock
    this.#notes = notes
  }

  /** What an earlier run had answered in the last minute. */
  recover(): void {
    for (const [name, content] of Array.from(this.#notes?.notes() ?? [])) {
      if (!name.startsWith(answered)) continue
      const { topic, reply, at } = JSON.parse(content.toString()) as Kept
      // By a clock that was set back it is young: better once too few than twice.
      const age = Math.max(0, this.#clock.now() - at)
      if (age <= keep) this.#put(name.slice(answered.length), { topic, reply, at: this.#clock.monotonic() - age })
      else this.#notes?.note(name, undefined)
    }
  }

  get(key: string): Memory | undefined {
    const memory = this.#memories.get(key)
    if (memory === undefined) return undefined
    if (memory.reply === undefined || this.#clock.monotonic() - memory.at <= keep) return memory
    this.#forget(key)
    return undefined
  }

  start(key: string, topic: string): void {
    this.#put(key, { topic, reply: undefined, at: this.#clock.monotonic() })
  }

  /** The 60 seconds begin with the answer. `carriedOut`, or perhaps: it is kept over a crash. */
  finish(key: string, topic: string, reply: string, carriedOut: boolean): void {
    this.#put(key, { topic, reply, at: this.#clock.monotonic() })
    if (!carriedOut) return
    const content: Kept = { topic, reply, at: this.#clock.now() }
    this.#notes?.note(answered + key, Buffer.from(JSON.stringify(content)))
  }

  /** What is kept stays. */
  clear(): void {
    this.#memories.clear()
    this.#characters = 0
  }

  #put(key: string, memory: Memory): void {
    this.#forget(key)
    this.#memories.set(key, memory)
    this.#characters += size(key, memory)
    const now = this.#clock.monotonic()
    for (const [oldest, { at, reply }] of this.#memories) {
      const expired = reply !== undefined && now - at > keep
      if (!expired && this.#memories.size <= max && this.#characters <= maxCharacters) break
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    const memory = this.#memories.get(key)
    if (memory === undefined) return
    this.#characters -= size(key, memory)
    this.#memories.delete(key)
    if (memory.reply !== undefined) this.#notes?.note(answered + key, undefined)
  }
}

function size(key: string, { topic, reply }: Memory): number {
  return key.length + topic.length + (reply?.length ?? 0)
}
