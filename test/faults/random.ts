/** Random and mutated bytes, the same for the same seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  chance(p: number): boolean {
    return this.next() < p
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i += 1) bytes[i] = this.below(256)
    return bytes
  }

  /** Printable ASCII, rich in what the protocols take for separators. */
  text(length: number): Buffer {
    const special = '#,;:&"{}[]\\ \n\r\t-+._eE%/$'
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i += 1) bytes[i] = this.chance(0.4) ? special.charCodeAt(this.below(special.length)) : 32 + this.below(95)
    return bytes
  }

  /** One to four changes at random places; `words` and `others` are put in. */
  mutate(bytes: Buffer, words: readonly string[], others: readonly Buffer[]): Buffer {
    let mutated = bytes
    for (let i = 1 + this.below(4); i > 0; i -= 1) mutated = this.#change(mutated, words, others)
    return mutated
  }

  #change(bytes: Buffer, words: readonly string[], others: readonly Buffer[]): Buffer {
    const at = this.below(bytes.length + 1)
    const to = Math.min(bytes.length, at + 1 + this.below(8))
    const around = (middle: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(to)])
    switch (this.below(9)) {
      case 0: {
        const flipped = Buffer.from(bytes)
        if (flipped.length > 0) flipped[this.below(flipped.length)] = (flipped[this.below(flipped.length)] as number) ^ (1 << this.below(8))
        return flipped
      }
      case 1:
        return around(this.bytes(this.below(4)))
      case 2:
        return around(this.text(this.below(12)))
      case 3:
        return bytes.subarray(0, at)
      case 4:
        return bytes.subarray(at)
      case 5: {
        const other = this.pick(others)
        return Buffer.concat([bytes.subarray(0, at), other.subarray(this.below(other.length + 1))])
      }
      case 6:
        return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at, to), bytes.subarray(at)])
      default:
        return around(Buffer.from(this.pick(words)))
    }
  }
}
