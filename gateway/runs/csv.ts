/** A table of each device, for people and their programs. Nothing is filled in, nothing interpolated. */
import { appendFile, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { secondsOf } from './lines.js'
import type { ReadingLine } from './lines.js'
import { csvNames } from './names.js'
import { maxUnits } from './survey.js'
import type { AnyLine, Survey } from './survey.js'
import { files } from './types.js'

/** Codenames of a device that have a column each; a device with more has a row for each reading instead. */
const maxColumns = 64

/** Characters that a spreadsheet takes in one cell, nearly. */
const maxCell = 32_000

/** Characters of all tables that wait to be written. */
const maxWaiting = 2 ** 22

/** Spreadsheets take the file for another encoding without. */
const byteOrderMark = '\ufeff'

interface Row {
  readonly time: string
  readonly cells: Map<number, string>
  readonly remarks: string[]
}

interface Table {
  readonly path: string
  readonly device: string
  readonly isLong: boolean
  readonly header: readonly string[]
  /** Of `codename\0unit`, and of what else belongs to the codename. */
  readonly columns: ReadonlyMap<string, number>
  row: Row | undefined
  waiting: string[]
}

export class CsvTables {
  readonly #tables = new Map<string, Table>()
  readonly #started: number
  #waiting = 0

  /** `started`: Unix seconds. */
  constructor(folder: string, started: number, devices: ReadonlyMap<string, ReadonlyMap<string, Survey>>) {
    this.#started = started
    const names = csvNames(devices.keys())
    for (const [device, codenames] of devices) {
      const isLong = codenames.size > maxColumns
      const columns = isLong ? new Map<string, number>() : columnsOf(codenames.values())
      const header = isLong ? longHeader : ['time', 'elapsed [s]', ...Array.from(columns.keys(), titleOf), 'remarks']
      const path = join(folder, files.csv, names.get(device) as string)
      this.#tables.set(device, { path, device, isLong, header, columns, row: undefined, waiting: [] })
    }
  }

  /** In place of what is there. */
  async begin(folder: string): Promise<void> {
    const below = join(folder, files.csv)
    await rm(below, { recursive: true, force: true })
    await mkdir(below)
    for (const table of this.#tables.values()) this.#write(table, byteOrderMark + lineOf(table.header.map(textCell)))
  }

  add(line: AnyLine): void {
    if ('lost' in line) {
      for (const table of this.#tables.values()) this.#remark(table, line.from, `${line.lost} lost until ${line.at}: ${line.reason}`)
      return
    }
    const table = this.#tables.get(line.device)
    if (table === undefined) return
    if (table.isLong) this.#write(table, lineOf(this.#longCells(line)))
    else if (line.mark === 'stale') this.#remark(table, line.at, `${line.codename} stale`)
    else this.#cell(table, line)
  }

  /** Holds it up while much waits. */
  async breathe(): Promise<void> {
    if (this.#waiting > maxWaiting) await this.#flush()
  }

  async end(): Promise<void> {
    for (const table of this.#tables.values()) this.#endRow(table)
    await this.#flush()
    for (const { path } of this.#tables.values()) {
      const handle = await open(path, 'r+')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  }

  #cell(table: Table, line: ReadingLine): void {
    const { codename, time, unit = '', quality, mark, error } = line
    const key = (what: string): number | undefined => table.columns.get(`${codename}\0${what}`)
    const at = key(`[${unit}`) ?? key('[*')
    if (at === undefined) return
    const row = table.row
    if (row === undefined || row.time !== time || row.cells.has(at)) this.#endRow(table)
    const { cells, remarks }: Row = (table.row ??= { time, cells: new Map(), remarks: [] })
    cells.set(at, quality === 'bad' ? '' : cellOf(line.value))
    const [x, uncertainty] = [key('x'), key('uncertainty')]
    if (x !== undefined && line.x !== undefined) cells.set(x, cellOf(line.x))
    if (uncertainty !== undefined && line.uncertainty !== undefined) cells.set(uncertainty, cellOf(line.uncertainty))
    const words: string[] = [
      ...(mark === 'initial' ? ['at start'] : []),
      ...(quality === 'good' ? [] : [quality === 'bad' ? `bad (${error?.class ?? 'no reason'})` : quality]),
      ...(key(`[${unit}`) === undefined ? [`in ${unit}`] : [])
    ]
    if (words.length > 0) remarks.push(`${codename} ${words.join(', ')}`)
  }

  #remark(table: Table, time: string, text: string): void {
    this.#endRow(table)
    if (table.isLong) this.#write(table, lineOf([time, this.#elapsed(time), '', '', '', '', '', '', textCell(text)]))
    else {
      table.row = { time, cells: new Map(), remarks: [text] }
      this.#endRow(table)
    }
  }

  #endRow(table: Table): void {
    const { row } = table
    if (row === undefined) return
    table.row = undefined
    const cells = Array.from({ length: table.columns.size }, (_, at) => row.cells.get(at) ?? '')
    this.#write(table, lineOf([row.time, this.#elapsed(row.time), ...cells, textCell(row.remarks.join('; '))]))
  }

  #longCells(line: ReadingLine): string[] {
    const { codename, mark, quality, unit = '', x, uncertainty, error } = line
    const time = mark === 'stale' ? line.at : line.time
    const isValue = mark !== 'stale' && quality !== 'bad'
    const remark = mark === 'initial' ? 'at start' : (error?.class ?? '')
    const more = [isValue && x !== undefined ? cellOf(x) : '', isValue && uncertainty !== undefined ? cellOf(uncertainty) : '']
    const value = isValue ? cellOf(line.value) : ''
    return [time, this.#elapsed(time), textCell(codename), value, textCell(unit), quality, ...more, textCell(remark)]
  }

  #elapsed(time: string): string {
    return String(Math.round((secondsOf(time) - this.#started) * 1e6) / 1e6)
  }

  #write(table: Table, text: string): void {
    table.waiting.push(text)
    this.#waiting += text.length
  }

  async #flush(): Promise<void> {
    this.#waiting = 0
    for (const table of this.#tables.values()) {
      if (table.waiting.length === 0) continue
      const text = table.waiting.join('')
      table.waiting = []
      await appendFile(table.path, text)
    }
  }
}

const longHeader = ['time', 'elapsed [s]', 'codename', 'value', 'unit', 'quality', 'x', 'uncertainty', 'remarks']

/** By `codename\0[unit`, so that no column holds two units; `[*` for those of a source that makes up ever more. */
function columnsOf(surveys: Iterable<Survey>): Map<string, number> {
  const columns = new Map<string, number>()
  const add = (key: string): void => void columns.set(key, columns.size)
  for (const { codename, units, hasX, hasUncertainty } of surveys) {
    const kept = Array.from(units.size === 0 ? [''] : units).slice(0, maxUnits)
    for (const unit of kept) add(`${codename}\0[${unit}`)
    if (units.size > maxUnits) add(`${codename}\0[*`)
    if (hasX) add(`${codename}\0x`)
    if (hasUncertainty) add(`${codename}\0uncertainty`)
  }
  return columns
}

function titleOf(key: string): string {
  const at = key.lastIndexOf('\0')
  const [codename, what] = [key.slice(0, at), key.slice(at + 1)]
  if (what === '[') return codename
  if (what === '[*') return `${codename} [other units]`
  return what.startsWith('[') ? `${codename} ${what}]` : `${codename} ${what}`
}

function cellOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return textCell(text.length > maxCell ? `(${text.length} characters: see ${files.readings})` : text)
}

/** RFC 4180; and what a spreadsheet would take for a formula is marked as text, for who sends readings must not run anything there. */
function textCell(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}

function lineOf(cells: readonly string[]): string {
  return cells.join(',') + '\r\n'
}
