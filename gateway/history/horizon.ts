import type { DataKind } from './keys.js'
import { kindKey } from './keys.js'
import type { Change } from './shelf.js'

/** The row that holds them. */
export const horizonKey = kindKey('h')

const kinds = ['r', 'a', 'b', 'c'] as const satisfies readonly DataKind[]

/**
 * Up to where each kind of rows was removed: what stands from there on is whole, what stands before is gone, or came late. Kept as numbers,
 * for the first row that there is tells nothing: any reading may come with an old time.
 */
export class Horizon {
  readonly #at = new Map<DataKind, number>()

  /** Unix seconds; 0: nothing was removed. */
  of(kind: DataKind): number {
    return this.#at.get(kind) ?? 0
  }

  /** They are to be removed up to a time, as soon as the row that this gives is written. Undefined: they are already. */
  raise(some: readonly DataKind[], time: number): Change | undefined {
    if (some.every((kind) => this.of(kind) >= time)) return undefined
    for (const kind of some) this.#at.set(kind, Math.max(this.of(kind), time))
    return { key: horizonKey, value: Buffer.from(JSON.stringify(kinds.map((kind) => this.of(kind)))) }
  }

  /** What the row says; undefined: it is a new store. Throws a SyntaxError on what is none. */
  load(row: Buffer | undefined): void {
    this.#at.clear()
    if (row === undefined) return
    const times = JSON.parse(row.toString()) as number[]
    for (const [index, kind] of kinds.entries()) this.#at.set(kind, times[index] ?? 0)
  }
}
