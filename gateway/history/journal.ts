import type { Names } from './names.js'
import type { Shard } from './shard.js'
import type { Change } from './shelf.js'
import { nextTurn } from './turn.js'

type Row = NonNullable<ReturnType<Shard['journal']>>

/** What goes to the journal in one batch: `saved`, and `done` of each row, are to be called when it is written. */
export interface Journal {
  readonly changes: readonly Change[]
  readonly rows: readonly Row[]
  readonly saved: () => void
}

/** One row for each of these shards, with the names of what is in it. Of many codenames each shard is a matter of milliseconds: others have their turn between. */
export async function journalOf(shards: readonly Shard[], names: Names): Promise<Journal> {
  const changes: Change[] = []
  const rows: Row[] = []
  const named: (() => void)[] = []
  for (const shard of shards) {
    const series = shard.waitingSeries
    for (const each of series) names.numberOf(each)
    const { changes: some, saved } = names.changes(series)
    for (const change of some) changes.push(change)
    named.push(saved)
    const row = shard.journal()
    if (row !== undefined) {
      rows.push(row)
      changes.push(row.change)
    }
    await nextTurn()
  }
  const saved = (): void => {
    for (const each of named) each()
  }
  return { changes, rows, saved }
}
