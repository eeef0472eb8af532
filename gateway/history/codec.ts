import { parseExact, stringifyExact } from '../../adapters/common/exact-json.js'
import type { Exact, Quality, ReadingError, Source } from '../adapter.js'
import { isWritable } from '../time.js'
import { ByteReader } from './bytes.js'
import type { ByteWriter } from './bytes.js'
import type { Point } from './types.js'

/*
 * Readings of one codename as bytes. One byte says what follows of a reading; what is as it was costs nothing:
 *
 *   bits 0-2  the value: see `kinds`
 *   bit  3    times are in milliseconds, else in microseconds
 *   bit  4    quality, unit, source, error, uncertainty or run have changed
 *   bit  5    x, seq or the time of a stale reading follows
 *   bit  6    seq is one more than before
 *   bit  7    as long after the last as that after the one before
 *
 * Else the difference of that to the one before comes first. Decimal numbers are whole ones of a power of ten, and differences of these.
 */

/** A double as it is; a decimal, as difference; an int, as difference; as before; a word; a power of ten and a decimal; JSON. */
const kinds = { double: 0, decimal: 1, int: 2, same: 3, word: 4, scaled: 6, json: 7 } as const

const words: readonly Exact[] = [null, false, true, NaN, Infinity, -Infinity, -0]
const qualities: readonly Quality[] = ['good', 'stale', 'uncertain', 'bad']
const sources: readonly (Source | undefined)[] = [undefined, 'poll', 'push', 'set', 'restored', 'simulated', 'client', 'history']

const powers = Array.from({ length: 13 }, (_, digits) => 10 ** digits)

/** Above it a decimal is not shorter than the double. */
const most = 2 ** 48

/** What a reading says besides time and value, as {@link Point} has it. */
export type Traits = Omit<Point, 'time' | 'since' | 'value'>

/** What a reading is as long as nothing else was said. */
const plain: Traits = { quality: 'good' }

/** Writes readings, one after the other, in any order of time. */
export class Encoder {
  readonly #out: ByteWriter
  #time = 0
  #step = 0
  #first = true
  #value: Exact | undefined
  #json: string | undefined
  #decimal = 0
  #digits = 0
  /** Decimals that were none, in a row: noise is not searched for digits each time. */
  #misses = 0
  #int = 0
  #seq: number | undefined
  #traits = plain

  constructor(out: ByteWriter) {
    this.#out = out
  }

