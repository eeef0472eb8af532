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

/** Seconds for which the same id gets the same answer. */
const keep = 60

/** Ids and characters kept at most; beyond, the oldest goes. */
const max = 10_000
const maxCharacters = 16_000_000

/** Idempotence: a QoS 1 message may come twice, and a heater must move once. */
export class Remembered {
  readonly #clock: Clock
  /** In order of insertion, so that the oldest is first. */
  readonly #memories = new Map<string, Memory>()
  #characters = 0

  constructor(clock: Clock) {
    this.#clock = clock
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

  /** The 60 seconds begin with the answer. */
  finish(key: string, topic: string, reply: string): void {
    this.#put(key, { topic, reply, at: this.#clock.monotonic() })
  }

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
  }
}

function size(key: string, { topic, reply }: Memory): number {
  return key.length + topic.length + (reply?.length ?? 0)
}
