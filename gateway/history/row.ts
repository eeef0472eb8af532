import { ByteReader, ByteWriter } from './bytes.js'
import { Decoder, Encoder } from './codec.js'
import type { Traits } from './codec.js'
import type { Exact } from '../adapter.js'

/** The form of rows of readings; another one would begin with another byte. */
const form = 1

/** Seconds that a block covers, from whole multiples on: where to look for the readings of a time follows from it. */
export const slotSpan = 300

/** Bytes above which a block is full, and readings. */
const most = { bytes: 16_384, count: 4096 }

/** Readings of one codename within one slot of time, in the order in which they came; becomes a row. */
export class Block {
  slot: number
  readonly #out = new ByteWriter()
  readonly #encoder = new Encoder(this.#out)
  count = 0
  /** Microseconds. */
  min = Infinity
  max = -Infinity
  #sealed = false

  constructor(slot: number) {
    this.slot = slot
  }

  /** Takes over what a block wrote before; nothing is added to it any more. Throws a RangeError on what none wrote. */
  seal(stream: Uint8Array, each: (reading: Decoder) => void): void {
    this.#out.put(stream)
    this.#sealed = true
    for (const reading = this.read(); reading.next(); this.count += 1) {
      if (reading.time < this.min) this.min = reading.time
      if (reading.time > this.max) this.max = reading.time
      each(reading)
    }
    this.slot = slotOf(this.min)
  }

  /** As of {@link Encoder.add}. Tells how many bytes it took. */
  add(time: number, value: Exact, traits: Traits, measured?: number): number {
    const before = this.#out.length
    this.#encoder.add(time, value, traits, measured)
    this.count += 1
    if (time < this.min) this.min = time
    if (time > this.max) this.max = time
    return this.#out.length - before
  }

  get bytes(): number {
    return this.#out.length
  }

  get isFull(): boolean {
    return this.#sealed || this.#out.length >= most.bytes || this.count >= most.count
  }

  /** What was written from this byte on. */
  stream(from = 0): Buffer {
    return this.#out.view(from)
  }

  read(): Decoder {
    return new Decoder(this.#out.view())
  }

  row(): Buffer {
    const out = new ByteWriter(this.#out.length + 16)
    out.byte(form)
    out.whole(this.count)
    out.whole(this.max - this.min)
    out.put(this.#out.view())
    return out.bytes.subarray(0, out.length)
  }
}

/** The slot of a time in microseconds. */
export const slotOf = (time: number): number => Math.floor(time / 1e6 / slotSpan)

/** A row, or a block that is to become one, for those who read. */
export interface Readable {
  /** Microseconds of its first and last reading. */
  readonly min: number
  readonly max: number
  readonly count: number
  /** As it is stored. */
  readonly bytes: number
  read(): Decoder
}

/** `min`: from its key. Throws a RangeError on what is no row. */
export function readRow(min: number, bytes: Uint8Array): Readable {
  const head = new ByteReader(bytes)
  if (head.byte() !== form) throw new RangeError('a row of an unknown form')
  const count = head.whole()
  const max = min + head.whole()
  return { min, max, count, bytes: bytes.length, read: () => new Decoder(bytes.subarray(head.at)) }
}

/** The block as it is now, whatever comes later. */
export function readBlock(block: Block): Readable {
  const bytes = block.stream()
  return { min: block.min, max: block.max, count: block.count, bytes: bytes.length, read: () => new Decoder(bytes) }
}
