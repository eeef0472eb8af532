import type { Entry } from './entry.js'

/** Bytes that may wait in memory for the disk. */
const most = 8_388_608

/** Of what is too much, more goes at once: each look through all of it takes time. */
const least = 0.9

/** What was taken in and is not on the disk, in order. Each of it costs the same, however much waits. */
export class Taken {
  readonly #sizeOf: (entry: Entry) => number
  /** In order of their numbers. */
  #entries = new Map<number, { readonly entry: Entry; readonly bytes: number }>()
  bytes = 0

  constructor(sizeOf: (entry: Entry) => number) {
    this.#sizeOf = sizeOf
  }

  get length(): number {
    return this.#entries.size
  }

  get first(): Entry | undefined {
    return this.#entries.values().next().value?.entry
  }

  get(seq: number): Entry | undefined {
    return this.#entries.get(seq)?.entry
  }

  push(entry: Entry): void {
    const bytes = this.#sizeOf(entry)
    this.#entries.set(entry.seq, { entry, bytes })
    this.bytes += bytes
  }

  /** The first, up to so many bytes, and one at least. */
  upToBytes(bytes: number): Entry[] {
    const found: Entry[] = []
    let sum = 0
    for (const { entry, bytes: own } of this.#entries.values()) {
      sum += own
      if (sum > bytes && found.length > 0) break
      found.push(entry)
    }
    return found
  }

  /** Where there is no room for more, the oldest goes, behind the one that is being written. What went. */
  shed(writing: number): Entry[] {
    const gone: Entry[] = []
    if (this.bytes <= most) return gone
    for (const { entry } of this.#entries.values()) {
      if (this.bytes <= most * least) break
      if (entry.seq <= writing) continue
      gone.push(entry)
      this.remove(entry.seq)
    }
    return gone
  }

  /** They are on the disk. */
  upTo(seq: number): void {
    for (const own of this.#entries.keys()) {
      if (own > seq) break
      this.remove(own)
    }
  }

  remove(seq: number): void {
    this.bytes -= this.#entries.get(seq)?.bytes ?? 0
    this.#entries.delete(seq)
  }

  renumber(by: number): void {
    const all = [...this.#entries.values()]
    this.#entries = new Map(all.map(({ entry, bytes }) => [entry.seq + by, { entry: { ...entry, seq: entry.seq + by }, bytes }]))
  }
}
