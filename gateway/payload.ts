/** What crosses MQTT, as text: the projection of exact values. */
import stringify from 'fast-json-stable-stringify'
import { parseExact, toPlain } from '../adapters/common/exact-json.js'
import type { Codename, Exact } from './adapter.js'
import { GatewayError } from './errors.js'
import type { Entry } from './devices.js'
import type { Held } from './latest.js'
import { formatTime } from './time.js'
import type { Validators } from './validators.js'

/** Keys sorted, so that equal messages are equal bytes. */
export function json(value: object): string {
  return stringify(value)
}

/** The same bytes as {@link json} would give, members in the order of their names, written by hand: every reading goes this way. */
export function readingPayload(held: Held): string {
  const { value, x, unit, quality, error, hops, uncertainty, source, seq, run, stamp } = held
  let text = error === undefined ? '{' : `{"error":${json(error)},`
  if (hops !== undefined) text += `"hops":${hops},`
  text += `"quality":"${quality}",`
  if (run !== undefined) text += `"run":${JSON.stringify(run)},`
  if (seq !== undefined) text += `"seq":${seq},`
  if (source !== undefined) text += `"source":"${source}",`
  text += `"time":"${formatTime(stamp)}",`
  if (uncertainty !== undefined) text += `"uncertainty":${exact(uncertainty)},`
  if (unit !== undefined) text += `"unit":${JSON.stringify(unit)},`
  text += `"value":${exact(value)}`
  return x === undefined ? text + '}' : `${text},"x":${exact(x)}}`
}

/** A value as MQTT shows it. */
export function exact(value: Exact): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
  return typeof value === 'string' ? JSON.stringify(value) : stringify(toPlain(value))
}

/** The plain mirror for gauges: only what is fresh, and only scalars. */
export function mirrorText(held: Held): string | undefined {
  if (held.quality !== 'good' && held.quality !== 'uncertain') return undefined
  const { value } = held
  if (typeof value === 'string') return value
  return typeof value === 'object' ? undefined : String(value)
}

export function metaPayload(entry: Entry): string {
  const { callable, settable, description, unit, digits, maxAge, schema, original } = entry.meta
  return json({
    declared: entry.declared,
    ...(entry.found ? { found: true } : {}),
    name: original ?? entry.codename,
    settable: settable ?? false,
    ...(callable === undefined ? {} : { callable }),
    ...(description === undefined ? {} : { description }),
    ...(unit === undefined ? {} : { unit }),
    ...(digits === undefined ? {} : { digits }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(schema === undefined ? {} : { schema })
  })
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 or undefined. */
export function textOf(payload: Uint8Array): string | undefined {
  try {
    return decoder.decode(payload)
  } catch {
    return undefined
  }
}

/** A payload understood: what it says, and the bare text, which may be meant as such. */
export interface Understood {
  readonly text: string
  /** Undefined when the text is no JSON. */
  readonly value: Exact | undefined
}

export function understand(payload: Uint8Array): Understood {
  const text = textOf(payload)
  if (text === undefined) throw new GatewayError('BadPayload', 'the payload is no UTF-8 text', { rule: 'utf-8' })
  const parsed = parseExact(text)
  return { text, value: parsed.ok ? parsed.value : undefined }
}

const looseNumber = /^\s*[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i

/**
 * A value given plainly: JSON where it keeps to the schema, else the bare text where that does (`open`, `42` for a text codename).
 * `nan` and `inf`, as sensors write them, are the numbers unless the codename holds text.
 */
export function plainValue({ text, value }: Understood, { schema }: Codename, validators: Validators, what: string): Exact {
  const fits = (candidate: Exact): boolean => schema !== undefined && validators.check(schema, candidate, what) === undefined
  if (value !== undefined) return !fits(value) && fits(text) ? text : value
  if (fits(text)) return text
  // As instruments print numbers: `+4.2`, `.5`, `4.`.
  if (looseNumber.test(text) && (schema === undefined || fits(Number(text)))) return Number(text)
  if (/^\s*[[{"]/.test(text)) {
    const parsed = parseExact(text)
    throw new GatewayError('BadPayload', `the payload looks like JSON but is none: ${parsed.ok ? '' : parsed.error}`, { rule: 'json' })
  }
  const [, sign, word] = /^\s*([+-]?)(nan|inf|infinity)\s*$/i.exec(text) ?? []
  if (word === undefined) return text
  return word.toLowerCase() === 'nan' ? NaN : sign === '-' ? -Infinity : Infinity
}
