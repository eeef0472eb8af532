import type { Change, Shelf } from '../history/shelf.js'
import { allEntries, seqOf } from './entry.js'

/** The row of these numbers; behind all entries. */
const key = Buffer.from('ledger')

interface Kept {
  readonly entries: number
  readonly bytes: number
  readonly dropped: number
}

/** How much a journal holds, without looking through it: kept in each batch, so that it is as true as the rest. */
export class Ledger {
  entries = 0
  bytes = 0
  /** Messages that went unsent, ever. */
  dropped = 0
  /** Messages that could not be read, since start. */
  damaged = 0
  #isRead = false

  /** Where the row is not there, or makes no sense, everything is counted. */
  async read(shelf: Shelf, sizeOf: (row: Buffer) => number): Promise<void> {
    const view = shelf.view()
    try {
      const [row] = await view.get([key])
      const kept = row === undefined ? undefined : parse(row)
      this.entries = kept?.entries ?? 0
      this.bytes = kept?.bytes ?? 0
      // What was counted since a failure is here already.
      if (!this.#isRead) this.dropped += kept?.dropped ?? 0
      this.#isRead = true
      if (kept !== undefined) return
      for await (const [, entry] of view.rows(allEntries)) {
        this.entries += 1
        this.bytes += sizeOf(entry)
      }
    } finally {
      await view.close()
    }
  }

  /** To be written with a batch that changes so much. */
  row(entries: number, bytes: number): Change {
    const kept: Kept = { entries: this.entries + entries, bytes: this.bytes + bytes, dropped: this.dropped }
    return { key, value: Buffer.from(JSON.stringify(kept)) }
  }

  /** It was written. */
  add(entries: number, bytes: number): void {
    this.entries += entries
    this.bytes += bytes
  }
}

function parse(row: Buffer): Kept | undefined {
  try {
    const kept = JSON.parse(row.toString()) as Kept
    const isRight = [kept.entries, kept.bytes, kept.dropped].every((number) => Number.isSafeInteger(number) && number >= 0)
    return isRight ? kept : undefined
  } catch {
    return undefined
  }
}

/** The highest number on the disk; 0: there is none. */
export async function lastOf(shelf: Shelf): Promise<number> {
  const view = shelf.view()
  try {
    for await (const [key] of view.rows(allEntries, { limit: 1, reverse: true, isKeys: true })) return seqOf(key)
    return 0
  } finally {
    await view.close()
  }
}