  /** `time`: microseconds, its place in the order. `measured`: of a stale one, when it was measured, Unix seconds. */
  add(time: number, value: Exact, traits: Traits, measured?: number): void {
    const out = this.#out
    // What cannot be written leaves nothing behind: the readings before it must be found again.
    const json = typeof value === 'object' && value !== null ? textOfExact(value) : undefined
    const { x, seq } = traits
    const place = x === undefined ? undefined : textOfExact(x)
    const start = out.length
    out.byte(0)
    let head = 0
    const step = time - this.#time
    let change = step - this.#step
    if (change === 0) head |= 128
    else {
      if (change % 1000 === 0) {
        change /= 1000
        head |= 8
      }
      out.signed(change)
    }
    this.#time = time
    if (!this.#first) this.#step = step
    this.#first = false
    head |= json === undefined ? this.#put(value) : this.#putJson(value, json)
    if (differ(this.#traits, traits)) {
      head |= 16
      this.#putTraits(traits)
    }
    const counts = seq !== undefined && this.#seq !== undefined && seq === this.#seq + 1
    if (counts) head |= 64
    if (place !== undefined || measured !== undefined || (seq !== undefined && !counts)) {
      head |= 32
      out.byte((place === undefined ? 0 : 1) | (seq === undefined || counts ? 0 : 2) | (measured === undefined ? 0 : 4))
      if (place !== undefined) out.text(place)
      if (seq !== undefined && !counts) out.double(seq)
      if (measured !== undefined) out.double(measured)
    }
    if (seq !== undefined) this.#seq = seq
    out.bytes[start] = head
  }

  #put(value: Exact): number {
    if (typeof value === 'number') {
      if (Object.is(value, this.#value)) return kinds.same
      this.#value = value
      return this.#putNumber(value)
    }
    if (value === this.#value) return kinds.same
    this.#value = value
    if (typeof value === 'bigint') {
      const int = Number(value)
      if (!Number.isSafeInteger(int) || Math.abs(int) > most) return this.#putJson(value, stringifyExact(value))
      this.#out.signed(int - this.#int)
      this.#int = int
      return kinds.int
    }
    if (typeof value === 'string') return this.#putJson(value, stringifyExact(value))
    this.#out.byte(Math.max(words.indexOf(value), 0))
    return kinds.word
  }

  #putNumber(value: number): number {
    const out = this.#out
    if (value === 0 ? 1 / value < 0 : !Number.isFinite(value)) {
      out.byte(words.findIndex((word) => Object.is(word, value)))
      return kinds.word
    }
    const decimal = wholeOf(value, this.#digits)
    if (decimal !== undefined) {
      this.#misses = 0
      out.signed(decimal - this.#decimal)
      this.#decimal = decimal
      return kinds.decimal
    }
    this.#misses += 1
    if (this.#misses <= 4 || this.#misses % 32 === 0)
      for (let digits = this.#digits + 1; digits < powers.length; digits++) {
        const found = wholeOf(value, digits)
        if (found === undefined) continue
        this.#misses = 0
        this.#digits = digits
        this.#decimal = found
        out.byte(digits)
        out.signed(found)
        return kinds.scaled
      }
    out.double(value)
    return kinds.double
  }

  #putJson(value: Exact, text: string): number {
    if (this.#json === text && typeof this.#value === 'object' && this.#value !== null) return kinds.same
    this.#json = text
    this.#value = value
    this.#out.text(text)
    return kinds.json
  }

  #putTraits(traits: Traits): void {
    const out = this.#out
    const before = this.#traits
    const { quality, unit, source, error, uncertainty, run } = traits
    const changed =
      qualities.indexOf(quality) |
      (unit === before.unit ? 0 : 4) |
      (source === before.source ? 0 : 8) |
      (sameError(error, before.error) ? 0 : 16) |
      (Object.is(uncertainty, before.uncertainty) ? 0 : 32) |
      (run === before.run ? 0 : 64)
    out.byte(changed)
    if ((changed & 4) !== 0) putText(out, unit)
    if ((changed & 8) !== 0) out.byte(Math.max(sources.indexOf(source), 0))
    if ((changed & 16) !== 0) putText(out, error === undefined ? undefined : JSON.stringify(error))
    if ((changed & 32) !== 0) {
      out.byte(uncertainty === undefined ? 0 : 1)
      if (uncertainty !== undefined) out.double(uncertainty)
    }
    if ((changed & 64) !== 0) putText(out, run)
    this.#traits = { quality, unit, source, error, uncertainty, run } as Traits
  }
}

/** Reads what {@link Encoder} wrote: `next`, then the fields. */
export class Decoder {
  readonly #in: ByteReader
  /** Microseconds. */
  time = 0
  value: Exact = null
  quality: Quality = 'good'
  measured: number | undefined
  /** Bytes that it takes to hold or to tell it, roughly: also those of a value that is as it was. */
  size = 0
  /** Of the value, where it is a text. */
  #weight = 0
  #x: Exact | undefined
  #seq: number | undefined
  #hasSeq = false
  #step = 0
  #first = true
  #decimal = 0
  #digits = 0
  #int = 0
  #unit: string | undefined
  #source: Source | undefined
  #error: ReadingError | undefined
  #uncertainty: number | undefined
  #run: string | undefined

  constructor(bytes: Uint8Array) {
    this.#in = new ByteReader(bytes)
  }

  /** False: there is no further one. Throws a RangeError or a SyntaxError on what no encoder wrote. */
  next(): boolean {
    const bytes = this.#in
    if (bytes.ended) return false
    const begin = bytes.at
    const head = bytes.byte()
    let step = this.#step
    if ((head & 128) === 0) step += (head & 8) === 0 ? bytes.signed() : bytes.signed() * 1000
    this.time += step
    if (!this.#first) this.#step = step
    this.#first = false
    this.#take(head & 7)
    if ((head & 16) !== 0) this.#takeTraits()
    this.#x = undefined
    this.measured = undefined
    this.#hasSeq = (head & 64) !== 0
    if (this.#hasSeq) this.#seq = (this.#seq ?? 0) + 1
    if ((head & 32) !== 0) this.#takeExtras()
    this.size = bytes.at - begin + ((head & 7) === kinds.same ? this.#weight : 0)
    return true
  }

  /** Bytes up to the end of the reading. */
  get at(): number {
    return this.#in.at
  }

  point(): Point {
    const point: { -readonly [key in keyof Point]: Point[key] } = {
      time: this.measured ?? this.time / 1e6,
      quality: this.quality,
      value: this.value
    }
    if (this.measured !== undefined) {
      point.since = this.time / 1e6
      // No time that can be written is as good as none.
      if (!isWritable(this.measured)) point.time = point.since
    }
    if (this.#unit !== undefined) point.unit = this.#unit
    if (this.#source !== undefined) point.source = this.#source
    if (this.#error !== undefined) point.error = this.#error
    if (this.#uncertainty !== undefined) point.uncertainty = this.#uncertainty
    if (this.#x !== undefined) point.x = this.#x
    if (this.#hasSeq && this.#seq !== undefined) point.seq = this.#seq
    if (this.#run !== undefined) point.run = this.#run
    return point
  }

  #take(kind: number): void {
    const bytes = this.#in
    if (kind === kinds.same) return
    this.#weight = 0
    switch (kind) {
      case kinds.decimal:
        this.#decimal += bytes.signed()
        this.value = this.#decimal / (powers[this.#digits] as number)
        return
      case kinds.double:
        this.value = bytes.double()
        return
      case kinds.int:
        this.#int += bytes.signed()
        this.value = BigInt(this.#int)
        return
      case kinds.word:
        this.value = words[bytes.byte()] ?? null
        return
      case kinds.scaled:
        this.#digits = bytes.byte()
        this.#decimal = bytes.signed()
        this.value = this.#decimal / (powers[this.#digits] ?? NaN)
        return
      default: {
        const begin = bytes.at
        this.value = exactOf(bytes.text())
        this.#weight = bytes.at - begin
      }
    }
  }

  #takeTraits(): void {
    const bytes = this.#in
    const changed = bytes.byte()
    this.quality = qualities[changed & 3] as Quality
    if ((changed & 4) !== 0) this.#unit = textOf(bytes)
    if ((changed & 8) !== 0) this.#source = sources[bytes.byte()]
    if ((changed & 16) !== 0) {
      const text = textOf(bytes)
      this.#error = text === undefined ? undefined : (JSON.parse(text) as ReadingError)
    }
    if ((changed & 32) !== 0) this.#uncertainty = bytes.byte() === 0 ? undefined : bytes.double()
    if ((changed & 64) !== 0) this.#run = textOf(bytes)
  }

  #takeExtras(): void {
    const bytes = this.#in
    const extras = bytes.byte()
    if ((extras & 1) !== 0) this.#x = exactOf(bytes.text())
    if ((extras & 2) !== 0) {
      this.#seq = bytes.double()
      this.#hasSeq = true
    }
    if ((extras & 4) !== 0) this.measured = bytes.double()
  }
}

/** So many digits behind the point give the same double again. */
function wholeOf(value: number, digits: number): number | undefined {
  const power = powers[digits] as number
  const whole = Math.round(value * power)
  return whole / power === value && whole <= most && whole >= -most ? whole : undefined
}

function differ(a: Traits, b: Traits): boolean {
  return (
    a.quality !== b.quality ||
    a.unit !== b.unit ||
    a.source !== b.source ||
    a.run !== b.run ||
    !Object.is(a.uncertainty, b.uncertainty) ||
    !sameError(a.error, b.error)
  )
}

function sameError(a: ReadingError | undefined, b: ReadingError | undefined): boolean {
  if (a === b) return true
  return (
    a !== undefined && b !== undefined && a.class === b.class && a.code === b.code && a.message === b.message && a.retryable === b.retryable
  )
}

function putText(out: ByteWriter, text: string | undefined): void {
  out.byte(text === undefined ? 0 : 1)
  if (text !== undefined) out.text(text)
}

function textOf(bytes: ByteReader): string | undefined {
  return bytes.byte() === 0 ? undefined : bytes.text()
}

/** Throws a TypeError on what {@link exactOf} would not read again. */
function textOfExact(value: Exact): string {
  checkExact(value)
  return stringifyExact(value)
}

function checkExact(value: Exact | undefined): void {
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`a value holds ${typeof value}`)
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Map) for (const member of value.values()) checkExact(member)
  else for (const item of Array.isArray(value) ? value : Object.values(value)) checkExact(item as Exact)
}

function exactOf(text: string): Exact {
  const parsed = parseExact(text, { words: true, maxDepth: 10_000, maxIntegerDigits: Infinity })
  if (!parsed.ok) throw new SyntaxError(parsed.error)
  return parsed.value
}
