/** `labgate history`: what was read of one codename. */
import { formatTime } from '../time.js'
import { momentOf } from './moments.js'
import { about, refOf } from './names.js'
import { papersOf } from './paper.js'
import { printable } from './printable.js'
import { errorText, plainText, toneOf } from './reading-text.js'
import type { Reading } from './reading-text.js'
import { pathOf } from './rest.js'
import type { Rest } from './rest.js'
import type { Surroundings } from './surroundings.js'
import { table } from './table.js'
import type { Cell } from './table.js'
import { Trouble, Unanswered } from './trouble.js'

export interface HistoryOptions {
  readonly from: string
  readonly to?: string
  readonly every?: number
  readonly limit: number
  readonly csv?: boolean
  readonly json?: boolean
}

interface Rollup {
  readonly time: string
  readonly count: number
  readonly min: number | null
  readonly max: number | null
  readonly mean: number | null
  readonly gap?: boolean
}

interface Series {
  readonly unit?: string
  readonly readings?: readonly Reading[]
  readonly rollups?: readonly Rollup[]
  readonly step?: number
  readonly next?: string | null
}

/** Points of one question. */
const mostPoints = 10_000

/** Seconds in which a part of a long answer must come. */
const partWithin = 30

export async function history(around: Surroundings, rest: Rest, given: string, options: HistoryOptions): Promise<void> {
  const { every, limit, csv = false, json = false } = options
  const ref = refOf(given)
  const { time } = await rest.get<{ time: string }>('/api')
  const now = Date.parse(time) / 1000
  const from = momentOf(options.from, now, 'from')
  // Up to the newest, unless told otherwise: what is ahead of the clock is shown too.
  const to = options.to === undefined ? undefined : momentOf(options.to, now, 'to')
  if (from >= (to ?? Infinity)) throw new Trouble(2, `--from (${formatTime(from)}) is not before --to (${formatTime(to as number)})`)
  const points = every === undefined ? undefined : Math.max(1, Math.ceil(((to ?? now) - from) / every))
  if (points !== undefined && points > mostPoints)
    throw new Trouble(
      2,
      `that is ${points} rows, and ${mostPoints} is the most: a larger --every, or a shorter time; for all readings: labgate export`
    )
  const query = new URLSearchParams({ from: formatTime(from), ...(to === undefined ? {} : { to: formatTime(to) }) })
  if (points !== undefined) query.set('points', String(points))
  const path = (more: Record<string, string>): string => {
    for (const [name, value] of Object.entries(more)) query.set(name, value)
    return `${pathOf('devices', ref.device, ref.codename, 'history')}?${query.toString()}`
  }
  const { out, side } = papersOf(around)
  if (csv || (json && points === undefined)) {
    const format = csv ? 'csv' : 'ndjson'
    await about(rest, ref, async () => await copy(around, rest, path({ format }), json))
    return around.end(0, '')
  }
  // The last ones are asked for: of many these are wanted.
  const newest = points === undefined ? { limit: String(limit), order: 'newest' } : {}
  const text = await about(rest, ref, async () => await rest.text('GET', path({ format: 'json', ...newest }), undefined, { within: 60 }))
  if (json) await out.data(`${text.trim()}\n`, 'json')
  else {
    const series = JSON.parse(text) as Series
    const isDrawn = series.rollups !== undefined
    const rows = isDrawn
      ? series.rollups.map(ofRollup)
      : [...(series.readings ?? [])].toSorted(inOrder).map((one) => ofReading(one, series.unit))
    const head = isDrawn ? ['time', 'readings', 'min', 'mean', 'max', ''] : ['time', 'value', 'unit', 'quality', '']
    if (rows.length === 0) await side.write(`nothing was read from ${formatTime(from)} to ${to === undefined ? 'now' : formatTime(to)}\n`)
    else await out.write(table(out, head, rows, new Set(isDrawn ? [1, 2, 3, 4] : [1])))
    if (isDrawn) await side.write(`${printable(series.unit === undefined ? '' : `in ${series.unit}; `)}a row is ${series.step} s\n`)
    if (typeof series.next === 'string')
      await side.write(
        `there is more before: --to ${printable(series.next)}, a larger --limit, --every SECONDS for an overview, or --csv for all\n`
      )
  }
  around.end(0, '')
}

/** By when it stands there: what became stale, at that moment. */
function inOrder(a: Reading, b: Reading): number {
  return Date.parse(a.since ?? a.time) - Date.parse(b.since ?? b.time)
}

function ofReading({ time, value, unit, quality, since, source, error }: Reading, usual: string | undefined): Cell[] {
  const remarks = [since === undefined ? '' : `since ${since}`, source ?? '', errorText(error)].filter((text) => text !== '')
  return [
    { text: time },
    { text: value === null ? '' : plainText(value) },
    { text: unit ?? usual ?? '' },
    { text: quality, tone: toneOf[quality] },
    { text: remarks.join(', ') }
  ]
}

function ofRollup({ time, count, min, mean, max, gap }: Rollup): Cell[] {
  const numbers = [min, mean, max].map((number) => ({ text: number === null ? '' : String(Number(number.toPrecision(10))) }))
  return [{ text: time }, { text: String(count) }, ...numbers, { text: gap === true ? 'gap' : '', tone: 'warn' as const }]
}

/** Rows as they come, to their end: half an answer is told as such. */
async function copy(around: Surroundings, rest: Rest, path: string, isJson: boolean): Promise<void> {
  const { out } = papersOf(around)
  const response = await rest.open(path, { accept: '*/*', within: 60 })
  response.setEncoding('utf8').setTimeout(partWithin * 1000, () => response.destroy(new Error(`nothing came for ${partWithin} s`)))
  try {
    for await (const chunk of response) {
      await out.data(String(chunk), isJson ? 'json' : 'text')
      if (out.isGone) return void response.destroy()
    }
  } catch (error) {
    throw new Unanswered(
      `the answer broke off (${(error as Error).message}): what stands there is not all. labgate export goes on by itself`
    )
  }
}
