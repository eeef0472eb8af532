/** The live table of `labgate watch`: what was heard last, and how old it is. */
import { cut, fit, printable, widthOf } from './printable.js'
import type { Paper } from './paper.js'
import { ageText, errorText, toneOf, valueText } from './reading-text.js'
import type { Reading } from './reading-text.js'

export interface Heard extends Reading {
  readonly device: string
  readonly codename: string
}

export interface DeviceHeard {
  readonly device: string
  readonly state: string
  readonly reason: string
}

interface Row {
  readonly name: string
  readonly value: string
  readonly reading: Heard
  /** Unix seconds. */
  readonly time: number
  /** The connection has ended since: what it is now nobody here knows. */
  isLost: boolean
}

const gap = '  '

export class WatchTable {
  /** By device and codename, in the order in which they came. */
  readonly #rows = new Map<string, Row>()
  /** Those that are not online. */
  readonly #devices = new Map<string, DeviceHeard>()

  /** `json`: as it came. */
  reading(json: string, reading: Heard): void {
    const name = printable(`${reading.device}/${reading.codename}`)
    const value = reading.value === null ? '' : printable(valueText(json))
    this.#rows.set(JSON.stringify([reading.device, reading.codename]), {
      name,
      value,
      reading,
      time: Date.parse(reading.time) / 1000,
      isLost: false
    })
  }

  state(state: DeviceHeard): void {
    if (state.state === 'online') this.#devices.delete(state.device)
    else this.#devices.set(state.device, state)
  }

  /** Not connected: nothing may look fresh. */
  lose(): void {
    for (const row of this.#rows.values()) row.isLost = true
  }

  get size(): number {
    return this.#rows.size
  }

  /** At most so many lines, each within the paper. `now`: by the clock of the gateway. */
  lines(paper: Paper, most: number, now: number): string[] {
    const states = [...this.#devices.values()].map(({ device, state, reason }) => paper.paint(state === 'degraded' ? 'warn' : 'bad', cut(printable(`${device} is ${state}${reason === '' ? '' : `: ${reason}`}`), paper.columns - 1))) // prettier-ignore
    const shownStates = states.slice(0, Math.max(1, Math.floor(most / 3)))
    const room = Math.max(1, most - shownStates.length - 2)
    const all = [...this.#rows.values()]
    const rows = all.length > room ? all.slice(0, room) : all
    const cells = rows.map((row) => this.#cells(row, now))
    const head = ['', 'value', 'unit', 'quality', 'age']
    const natural = head.map((title, at) => Math.max(widthOf(title), ...cells.map((row) => widthOf(row[at] ?? ''))))
    const widths = fitted(natural, paper.columns - 1)
    const line = (row: readonly string[]): string =>
      row.map((text, at) => fit(text, widths[at] ?? 0, at === 1 || at === 4 ? 'right' : 'left')).join(gap)
    const left = all.length - rows.length
    return [
      paper.paint('head', cut(line(head), paper.columns - 1)),
      ...cells.map((row, at) => paper.paint(toneOfRow(rows[at] as Row), cut(line(row), paper.columns - 1))),
      ...(left > 0 ? [paper.paint('dim', cut(`… and ${left} more: give filters, or make the window higher`, paper.columns - 1))] : []),
      ...shownStates
    ]
  }

  #cells({ name, value, reading, time, isLost }: Row, now: number): string[] {
    const { quality, unit, error } = reading
    const word = isLost
      ? 'NOT CONNECTED'
      : quality === 'good'
        ? ''
        : `${quality.toUpperCase()}${error === undefined ? '' : ` ${printable(errorText(error))}`}`
    return [name, value, printable(unit ?? ''), word, ageText(Math.max(0, now - time))]
  }
}

function toneOfRow({ isLost, reading }: Row): 'bad' | 'warn' | 'good' | 'dim' | 'head' | undefined {
  return isLost ? 'bad' : toneOf[reading.quality]
}

/** Value and quality give way first. */
function fitted(natural: readonly number[], columns: number): number[] {
  const widths = [...natural]
  for (const [at, least] of [
    [1, 16],
    [3, 13],
    [0, 20],
    [1, 6],
    [2, 4],
    [0, 8],
    [3, 5]
  ] as const) {
    const over = widths.reduce((sum, width) => sum + width + gap.length, -gap.length) - columns
    if (over <= 0) break
    widths[at] = Math.min(widths[at] as number, Math.max(least, (widths[at] as number) - over))
  }
  return widths
}
