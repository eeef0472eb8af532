import { ByteReader, ByteWriter } from './bytes.js'
import { Decoder, Encoder } from './codec.js'
import type { Traits } from './codec.js'
import type { Exact, Quality } from '../adapter.js'
import type { Point } from './types.js'

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
  /** Where it is stored. */
  readonly key?: Buffer
  read(): RowReader
}

/** `key`, `min`: its key, and what that says. `damaged` is told when it shows that it is none, or not the whole. */
export function readRow(key: Buffer, min: number, bytes: Uint8Array, damaged: (reason: string) => void): Readable {
  try {
    const head = new ByteReader(bytes)
    if (head.byte() !== form) throw new RangeError('a row of an unknown form')
    const count = head.whole()
    const max = min + head.whole()
    const row = { min, max, count, bytes: bytes.length, key }
    return { ...row, read: () => new RowReader(row, bytes.subarray(head.at), damaged) }
  } catch (error) {
    const row = { min, max: min, count: 1, bytes: bytes.length, key }
    return { ...row, read: () => new RowReader(row, bytes.subarray(bytes.length), damaged, (error as Error).message) }
  }
}

/** The block as it is now, whatever comes later. */
export function readBlock(block: Block): Readable {
  const bytes = block.stream()
  const row = { min: block.min, max: block.max, count: block.count, bytes: bytes.length }
  return { ...row, read: () => new RowReader(row, bytes, () => {}) }
}

/** Goes through a row: what can be read of it, and where it is damaged a `bad` mark for the rest. */
export class RowReader {
  readonly #row: Omit<Readable, 'read'>
  readonly #readings: Decoder
  readonly #damaged: (reason: string) => void
  readonly #reason: string
  #count = 0
  #mark: Point | undefined
  /** Microseconds. */
  time: number

  /** `reason`: why nothing of it can be read. */
  constructor(row: Omit<Readable, 'read'>, bytes: Uint8Array, damaged: (reason: string) => void, reason = 'the row ends too soon') {
    this.#row = row
    this.#reason = reason
    this.#readings = new Decoder(bytes)
    this.#damaged = damaged
    this.time = row.min
  }

  /** False: there is no further one. Never throws. */
  next(): boolean {
    if (this.#mark !== undefined) return false
    const { min, max, count } = this.#row
    try {
      if (this.#readings.next()) {
        const { time } = this.#readings
        if (!(time >= min && time <= max)) throw new RangeError('a time that is not of the row')
        this.time = time
        this.#count += 1
        return true
      }
      if (this.#count === count) return false
      throw new RangeError(this.#reason)
    } catch (error) {
      const { message } = error as Error
      this.#damaged(message)
      const text = `readings cannot be read: ${message}`
      this.#mark = {
        time: this.time / 1e6,
        quality: 'bad',
        value: null,
        error: { class: 'Internal', message: text, retryable: false }
      }
      return true
    }
  }

  get quality(): Quality {
    return this.#mark?.quality ?? this.#readings.quality
  }

  get value(): Exact {
    return this.#mark === undefined ? this.#readings.value : null
  }

  /** Bytes that it takes to hold or to tell it, roughly. */
  get size(): number {
    return this.#readings.size
  }

  point(): Point {
    return this.#mark ?? this.#readings.point()
  }
}
