import type { Entry } from './entry.js'

/** Bytes that may wait in memory for the disk. */
const most = 8_388_608

/** Of what is too much, more goes at once: each look through all of it takes time. */
const least = 0.9

/** What was taken in and is not on the disk, in order. */
export class Taken {
  readonly #sizeOf: (entry: Entry) => number
  #entries: Entry[] = []
  bytes = 0

  constructor(sizeOf: (entry: Entry) => number) {
    this.#sizeOf = sizeOf
  }

  get entries(): readonly Entry[] {
    return this.#entries
  }

  get length(): number {
    return this.#entries.length
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    this.bytes += this.#sizeOf(entry)
  }

  /** The first, up to so many bytes, and one at least. */
  first(bytes: number): Entry[] {
    let sum = 0
    const end = this.#entries.findIndex((entry) => (sum += this.#sizeOf(entry)) > bytes)
    return end < 0 ? [...this.#entries] : this.#entries.slice(0, Math.max(1, end))
  }

  /** Where there is no room for more, the oldest goes, behind the one that is being written. How many went. */
  shed(writing: number): number {
    if (this.bytes <= most) return 0
    let over = this.bytes - most * least
    const before = this.#entries.length
    this.#keep((entry) => {
      if (entry.seq <= writing || over <= 0) return true
      over -= this.#sizeOf(entry)
      return false
    })
    return before - this.#entries.length
  }

  /** They are on the disk. */
  upTo(seq: number): void {
    this.#keep((entry) => entry.seq > seq)
  }

  remove(seqs: ReadonlySet<number>): void {
    if (seqs.size > 0) this.#keep((entry) => !seqs.has(entry.seq))
  }

  renumber(by: number): void {
    this.#entries = this.#entries.map((entry) => ({ ...entry, seq: entry.seq + by }))
  }

  #keep(isKept: (entry: Entry) => boolean): void {
    this.#entries = this.#entries.filter(isKept)
    this.bytes = this.#entries.reduce((sum, entry) => sum + this.#sizeOf(entry), 0)
  }
}
