/** Numbers as bytes. Pure. */

const float = new Float64Array(1)
const raw = new Uint8Array(float.buffer)

/** Bytes that grow at their end. What is written stays as it is: a view of it may be kept. */
export class ByteWriter {
  bytes: Buffer
  length = 0

  constructor(size = 64) {
    this.bytes = Buffer.allocUnsafeSlow(size)
  }

  /** Room for so many bytes more. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte. */
  whole(value: number): void {
    this.reserve(8)
    let rest = value
    while (rest >= 0x8000_0000) {
      this.bytes[this.length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest >= 128) {
      this.bytes[this.length++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.bytes[this.length++] = rest
  }

  /** A whole number from -2^52 to 2^52 - 1: small ones of either sign are short. */
  signed(value: number): void {
    this.whole(value < 0 ? -2 * value - 1 : 2 * value)
  }

  double(value: number): void {
    this.reserve(8)
    float[0] = value
    this.bytes.set(raw, this.length)
    this.length += 8
  }

  text(value: string): void {
    const size = Buffer.byteLength(value)
    this.whole(size)
    this.reserve(size)
    this.length += this.bytes.write(value, this.length)
  }

  put(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  view(from = 0): Buffer {
    return this.bytes.subarray(from, this.length)
  }
}

/** Reads what {@link ByteWriter} wrote; a RangeError where it ends too soon. */
export class ByteReader {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  get ended(): boolean {
    return this.at >= this.#bytes.length
  }

  byte(): number {
    const value = this.#bytes[this.at++]
    if (value === undefined) throw new RangeError('the row ends too soon')
    return value
  }

  whole(): number {
    let value = this.byte()
    if (value < 128) return value
    value &= 127
    for (let unit = 128; ; unit *= 128) {
      const next = this.byte()
      value += (next & 127) * unit
      if (next < 128) return value
    }
  }

  signed(): number {
    const value = this.whole()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  double(): number {
    if (this.at + 8 > this.#bytes.length) throw new RangeError('the row ends too soon')
    for (let i = 0; i < 8; i++) raw[i] = this.#bytes[this.at + i] as number
    this.at += 8
    return float[0] as number
  }

  text(): string {
    return Buffer.from(this.take(this.whole())).toString()
  }

  /** A view of the next bytes. */
  take(size: number): Uint8Array {
    if (this.at + size > this.#bytes.length) throw new RangeError('the row ends too soon')
    this.at += size
    return this.#bytes.subarray(this.at - size, this.at)
  }
}
