/** The rows of an answer of the history, one by one, and when each stands. */
import { parseTime } from '../time.js'

export type Format = 'csv' | 'ndjson'

/** Characters of one row: the largest message of the broker fits. */
const mostRow = 33_554_432

/** Cuts text into rows; a line end within quotes is none of a row. */
export class RowCutter {
  readonly #isCsv: boolean
  #rest = ''
  /** How far the rest was looked through, and whether that was within quotes. */
  #at = 0
  #isQuoted = false

  constructor(format: Format) {
    this.#isCsv = format === 'csv'
  }

  /** Complete rows with their line ends. */
  *push(text: string): Generator<string> {
    this.#rest += text
    let begin = 0
    for (; this.#at < this.#rest.length; this.#at += 1) {
      const letter = this.#rest.charCodeAt(this.#at)
      if (this.#isCsv && letter === 0x22) this.#isQuoted = !this.#isQuoted
      if (letter !== 0x0a || this.#isQuoted) continue
      yield this.#rest.slice(begin, this.#at + 1)
      begin = this.#at + 1
    }
    this.#rest = this.#rest.slice(begin)
    this.#at -= begin
    if (this.#rest.length > mostRow) throw new Error('a row of the answer has no end')
  }

  /** Something came after the last complete row. */
  get isBroken(): boolean {
    return this.#rest !== ''
  }
}

/** When a row stands in the order of time, in whole microseconds since 1970: of what became stale, when it did. */
export function placeOfRow(row: string, format: Format): number {
  const { time, since } = format === 'csv' ? ofCsv(row) : (JSON.parse(row) as { time?: string; since?: string })
  const at = parseTime(since ?? time ?? '')
  if (at === undefined) throw new Error(`a row of the answer has no time: ${row.slice(0, 100)}`)
  return Math.round(at * 1e6)
}

/** The columns are time, device, codename, quality, value, unit, since … */
function ofCsv(row: string): { time: string; since: string | undefined } {
  const cells: string[] = []
  let [begin, isQuoted] = [0, false]
  for (let at = 0; at < row.length && cells.length < 7; at += 1) {
    const letter = row[at]
    if (letter === '"') isQuoted = !isQuoted
    if (isQuoted || (letter !== ',' && letter !== '\r' && letter !== '\n')) continue
    cells.push(row.slice(begin, at))
    begin = at + 1
  }
  const since = cells[6]
  return { time: cells[0] ?? '', since: since === undefined || since === '' ? undefined : since }
}
