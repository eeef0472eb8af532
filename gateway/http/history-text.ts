/** Readings and roll-ups as CSV (RFC 4180) and as NDJSON. */
import type { Exact } from '../adapter.js'
import { bucketText, pointText } from '../history/text.js'
import type { Bucket, Point } from '../history/types.js'
import { exact } from '../payload.js'
import { formatTime } from '../time.js'
import { namePattern } from '../topic.js'

/** Whose it is, and its unit. */
export interface Whose {
  readonly device: string
  readonly codename: string
  readonly unit?: string | undefined
}

const columns = 'time device codename quality value unit since source error uncertainty x seq run'.split(' ')
const more = 'step count min max mean gap'.split(' ')

/** The header row. With `points` there are columns for roll-ups too. */
export function csvHeader(isPlot: boolean): string {
  return line(isPlot ? [...columns, ...more] : columns)
}

export function csvReading(whose: Whose, point: Point, isPlot = false): string {
  const { time, quality, value, unit, since, source, error, uncertainty, x, seq, run } = point
  const cells = [
    formatTime(time),
    name(whose.device),
    name(whose.codename),
    quality,
    cell(value),
    unit === undefined ? '' : text(unit),
    since === undefined ? '' : formatTime(since),
    source ?? '',
    error === undefined ? '' : quoted(`${error.class}: ${error.message}${error.code === undefined ? '' : ` (${error.code})`}`),
    uncertainty === undefined ? '' : cell(uncertainty),
    x === undefined ? '' : cell(x),
    seq === undefined ? '' : String(seq),
    run === undefined ? '' : text(run)
  ]
  return line(isPlot ? [...cells, ...more.map(() => '')] : cells)
}

export function csvBucket(whose: Whose, { time, count, min, max, mean, isGap }: Bucket, step: number): string {
  const numbers = [min, max, mean].map((number) => (number === null ? '' : String(number)))
  const unit = whose.unit === undefined ? '' : text(whose.unit)
  const cells = [formatTime(time), name(whose.device), name(whose.codename), '', '', unit, ...columns.slice(6).map(() => '')]
  return line([...cells, String(step), String(count), ...numbers, isGap ? 'true' : ''])
}

export function ndjsonReading(whose: Whose, point: Point): string {
  return `${whoseText(whose)},${pointText(point).slice(1)}\n`
}

export function ndjsonBucket(whose: Whose, bucket: Bucket, step: number): string {
  const unit = whose.unit === undefined ? '' : `,"unit":${JSON.stringify(whose.unit)}`
  return `${whoseText(whose)},${bucketText(bucket).slice(1, -1)},"step":${step}${unit}}\n`
}

/** How such an object begins. */
export function whoseText({ device, codename }: Whose): string {
  return `{"codename":${JSON.stringify(codename)},"device":${JSON.stringify(device)}`
}

function line(cells: readonly string[]): string {
  return cells.join(',') + '\r\n'
}

/**
 * A number bare, to its last digit; a text always in quotes, so that `"="` is text and `12` a number; arrays and objects as JSON; null is
 * an empty cell. What a spreadsheet would take for a formula is quoted and otherwise left alone: data are not changed.
 */
function cell(value: Exact): string {
  if (value === null) return ''
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : ''
  if (typeof value === 'boolean') return String(value)
  return quoted(typeof value === 'string' ? value : exact(value))
}

function quoted(given: string): string {
  return `"${given.replaceAll('"', '""')}"`
}

function name(given: string): string {
  return namePattern.test(given) ? given : quoted(given)
}

function text(given: string): string {
  return /^[\p{L}\p{N}°%µΩ][^",\r\n]*$/u.test(given) ? given : quoted(given)
}
