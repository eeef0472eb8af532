/** Points that wait to be sent: gathered into datagrams, bounded, in order. */
import { datagramBytes, encodeBatch } from './codec.js'

/** A codename and its point as JSON. */
export type Entry = readonly [codename: string, point: string]

export class Outbox {
  readonly #host: string
  readonly #max: number
  #entries: Entry[] = []

  /** `host`: the name that the datagrams carry. `max`: points that may wait. */
  constructor(host: string, max: number) {
    this.#host = host
    this.#max = max
  }

  get length(): number {
    return this.#entries.length
  }

  /** Would the proxy read it to its end? One that it cuts is no JSON for it. */
  fits(entry: Entry): boolean {
    return encodeBatch(this.#host, [entry]).length <= datagramBytes
  }

  /** Returns how many were dropped for it, the oldest first. */
  add(entry: Entry): number {
    this.#entries.push(entry)
    return this.#shorten()
  }

  /** What did not leave goes to the front again. Returns how many were dropped. */
  putBack(entries: readonly Entry[]): number {
    this.#entries = [...entries, ...this.#entries]
    return this.#shorten()
  }

  /**
   * The next datagram's: as many as fit, each codename once, so that no point is lost to a later one. Those that are not wanted any more
   * are left out on the way; `left` is told how many.
   */
  take(isWanted: (codename: string) => boolean = () => true, left: (count: number) => void = () => {}): readonly Entry[] {
    const empty = encodeBatch(this.#host, []).length
    const seen = new Set<string>()
    const taken: Entry[] = []
    let length = empty
    let looked = 0
    for (const entry of this.#entries) {
      const [codename] = entry
      // A blank and a comma go between two.
      const more = encodeBatch(this.#host, [entry]).length - empty + (taken.length === 0 ? 0 : 2)
      if (seen.has(codename) || (taken.length > 0 && length + more > datagramBytes)) break
      looked += 1
      if (!isWanted(codename)) continue
      seen.add(codename)
      length += more
      taken.push(entry)
    }
    this.#entries.splice(0, looked)
    if (looked > taken.length) left(looked - taken.length)
    return taken
  }

  datagram(entries: readonly Entry[]): Buffer {
    return Buffer.from(encodeBatch(this.#host, entries), 'latin1')
  }

  #shorten(): number {
    const dropped = Math.max(0, this.#entries.length - this.#max)
    if (dropped > 0) this.#entries.splice(0, dropped)
    return dropped
  }
}
