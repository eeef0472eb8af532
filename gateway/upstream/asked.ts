import { createHash } from 'node:crypto'
import type { Clock } from '../adapter.js'

/** Seconds for which an id stands for its command after the answer; a little more than the contract remembers the answer. */
const keep = 61

/** Seconds after which nobody waits for an answer any more, and ids kept at most: as many as the contract keeps. */
const most = { seconds: 86_400, ids: 10_000 }

interface Memory {
  readonly digest: string
  /** Monotonic seconds at which it is forgotten. */
  until: number
}

/**
 * Which command an id from upstream stands for. Without this all of them there were one client, and the second who counts from 1 would hear what
 * became of the command of the first.
 */
export class Asked {
  readonly #clock: Clock
  readonly #memories = new Map<string, Memory>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** False: the id stands for another command, whose payload was another. `topic`: of the command. */
  take(topic: string, id: string, payload: Buffer): boolean {
    const now = this.#clock.monotonic()
    const key = `${topic}\0${id}`
    const digest = createHash('sha256').update(payload).digest('base64')
    const known = this.#memories.get(key)
    if (known !== undefined && known.until >= now) return known.digest === digest
    this.#memories.delete(key)
    this.#memories.set(key, { digest, until: now + most.seconds })
    const [first] = this.#memories.keys()
    if (first !== undefined && this.#memories.size > most.ids) this.#memories.delete(first)
    return true
  }

  answered(topic: string, id: string): void {
    const known = this.#memories.get(`${topic}\0${id}`)
    const until = this.#clock.monotonic() + keep
    if (known !== undefined && known.until > until) known.until = until
  }
}
