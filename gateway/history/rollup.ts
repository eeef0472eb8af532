import type { Exact, Quality } from '../adapter.js'
import { ByteReader, ByteWriter } from './bytes.js'
import type { Bucket } from './types.js'

/** A length of roll-ups. Each row holds those of one of the next longer, so that its key can be told from the time. */
export interface Level {
  /** First byte of its keys. */
  readonly kind: 'a' | 'b' | 'c'
  /** Seconds of a bucket. */
  readonly step: number
  /** Seconds of a row. */
  readonly span: number
  /** Seconds of a partition; see keys.ts. */
  readonly partition: number
}

const hour = 3600
const day = 86_400
const month = 32 * day

/** The shortest first: 10 s, 5 min, 1 h. */
export const levels = [
  { kind: 'a', step: 10, span: 300, partition: hour },
  { kind: 'b', step: 300, span: hour, partition: day },
  // A year is in few places then.
  { kind: 'c', step: hour, span: day, partition: month }
] as const satisfies readonly Level[]

/** What is known of a stretch of time; parts of it can be joined in any order, so late readings are nothing special. */
export class Sum {
  /** Readings, good and uncertain. */
  count = 0
  /** Of these, numbers. */
  numbers = 0
  min = Infinity
  max = -Infinity
  mean = 0
  isGap = false

  /** A reading. */
  take(quality: Quality, value: Exact): void {
    if (quality === 'stale' || quality === 'bad') {
      this.isGap = true
      return
    }
    this.count += 1
    const number = typeof value === 'number' ? value : typeof value === 'boolean' || typeof value === 'bigint' ? Number(value) : NaN
    if (!Number.isFinite(number)) return
    this.numbers += 1
    if (number < this.min) this.min = number
    if (number > this.max) this.max = number
    this.mean += number / this.numbers - this.mean / this.numbers
  }

  join(other: Sum): void {
    this.count += other.count
    this.isGap ||= other.isGap
    if (other.numbers === 0) return
    const numbers = this.numbers + other.numbers
    this.mean = this.mean * (this.numbers / numbers) + other.mean * (other.numbers / numbers)
    this.numbers = numbers
    if (other.min < this.min) this.min = other.min
    if (other.max > this.max) this.max = other.max
  }

  bucket(time: number): Bucket {
    const { count, numbers, isGap, min, max } = this
    if (numbers === 0) return { time, count, min: null, max: null, mean: null, isGap }
    // Rounding must not carry it out of what it is the mean of.
    return { time, count, min, max, mean: Math.min(Math.max(this.mean, min), max), isGap }
  }
}

/** By the number of the bucket: its time in steps since 1970. */
export type Sums = Map<number, Sum>

export function sumAt(sums: Sums, index: number): Sum {
  let sum = sums.get(index)
  if (sum === undefined) sums.set(index, (sum = new Sum()))
  return sum
}

/** Adds buckets of `step` to those of a longer one. */
export function addSums(to: Sums, from: Sums, ratio = 1): void {
  for (const [index, sum] of from) sumAt(to, ratio === 1 ? index : Math.floor(index / ratio)).join(sum)
}

const gap = 1
/** Minimum, maximum and mean are one number. */
const flat = 2
const numeric = 4
/** Not all are numbers: how many are follows. */
const mixed = 8

/** Buckets as a row. */
export function encodeSums(sums: Sums): Buffer {
  const out = new ByteWriter(sums.size * 28 + 8)
  let before = 0
  for (const [index, sum] of [...sums].sort(([a], [b]) => a - b)) {
    out.whole(index - before)
    before = index
    const isFlat = sum.min === sum.max
    out.byte(
      (sum.isGap ? gap : 0) |
        (isFlat ? flat : 0) |
        (sum.numbers > 0 ? numeric : 0) |
        (sum.numbers > 0 && sum.numbers !== sum.count ? mixed : 0)
    )
    out.whole(sum.count)
    if (sum.numbers === 0) continue
    if (sum.numbers !== sum.count) out.whole(sum.numbers)
    out.double(sum.min)
    if (isFlat) continue
    out.double(sum.max)
    out.double(sum.mean)
  }
  return Buffer.from(out.view())
}

/** Adds the buckets of a row to others. Throws a RangeError on what is none. */
export function decodeSums(bytes: Uint8Array, to: Sums, ratio = 1): void {
  const row = new ByteReader(bytes)
  const one = new Sum()
  for (let index = 0; !row.ended;) {
    index += row.whole()
    const flags = row.byte()
    one.isGap = (flags & gap) !== 0
    one.count = row.whole()
    one.numbers = (flags & numeric) === 0 ? 0 : one.count
    if ((flags & mixed) !== 0) one.numbers = row.whole()
    if (one.numbers > 0) {
      one.min = row.double()
      one.max = (flags & flat) === 0 ? row.double() : one.min
      one.mean = (flags & flat) === 0 ? row.double() : one.min
    }
    sumAt(to, ratio === 1 ? index : Math.floor(index / ratio)).join(one)
  }
}
