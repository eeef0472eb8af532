import type { Exact } from '../adapter.js'
import { Decoder } from './codec.js'
import type { Traits } from './codec.js'
import { Choice } from './policy.js'
import type { Record } from './policy.js'
import { Sum, addSums, sumAt } from './rollup.js'
import type { Sums } from './rollup.js'
import { Block, slotOf } from './row.js'

/** A codename as the history knows it, also one that is gone from the gateway. */
export class Series {
  readonly device: string
  readonly codename: string
  /** Says to which shard it belongs, in every run the same. */
  readonly hash: number
  /** What its readings stand under; chosen when the first are written. */
  number: number | undefined
  /** What its row in the store says of {@link day} and {@link stale}; undefined: it has none. */
  saved: { readonly day: number; readonly stale: number | undefined } | undefined
  /** There were readings of it before this start. */
  wasThere = false
  /** It was heard of since this start. */
  isHeard = false
  /** Unix seconds: the time of the reading that has become stale, where nothing came since. */
  stale: number | undefined
  /** The time that the last reading gave. */
  last = NaN
  /** Where it stands. */
  filed = NaN
  /** Wall clock less monotonic time, at that. */
  offset = NaN
  /** Unix seconds of the first reading that was lost, where none was kept since. */
  lostAt: number | undefined
  /** Days since 1970 in which it was last written. */
  day = 0
  readonly choice = new Choice()
  /** The policy, and the description that it was read from. */
  record: Record = 'every'
  meta: object | undefined
  /** What is not in rows of its own yet. */
  part: Part | undefined

  constructor(device: string, codename: string) {
    this.device = device
    this.codename = codename
    let hash = 0
    for (const letter of `${device}/${codename}`) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) >>> 0
    this.hash = hash
  }
}

/** A block on its way to the store. */
export class Piece extends Block {
  readonly series: Series
  /** Its number within the shard; stands in the journal. */
  id: number
  /** Bytes, and readings, that are in the journal. */
  journaled = 0
  written = 0
  isWaiting = false

  constructor(series: Series, slot: number, id: number) {
    super(slot)
    this.series = series
    this.id = id
  }
}

/** Numbers of 10 s. */
const sumOf = (time: number): number => Math.floor(time / 1e7)

/** Estimates, in bytes. */
export const sizes = { piece: 600, sum: 160 }

/** The readings and roll-ups of one codename since the last checkpoint of its shard. */
export class Part {
  readonly pieces: Piece[] = []
  readonly sums: Sums = new Map()
  /** The ones that are added to, by their slots. */
  readonly #growing = new Map<number, Piece>()
  #sum = new Sum()
  #index = NaN
  /** Where the last reading went. */
  piece: Piece | undefined

  /**
   * Adds a reading; `begin` makes a new piece. Tells how many bytes all this took. Readings of the time that is now come one after the
   * other in one piece; late ones look for theirs.
   */
  add(time: number, value: Exact, traits: Traits, measured: number | undefined, begin: (slot: number) => Piece): number {
    const slot = slotOf(time)
    let { piece } = this
    let bytes = 0
    if (piece === undefined || piece.slot !== slot || piece.isFull) {
      piece = this.#growing.get(slot)
      if (piece === undefined || piece.isFull) {
        piece = begin(slot)
        this.pieces.push(piece)
        this.#growing.set(slot, piece)
        bytes += sizes.piece
      }
      this.piece = piece
    }
    bytes += piece.add(time, value, traits, measured)
    const index = sumOf(time)
    if (index !== this.#index) {
      const before = this.sums.size
      this.#sum = sumAt(this.sums, index)
      this.#index = index
      bytes += (this.sums.size - before) * sizes.sum
    }
    this.#sum.take(traits.quality, value)
    return bytes
  }

  /** Takes in a piece that the journal held, up to the first reading that none wrote. Tells the bytes. */
  restore(piece: Piece, stream: Uint8Array): number {
    const before = this.sums.size
    piece.seal(stream.subarray(0, readable(stream)), ({ time, quality, value }) => sumAt(this.sums, sumOf(time)).take(quality, value))
    if (piece.count > 0) this.pieces.push(piece)
    return piece.bytes + sizes.piece + (this.sums.size - before) * sizes.sum
  }

  /** The sums as they are now. */
  copySums(): Sums {
    const copy: Sums = new Map()
    addSums(copy, this.sums)
    return copy
  }
}

/** Bytes of the readings that can be read. */
function readable(stream: Uint8Array): number {
  const reading = new Decoder(stream)
  let end = 0
  try {
    while (reading.next()) end = reading.at
  } catch {
    return end
  }
  return end
}
