/** One message of a bridge's journal, as bytes. Pure. */
import { crc32 } from 'node:zlib'

/** A message that is to go up, with the topic and payload that it had here. */
export interface Message {
  readonly topic: string
  readonly payload: Buffer
  readonly retain: boolean
}

export interface Entry extends Message {
  /** Its place in the order. */
  readonly seq: number
  /** Unix seconds at which it was taken in, by the clock of then. */
  readonly at: number
  /** Monotonic seconds; undefined: an earlier run took it in. */
  readonly taken: number | undefined
}

/** First byte of a row: its form. */
const form = 1

/** Form, flags, checksum, both times, length of the topic. */
const head = 1 + 1 + 4 + 8 + 8 + 2

const retained = 1

/** Bytes of a key: their order is that of the numbers. */
export function keyOf(seq: number): Buffer {
  const key = Buffer.alloc(9)
  key[0] = 0x65
  key.writeUIntBE(seq, 3, 6)
  return key
}

/** The reverse. */
export function seqOf(key: Buffer): number {
  return key.readUIntBE(3, 6)
}

/** Between these are all entries. */
export const allEntries = { gte: Buffer.from([0x65]), lt: Buffer.from([0x66]) }

/** Bytes of the row. */
export function lengthOf({ topic, payload }: Message): number {
  return head + Buffer.byteLength(topic) + payload.length
}

export function encode({ topic, payload, retain, at, taken = 0 }: Entry): Buffer {
  const name = Buffer.from(topic)
  const row = Buffer.alloc(head + name.length + payload.length)
  row[0] = form
  row[1] = retain ? retained : 0
  row.writeDoubleBE(at, 6)
  row.writeDoubleBE(taken, 14)
  row.writeUInt16BE(name.length, 22)
  name.copy(row, head)
  payload.copy(row, head + name.length)
  row.writeUInt32BE(sumOf(row), 2)
  return row
}

/** Undefined: it is damaged. `first`: the first number of this run, in which monotonic times mean something. */
export function decode(key: Buffer, row: Buffer, first: number): Entry | undefined {
  if (key.length !== 9 || row.length < head || row[0] !== form || row.readUInt32BE(2) !== sumOf(row)) return undefined
  const end = head + row.readUInt16BE(22)
  if (end > row.length) return undefined
  const seq = seqOf(key)
  const taken = row.readDoubleBE(14)
  return {
    seq,
    topic: row.toString('utf8', head, end),
    payload: row.subarray(end),
    retain: row[1] === retained,
    at: row.readDoubleBE(6),
    taken: seq >= first && taken !== 0 ? taken : undefined
  }
}

/** Of all but the first byte and the checksum itself. */
function sumOf(row: Buffer): number {
  return crc32(row.subarray(6), row[1] ?? 0)
}
