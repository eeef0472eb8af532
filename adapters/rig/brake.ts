/** Stops echo storms: two peers that take each other's echoes for messages send the same bytes for ever (section 7). */
import { crc32 } from 'node:zlib'

/**
 * So often within the time the same bytes may come, and once more, before they are dropped (section 9). TCP doubles nothing: there only a
 * peer that echoes echoes could begin a storm.
 */
const most = { udp: 8, tcp: 100 }

/** Different messages that are remembered; a storm is one message, or a few. */
const remembered = 256

export class Brake {
  /** Monotonic seconds of the last times, the oldest first; by message, the one that came last at the end. */
  readonly #times = new Map<number, number[]>()
  /** Messages that came since the last confirmation. */
  readonly #since = new Set<number>()
  readonly #most: number

  constructor(mayDuplicate: boolean) {
    this.#most = mayDuplicate ? most.udp : most.tcp
  }

  /**
   * A message of our own was confirmed: the talk goes on, and is no storm. Whoever asks the same again and again, and gets its answers,
   * is echoed each time. Only what came since the last confirmation can have been answered by this one.
   */
  forgive(): void {
    for (const key of this.#since) this.#times.get(key)?.shift()
    this.#since.clear()
  }

  /**
   * Is it one too many? `now` in monotonic seconds, `within` in seconds. Of a message only its checksum and length are kept: many large
   * ones take no room.
   */
  stops(bytes: Buffer, now: number, within: number): boolean {
    const key = crc32(bytes) * lengths + bytes.length
    const times = this.#times.get(key) ?? []
    this.#times.delete(key)
    while (times.length > 0 && now - (times[0] as number) > within) times.shift()
    this.#times.set(key, times)
    this.#since.add(key)
    this.#forget()
    if (times.length > this.#most) return true
    times.push(now)
    return false
  }

  #forget(): void {
    if (this.#times.size <= remembered) return
    for (const oldest of this.#times.keys()) {
      this.#times.delete(oldest)
      this.#since.delete(oldest)
      return
    }
  }
}

/** More than any message is long. */
const lengths = 2 ** 20
