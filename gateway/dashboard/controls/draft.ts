/** What a form holds while somebody types, and the value that it means. Pure. */
import { kindOf } from './schema.js'
import type { Kind, Schema } from './schema.js'

/** Text of a field, or one for each field of an object; the empty text is "left out". */
export type Draft = string | { readonly [name: string]: string }

export type Read = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string }

/** The form for a value; undefined: an empty one, with what the schema has for defaults. */
export function draftOf(schema: Schema | undefined, value: unknown): Draft {
  const given = value === undefined ? schema?.default : value
  if (kindOf(schema) !== 'fields') return textOf(kindOf(schema), given)
  const members = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}
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
  }
  return { ok: true, value }
}

function readText(kind: Kind, text: string, what: string): Read {
  if (kind === 'string') return { ok: true, value: text }
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
  if (/^[+-]?\d+$/.test(plain) && !Number.isSafeInteger(value)) return { ok: true, value: BigInt(plain.replace('+', '')) }
  return { ok: true, value }
}

function readJson(text: string, what: string): Read {
  try {
    return { ok: true, value: JSON.parse(text) as unknown }
  } catch (error) {
    return { ok: false, error: `${what} is no JSON (${(error as Error).message}); a text needs "quotes"` }
  }
}

/** As JSON.stringify, and integers of any size as their digits. */
export function writeJson(value: unknown): string {
  const big: bigint[] = []
  const mark = '\u0001big'
  const text = JSON.stringify(value, (_name, member: unknown) => (typeof member === 'bigint' ? `${mark}${big.push(member) - 1}` : member))
  return big.length === 0 ? text : text.replace(/"\\u0001big(\d+)"/g, (_whole, at) => String(big[Number(at)]))
}
