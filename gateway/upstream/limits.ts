/** Times and shares by which a journal works. */

/** Seconds from one batch to the next, and how much does not wait for that. */
export const gather = { seconds: 0.02, entries: 200 }

/** Seconds between two looks for what has waited too long; Unix seconds before which a clock is not set. */
export const ages = { look: 10, sane: 1e9 }

/** Seconds between a failed write and the next try, at first and at most. */
export const patience = { first: 1, most: 30 }

/** Of maxBytes: what entries may take, what is written at once, what is dropped at once, how often the files are measured, and above which they are cleaned up. */
export const part = { entries: 0.45, batch: 1 / 16, chunk: 1 / 16, measure: 1 / 32, files: 0.6 }

/** Bytes that LevelDB takes in any case: two logs and a list of files. */
const fixed = 1_048_576

/** Bytes of an entry besides its row: in LevelDB, and in memory. */
export const overhead = { lasting: 24, memory: 400 }

/** Rows read at once to find the oldest. */
export const slice = 500

/** Bytes of entries, of what is written at once, and of files above which these are cleaned up. */
export interface Most {
  readonly bytes: number
  readonly batch: number
  readonly files: number
}

/** Of a journal that may take so many bytes, on a disk or in memory. */
export function mostOf(maxBytes: number, isLasting: boolean): Most {
  const usable = maxBytes - (isLasting ? fixed : 0)
  return { bytes: usable * (isLasting ? part.entries : 1), batch: maxBytes * part.batch, files: usable * part.files }
}
