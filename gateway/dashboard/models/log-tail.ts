/** A line of `GET /api/log`. */
export interface LogLine {
  readonly n: number
  readonly time: string
  readonly level: LogLevel
  readonly message: string
  readonly instance?: string
  readonly fields: Readonly<Record<string, unknown>>
}

export const levels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof levels)[number]

/** Stands where lines are missing. */
export interface LogGap {
  readonly gap: number
  /** Number of the first line after it. */
  readonly n: number
  readonly why: 'missed' | 'restart'
}

export type LogRow = LogLine | LogGap

export const isGap = (row: LogRow): row is LogGap => 'gap' in row

/** The last lines of the log, gathered from one answer after another; tells where some were missed. */
export class LogTail {
  /** Oldest first. */
  rows: readonly LogRow[] = []
  /** Lines that were never seen here, as the gateway had let them go. */
  missed = 0
  /** Lines let go here. */
  dropped = 0
  #last: number | undefined
  readonly #most: number

  constructor(most = 2000) {
    this.#most = most
  }

  /** The last line seen: the next question is `after` it. */
  get last(): number {
    return this.#last ?? 0
  }

  /** What `GET /api/log?after=…` answered. Lines count from 1 at each start of the gateway. */
  take(answer: { readonly lines: readonly LogLine[]; readonly last: number }): boolean {
    const rows: LogRow[] = []
    if (this.#last !== undefined && answer.last < this.#last) {
      // What was asked for was after a line that it has not written yet: the next question gets them.
      this.restarted()
      return true
    }
    let last = this.#last
    for (const line of answer.lines) {
      if (last !== undefined && line.n <= last) continue
      if (last !== undefined && line.n > last + 1) {
        const gap = line.n - last - 1
        this.missed += gap
        rows.push({ gap, n: line.n, why: 'missed' })
      }
      rows.push(line)
      last = line.n
    }
    this.#last = last ?? answer.last
    if (rows.length === 0) return false
    const all = [...this.rows, ...rows]
    this.dropped += Math.max(0, all.length - this.#most)
    this.rows = all.slice(-this.#most)
    return true
  }

  /** The gateway was started anew, and counts anew. */
  restarted(): void {
    if (this.#last === undefined) return
    this.#last = 0
    this.rows = [...this.rows, { gap: 0, n: 0, why: 'restart' }]
  }

  /** Forgets what is shown, not where it was. */
  clear(): void {
    this.rows = []
    this.missed = 0
    this.dropped = 0
  }
}

export interface LogFilter {
  /** This level and those above. */
  readonly level: LogLevel
  /** Every word must be somewhere in the line. */
  readonly text: string
  /** Empty: all. */
  readonly instance: string
}

export function fits(row: LogRow, filter: LogFilter): boolean {
  if (isGap(row)) return true
  if (levels.indexOf(row.level) < levels.indexOf(filter.level)) return false
  if (filter.instance !== '' && row.instance !== filter.instance) return false
  if (filter.text.trim() === '') return true
  const line = `${row.instance ?? ''} ${row.message} ${fieldsText(row)}`.toLowerCase()
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => line.includes(word))
}

/** The fields of a line in one: `reason=refused attempt=3`. */
export function fieldsText(line: LogLine): string {
  return Object.entries(line.fields)
    .filter(([key]) => key !== 'instance')
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
