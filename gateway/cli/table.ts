/** Tables without lines, as wide as the terminal at most. */
import Table from 'cli-table3'
import { printable, widthOf, wrap } from './printable.js'
import type { Paper, Tone } from './paper.js'

export interface Cell {
  readonly text: string
  readonly tone?: Tone | undefined
}

/** Columns between two of the table. */
const gap = 2

/** A column is not made narrower. */
const narrowest = 8

const plain = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: ''
} // prettier-ignore

/** Ends with a line end. What does not fit is wrapped, first of all in the widest column; nothing is left out. */
export function table(
  paper: Paper,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  right: ReadonlySet<number> = new Set()
): string {
  const texts = rows.map((row) => row.map(({ text }) => printable(text)))
  const widths = fitWidths(head.map((title, at) => Math.max(widthOf(title), ...texts.map((row) => widthOf(row[at] ?? '')))), paper.columns) // prettier-ignore
  const made = new Table({
    head: head.map((title) => paper.paint('head', title)),
    colWidths: widths.map((width) => width + gap),
    colAligns: head.map((_, at) => (right.has(at) ? 'right' : 'left')),
    chars: plain,
    style: { 'padding-left': 0, 'padding-right': gap, head: [], border: [], compact: true }
  })
  for (const [index, row] of rows.entries())
    made.push(
      row.map(({ tone }, at) =>
        wrap(texts[index]?.[at] ?? '', widths[at] ?? narrowest)
          .map((line) => paper.paint(tone, line))
          .join('\n')
      )
    )
  return made
    .toString()
    .split('\n')
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

function fitWidths(natural: readonly number[], columns: number): number[] {
  const widths = [...natural]
  const most = columns - 1
  for (;;) {
    const over = widths.reduce((sum, width) => sum + width + gap, -gap) - most
    const widest = Math.max(...widths)
    if (over <= 0 || widest <= narrowest) return widths
    const second = Math.max(narrowest, ...widths.filter((width) => width < widest))
    widths[widths.indexOf(widest)] = Math.max(second === widest ? widest - 1 : Math.max(second, widest - over), narrowest)
  }
}
