/** What a form holds while somebody types, and the value that it means. Pure. */
import { kindOf } from './schema.js'
import type { Kind, Schema } from './schema.js'

/** Text of a field, or one for each field of an object; the empty text is "left out". */
export type Draft = string | { readonly [name: string]: string }

/** `value` is what can be judged here; `json` is what is sent: as it was typed, with all its digits. */
export type Read = { readonly ok: true; readonly value: unknown; readonly json: string } | { readonly ok: false; readonly error: string }

/** The form for a value; undefined: an empty one, with what the schema has for defaults. */
export function draftOf(schema: Schema | undefined, value: unknown): Draft {
  const given = value === undefined ? schema?.default : value
  if (kindOf(schema) !== 'fields') return textOf(kindOf(schema), given)
  const members = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}
  // Members without a field must not vanish by a set of the others.
  const isWhole = schema?.additionalProperties === false || Object.keys(members).every((name) => name in (schema?.properties ?? {}))
  if (!isWhole) return textOf('json', given)
  return Object.fromEntries(
    Object.entries(schema?.properties ?? {}).map(([name, member]) => [name, textOf(kindOf(member, true), members[name] ?? member.default)])
  )
}

function textOf(kind: Kind, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (kind === 'string' && typeof value === 'string') return value
  // Integers beyond 2^53 come as text.
  if ((kind === 'integer' || kind === 'number') && typeof value === 'string') return value
  return kind === 'json' ? JSON.stringify(value, null, 2) : JSON.stringify(value)
}

export function readDraft(schema: Schema | undefined, draft: Draft): Read {
  if (typeof draft === 'string') return readText(kindOf(schema), draft, 'the value')
  const value: Record<string, unknown> = {}
  const json: string[] = []
  for (const [name, text] of Object.entries(draft)) {
    const member = schema?.properties?.[name]
    const kind = kindOf(member, true)
    const isNeeded = schema?.required?.includes(name) === true
    if (text === '' && !(kind === 'string' && isNeeded)) {
      if (isNeeded) return { ok: false, error: `${name} is needed` }
      continue
    }
    const read = readText(kind, text, name)
    if (!read.ok) return read
    value[name] = read.value
    json.push(`${JSON.stringify(name)}:${read.json}`)
  }
  return { ok: true, value, json: `{${json.join(',')}}` }
}

function readText(kind: Kind, text: string, what: string): Read {
  if (kind === 'string') return { ok: true, value: text, json: JSON.stringify(text) }
  const trimmed = text.trim()
  if (trimmed === '') return { ok: false, error: `${what} is empty` }
  return kind === 'number' || kind === 'integer' ? readNumber(trimmed, what) : readJson(trimmed, what)
}

/** A comma is refused: 1,200 is a different number here and there. */
function readNumber(text: string, what: string): Read {
  if (text.includes(',')) return { ok: false, error: `${what}: write a point for the decimals, and no separators, e.g. 1200.5` }
  const plain = text.replace('−', '-')
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return { ok: false, error: `${what} is no number` }
  const value = Number(plain)
  if (!Number.isFinite(value)) return { ok: false, error: `${what} is too large for a number` }
  // Digits are not lost on the way.
  if (/^[+-]?\d+$/.test(plain) && !Number.isSafeInteger(value)) {
    const exact = BigInt(plain.replace('+', ''))
    return { ok: true, value: exact, json: String(exact) }
  }
  return { ok: true, value, json: JSON.stringify(value) }
}

/** Texts, so that no digit in them counts; and numbers. */
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** JSON.parse is only the judge: it rounds large integers, and makes what is too large Infinity, which JSON would write as null. */
function readJson(text: string, what: string): Read {
  try {
    const value = JSON.parse(text) as unknown
    const large = text.match(tokens)?.find((token) => !token.startsWith('"') && !/^-?\d+$/.test(token) && !Number.isFinite(Number(token)))
    if (large !== undefined) return { ok: false, error: `${what}: ${large} is too large for a number` }
    return { ok: true, value, json: text }
  } catch (error) {
    return { ok: false, error: `${what} is no JSON (${(error as Error).message}); a text needs "quotes"` }
  }
}

/** JSON that is sent as it stands. */
export class Verbatim {
  readonly json: string

  constructor(json: string) {
    this.json = json
  }
}

/** As JSON.stringify; members may be {@link Verbatim}. */
export function writeJson(members: Readonly<Record<string, unknown>>): string {
  const written = Object.entries(members)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${JSON.stringify(name)}:${member instanceof Verbatim ? member.json : JSON.stringify(member)}`)
  return `{${written.join(',')}}`
}
