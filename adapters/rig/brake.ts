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
  readonly #most: number

  constructor(mayDuplicate: boolean) {
    this.#most = mayDuplicate ? most.udp : most.tcp
  }

  /** It was wanted, and is no part of a storm: it does not count. */
  forgive(bytes: Buffer): void {
    this.#times.get(keyOf(bytes))?.pop()
  }

  /**
   * Is it one too many? `now` in monotonic seconds, `within` in seconds. Of a message only its checksum and length are kept: many large
   * ones take no room.
   */
  stops(bytes: Buffer, now: number, within: number): boolean {
    const key = keyOf(bytes)
    const times = this.#times.get(key) ?? []
    this.#times.delete(key)
    while (times.length > 0 && now - (times[0] as number) > within) times.shift()
    this.#times.set(key, times)
    this.#forget()
    if (times.length > this.#most) return true
    times.push(now)
    return false
  }

  #forget(): void {
    if (this.#times.size <= remembered) return
    for (const oldest of this.#times.keys()) {
      this.#times.delete(oldest)
      return
    }
  }
}

/** More than any message is long. */
const lengths = 2 ** 20

function keyOf(bytes: Buffer): number {
  return crc32(bytes) * lengths + bytes.length
}
