/** What a person types, as the JSON that a codename wants. Whether it fits, the gateway says. */
import { parseExact } from '../../adapters/common/exact-json.js'
import { resolved } from '../describe/kinds.js'
import { Trouble } from './trouble.js'

interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly $ref?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
}

/**
 * JSON where it is some that the schema may mean, digit for digit; else the text itself. So `12` is a text for a codename that takes text,
 * and `on` need not be quoted. Where the schema says nothing, what is JSON is JSON.
 */
export function jsonOf(given: string, schema: Schema | undefined): string {
  const parsed = parseExact(given)
  if (!parsed.ok) return JSON.stringify(given)
  const types = typesOf(schema)
  if (types === undefined || types.has(typeOf(parsed.value)) || !types.has('string')) return given.trim()
  return JSON.stringify(given)
}

/** `{"rate": 2}`, or `rate=2 mode=slow`, or nothing. */
export function argumentsOf(given: readonly string[], schema: Schema | undefined): string | undefined {
  if (given.length === 0) return undefined
  const [first = ''] = given
  // Anything but an object is for the gateway to judge.
  if (given.length === 1 && (/^\s*[[{"]/.test(first) || !first.includes('='))) {
    const parsed = parseExact(first)
    if (!parsed.ok)
      throw new Trouble(2, `${JSON.stringify(first)} are no arguments: write them as rate=2 mode=slow, or as JSON: '{"rate": 2}'`)
    return first.trim()
  }
  const members = new Map<string, string>()
  for (const text of given) {
    const at = text.indexOf('=')
    if (at <= 0)
      throw new Trouble(2, `${JSON.stringify(text)} is no argument: write rate=2 mode=slow, or all of them as JSON: '{"rate": 2}'`)
    const name = text.slice(0, at)
    if (members.has(name)) throw new Trouble(2, `${name} is given twice`)
    const property = schema?.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined
    members.set(name, jsonOf(text.slice(at + 1), property))
  }
  return `{${Array.from(members, ([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
}

/** Forms within forms. */
const mostDepth = 10

/** Undefined: the schema does not say. `number` stands for integers too. */
function typesOf(given: Schema | undefined, root: object = given ?? {}, depth = 0): ReadonlySet<string> | undefined {
  if (given === undefined || depth > mostDepth) return undefined
  const schema = (typeof given.$ref === 'string' ? resolved({ ...root, $ref: given.$ref }) : given) as Schema
  const { type } = schema
  if (type !== undefined) return new Set([type].flat().map((one) => (one === 'integer' ? 'number' : one)))
  const forms = schema.anyOf ?? schema.oneOf
  if (forms !== undefined) {
    const found = forms.map((form) => typesOf(form, root, depth + 1))
    return found.some((types) => types === undefined) ? undefined : new Set(found.flatMap((types) => [...(types ?? [])]))
  }
  const values = schema.enum ?? ('const' in schema ? [schema.const] : undefined)
  return values === undefined ? undefined : new Set(values.map((value) => typeOf(value)))
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value === 'bigint' ? 'number' : typeof value
}
