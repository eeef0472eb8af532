/** Payloads out of a TCP connection, which has no frames: a message may come in pieces, or several at once (section 8). */

export interface StreamOptions {
  /** Bytes that may wait for the end of their payload. */
  readonly max?: number
}

const usualMax = 256 * 1024

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

export class Stream {
  readonly #max: number
  /** What is here of it: from #start to #end. */
  #bytes = Buffer.alloc(0)
  #start = 0
  #end = 0
  /** How far the array at #start has been looked at, and what is open there. */
  #scanned = 0
  #depth = 0
  #isText = false
  #isEscaped = false

  constructor(options: StreamOptions = {}) {
    this.#max = options.max ?? usualMax
  }

  /** What comes while it is full is dropped. */
  push(chunk: Buffer): void {
    if (this.isFull) return
    this.#makeRoom(chunk.length)
    chunk.copy(this.#bytes, this.#end)
    this.#end += chunk.length
  }

  /**
   * The next payload; undefined: there is no whole one. `awaited`: the message whose echo is awaited now, which need not be JSON. Whatever
   * comes out, in this order it is all that went in.
   */
  next(awaited: Buffer | undefined): Buffer | undefined {
    const rest = this.#bytes.subarray(this.#start, this.#end)
    if (rest.length === 0) return undefined
    const lineEnd = skip(rest, 0, isLineEnd)
    if (lineEnd > 0) return this.#take(lineEnd)
    if (awaited !== undefined && awaited.length > 0) {
      const blanks = skip(rest, 0, isBlank)
      const common = Math.min(awaited.length, rest.length - blanks)
      if (common > 0 && rest.compare(awaited, 0, common, blanks, blanks + common) === 0) {
        if (common < awaited.length) return undefined
        return this.#take(blanks > 0 ? blanks : awaited.length)
      }
    }
    const length = this.#arrayLength(rest)
    return length === undefined ? undefined : this.#take(length)
  }

  /** There are bytes that are no whole payload yet. */
  get isWaiting(): boolean {
    return this.#end > this.#start
  }

  /** More than can be a payload: nothing that comes is taken any more. Close the connection, or {@link flush}. */
  get isFull(): boolean {
    return this.#end - this.#start >= this.#max
  }

  /** All that waits as one payload; for when the rest does not come within about a second. */
  flush(): Buffer | undefined {
    return this.isWaiting ? this.#take(this.#end - this.#start) : undefined
  }

  /** Bytes of the payload at the beginning; undefined: it has no end yet. */
  #arrayLength(rest: Buffer): number | undefined {
    if (this.#depth === 0) {
      if (rest.length < 3 && rest.equals(byteOrderMark.subarray(0, rest.length))) return undefined
      const begin = skip(rest, rest.subarray(0, 3).equals(byteOrderMark) ? 3 : 0, isSpace)
      if (begin === rest.length) return undefined
      // No array: it goes up to the next one, at once, as its sender waits for the echo.
      if (rest[begin] !== openBracket) {
        const next = rest.indexOf(openBracket, begin)
        return next < 0 ? rest.length : next
      }
    }
    const end = this.#scan(rest)
    return end === undefined ? undefined : skip(rest, end, isSpace)
  }

  /** Where the array ends; goes on where it stopped the last time. */
  #scan(rest: Buffer): number | undefined {
    for (; this.#scanned < rest.length; this.#scanned += 1) {
      const byte = rest[this.#scanned]
      if (this.#isText) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (byte === backslash) this.#isEscaped = true
        else if (byte === quote) this.#isText = false
      } else if (byte === quote) this.#isText = true
      else if (byte === openBracket || byte === openBrace) this.#depth += 1
      else if (byte === closeBracket || byte === closeBrace) {
        this.#depth -= 1
        if (this.#depth === 0) return this.#scanned + 1
      }
    }
    return undefined
  }

  /** A copy, as the room is used again. */
  #take(length: number): Buffer {
    const payload = Buffer.from(this.#bytes.subarray(this.#start, this.#start + length))
    this.#start += length
    this.#scanned = 0
    this.#depth = 0
    this.#isText = false
    this.#isEscaped = false
    if (this.#start === this.#end) {
      this.#start = 0
      this.#end = 0
      // Nothing large is kept for the next long message.
      if (this.#bytes.length > keptRoom) this.#bytes = Buffer.alloc(0)
    }
    return payload
  }

  /** Twice as much each time, so that byte after byte costs no more than all at once. */
  #makeRoom(length: number): void {
    const waiting = this.#end - this.#start
    if (this.#end + length <= this.#bytes.length) return
    const room = waiting + length <= this.#bytes.length / 2 ? this.#bytes : Buffer.alloc(Math.max(2 * (waiting + length), 1024))
    this.#bytes.copy(room, 0, this.#start, this.#end)
    this.#bytes = room
    this.#start = 0
    this.#end = waiting
  }
}

/** Bytes of room that an idle connection may keep. */
const keptRoom = 4096

const quote = 0x22
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

function skip(bytes: Buffer, from: number, is: (byte: number) => boolean): number {
  let at = from
  while (at < bytes.length && is(bytes[at] as number)) at += 1
  return at
}

function isLineEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09
}

function isSpace(byte: number): boolean {
  return isLineEnd(byte) || isBlank(byte)
}
