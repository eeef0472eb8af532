import type { Journal } from './journal.js'
import type { PacketLike } from './packet.js'
import { decodePacket, encodePacket, kinds, ordered, sizeOf } from './record.js'

/** A message that was acknowledged, or is about to be, and whose effects (retained, queues) are not on disk yet. */
export interface Leftover {
  readonly seq: number
  readonly packet: PacketLike
}

interface Block {
  readonly key: string
  readonly first: number
  readonly last: number
}

/**
 * The write-ahead log of messages of clients. Messages of one batch are one row (a block); which of them have taken effect is noted
 * in the batch that holds the effects: by removing the block when it is the oldest and all of it took effect, else in a row of numbers.
 * So after a crash exactly those are left whose effects are not on disk.
 */
export class Inbound {
  readonly #journal: Journal
  /** Taken in, effects not seen yet, in order. */
  readonly #open = new Map<number, PacketLike>()
  #blocks: Block[] = []
  #notes: Block[] = []
  /** Taken in since the last batch: their numbers follow each other. */
  #arriving: PacketLike[] = []
  #arrivingBytes = 0
  #applied: number[] = []
  /** Numbers that notes held at start. */
  #noted: number[] = []
  #next = 1

  constructor(journal: Journal) {
    this.#journal = journal
    journal.prepare = () => this.#prepare()
    journal.unprepared = () => this.#arrivingBytes
  }

  get size(): number {
    return this.#open.size
  }

  /** The packet must not change any more. */
  take(packet: PacketLike): number {
    const seq = this.#next++
    this.#open.set(seq, packet)
    this.#arriving.push(packet)
    this.#arrivingBytes += sizeOf(packet)
    return seq
  }

  /** All effects of the message are in the store. */
  applied(seq: number): void {
    if (this.#open.delete(seq)) this.#applied.push(seq)
  }

  get(seq: number): PacketLike | undefined {
    return this.#open.get(seq)
  }

  leftovers(): Leftover[] {
    return [...this.#open].map(([seq, packet]) => ({ seq, packet }))
  }

  /** At start: blocks come before notes, see the letters in record.ts. */
  restore(key: string, bytes: Buffer): void {
    if (key.startsWith(kinds.inbound)) {
      const first = Number.parseInt(key.slice(1), 16)
      let seq = first
      for (let at = 0; at < bytes.length; seq++) {
        const end = at + 4 + bytes.readUInt32BE(at)
        this.#open.set(seq, decodePacket(bytes.subarray(at + 4, end)).packet)
        at = end
      }
      this.#blocks.push({ key, first, last: seq - 1 })
      this.#next = Math.max(this.#next, seq)
    } else {
      let last = 0
      for (let at = 0; at < bytes.length; at += 6) {
        const seq = bytes.readUIntBE(at, 6)
        this.#noted.push(seq)
        last = Math.max(last, seq)
      }
      this.#notes.push({ key, first: last, last })
      this.#next = Math.max(this.#next, Number.parseInt(key.slice(1), 16) + 1)
    }
  }

  /** All rows are read. */
  restored(): void {
    for (const seq of this.#noted) this.#open.delete(seq)
    this.#noted = []
    this.#settle([])
  }

  /** Adds to the batch that is about to be written what came, and what took effect. */
  #prepare(): void {
    if (this.#arriving.length > 0) {
      const packets = this.#arriving
      const first = this.#next - packets.length
      const key = kinds.inbound + ordered(first)
      this.#arriving = []
      this.#blocks.push({ key, first, last: this.#next - 1 })
      this.#journal.put(key, () => blockOf(packets), this.#arrivingBytes)
      this.#arrivingBytes = 0
    }
    if (this.#applied.length > 0) {
      const applied = this.#applied
      this.#applied = []
      this.#settle(applied)
    }
  }

  #settle(applied: readonly number[]): void {
    const oldest = this.#open.keys().next()
    const open = oldest.done ? Infinity : oldest.value
    this.#blocks = this.#drop(this.#blocks, open)
    const floor = this.#blocks[0]?.first ?? Infinity
    this.#notes = this.#drop(this.#notes, floor)
    const news = applied.filter((seq) => seq >= floor)
    if (news.length === 0) return
    // Notes of one batch are told from those of others by a number that is never used twice.
    const key = kinds.noted + ordered(this.#next++)
    this.#notes.push({ key, first: 0, last: news.reduce((most, seq) => Math.max(most, seq), 0) })
    this.#journal.put(key, () => noteOf(news), news.length * 6)
  }

  /** Removes from the front what lies below `floor`. */
  #drop(rows: Block[], floor: number): Block[] {
    let count = 0
    while (count < rows.length && (rows[count] as Block).last < floor) this.#journal.del((rows[count++] as Block).key)
    return count === 0 ? rows : rows.slice(count)
  }
}

function blockOf(packets: readonly PacketLike[]): Buffer {
  const parts: Buffer[] = []
  for (const packet of packets) {
    const record = encodePacket(packet)
    const size = Buffer.allocUnsafe(4)
    size.writeUInt32BE(record.length)
    parts.push(size, record)
  }
  return Buffer.concat(parts)
}

function noteOf(numbers: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(numbers.length * 6)
  let at = 0
  for (const number of numbers) at = bytes.writeUIntBE(number, at, 6)
  return bytes
}
