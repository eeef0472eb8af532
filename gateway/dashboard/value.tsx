/** A value of any shape, readable: large where it is one number, drawn where it is a curve, as a table or JSON where it is more. */
import type { JSX } from 'preact'
import { formatNumber, formatUnit, formatValue } from './format.js'

interface ValueProps {
  readonly value: unknown
  /** Of x,y data. */
  readonly x?: unknown
  readonly unit?: string | undefined
  readonly digits?: number | undefined
}

/** In one line, for lists. */
export function shortValue(value: unknown, digits?: number): string {
  if (Array.isArray(value))
    return value.length <= 3 && value.every(isNumber)
      ? `[${value.map((each) => formatNumber(each, digits)).join(', ')}]`
      : `[ ${value.length} values ]`
  if (typeof value === 'object' && value !== null) {
    const count = Object.keys(value).length
    return count === 1 ? '{ 1 entry }' : `{ ${count} entries }`
  }
  return formatValue(value, digits)
}

export function Value({ value, x, unit, digits }: ValueProps): JSX.Element {
  const curve = curveOf(value, x)
  if (curve !== undefined) return <Curve {...curve} unit={unit} />
  if (typeof value === 'object' && value !== null) return <Structure value={value} />
  const text = formatValue(value, digits)
  return (
    <p class={text.length > 14 ? 'value long' : 'value'}>
      {text}
      {unit === undefined || value === null ? null : <span class="unit"> {formatUnit(unit)}</span>}
      {isNumber(x) ? <span class="x">at x = {formatNumber(x)}</span> : null}
    </p>
  )
}

const isNumber = (value: unknown): value is number => typeof value === 'number'
const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 3 && value.every((each) => isNumber(each) || each === null)

interface CurveProps {
  readonly xs: readonly number[] | undefined
  readonly ys: readonly (number | null)[]
  readonly names?: readonly [x: string, y: string] | undefined
  readonly unit?: string | undefined
}

/** A list of numbers, with or without its x; or an object of two lists, as spectrometers give. */
function curveOf(value: unknown, x: unknown): CurveProps | undefined {
  if (isNumbers(value)) return { ys: value, xs: isNumbers(x) && x.length === value.length ? x : undefined }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries = Object.entries(value)
  const [first, second] = entries
  if (entries.length !== 2 || first === undefined || second === undefined) return undefined
  if (!isNumbers(first[1]) || !isNumbers(second[1]) || first[1].length !== second[1].length) return undefined
  // The abscissa is the one that only rises.
  const [abscissa, ordinate] = rises(first[1]) || !rises(second[1]) ? [first, second] : [second, first]
  return { xs: abscissa[1] as number[], ys: ordinate[1] as number[], names: [abscissa[0], ordinate[0]] }
}

function rises(values: readonly number[]): boolean {
  return values.every((value, at) => at === 0 || value > (values[at - 1] as number))
}

const [wide, high] = [300, 90]

function Curve({ xs, ys, names, unit }: CurveProps): JSX.Element {
  const known = ys.filter((y): y is number => y !== null)
  const [low, top] = [min(known), max(known)]
  const [from, to] = xs === undefined ? [0, ys.length - 1] : [min(xs), max(xs)]
  const px = (at: number): number => (((xs?.[at] ?? at) - from) / (to - from || 1)) * wide
  const py = (y: number): number => high - ((y - low) / (top - low || 1)) * high
  let path = ''
  let isDown = false
  for (const [at, y] of ys.entries()) {
    if (y !== null) path += `${isDown ? 'L' : 'M'}${px(at).toFixed(1)} ${py(y).toFixed(1)}`
    isDown = y !== null
  }
  const tail = unit === undefined ? '' : ` ${formatUnit(unit)}`
  return (
    <figure class="curve">
      <svg viewBox={`-2 -4 ${wide + 4} ${high + 8}`} preserveAspectRatio="none" role="img" aria-label={`curve of ${ys.length} values`}>
        <path d={path} vector-effect="non-scaling-stroke" />
      </svg>
      <figcaption>
        {names === undefined ? '' : `${names[1]} over ${names[0]}: `}
        {ys.length} values, {formatNumber(low)} … {formatNumber(top)}
        {tail}
        {xs === undefined ? '' : `, x ${formatNumber(from)} … ${formatNumber(to)}`}
      </figcaption>
    </figure>
  )
}

function min(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity)
}

function max(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity)
}

/** Entries of an object that are shown as a table. */
const mostRows = 50

function Structure({ value }: { readonly value: object }): JSX.Element {
  const entries = Object.entries(value)
  if (entries.length === 0) return <p class="value long">{Array.isArray(value) ? '[ ]' : '{ }'}</p>
  const flat =
    !Array.isArray(value) && entries.length <= mostRows && entries.every(([, member]) => typeof member !== 'object' || depthOne(member))
  if (!flat) return <pre class="json">{cut(JSON.stringify(value, null, 2))}</pre>
  return (
    <dl class="members">
      {entries.map(([name, member]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {typeof member === 'object' && member !== null
              ? Object.entries(member as object)
                  .map(([key, each]) => `${key}: ${formatValue(each)}`)
                  .join(', ')
              : formatValue(member)}
          </dd>
        </div>
      ))}
    </dl>
  )
}

function depthOne(value: unknown): boolean {
  return (
    value === null ||
    (typeof value === 'object' &&
      !Array.isArray(value) &&
      Object.values(value).every((member) => typeof member !== 'object' || member === null))
  )
}

function cut(text: string): string {
  return text.length > 20_000 ? `${text.slice(0, 20_000)}\n… (${text.length} characters)` : text
}
