/** JSON Schema as far as a form needs it: what to show, and what to say before the gateway is asked. The gateway decides. Pure. */
import { formatNumber } from '../format.js'

export interface Schema {
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema | boolean
  readonly minItems?: number
  readonly maxItems?: number
  readonly $ref?: string
  readonly anyOf?: readonly unknown[]
  readonly oneOf?: readonly unknown[]
  readonly allOf?: readonly unknown[]
}

export type Kind = 'boolean' | 'number' | 'integer' | 'choice' | 'string' | 'fields' | 'json'

/** Fields that one form shows; a longer object is edited as JSON. */
const mostFields = 24

/** The control that a schema asks for. `inside` an object only plain values have one of their own. */
export function kindOf(schema: Schema | undefined, inside = false): Kind {
  if (schema === undefined || schema.$ref !== undefined || schema.anyOf || schema.oneOf || schema.allOf) return 'json'
  const choices = schema.const === undefined ? schema.enum : [schema.const]
  if (choices !== undefined) return choices.every((choice) => typeof choice !== 'object') ? 'choice' : 'json'
  const { type } = schema
  if (type === 'boolean' || type === 'number' || type === 'integer' || type === 'string') return type
  if (type !== 'object' || inside) return 'json'
  const count = Object.keys(schema.properties ?? {}).length
  const open = schema.additionalProperties !== undefined && schema.additionalProperties !== false
  return count > 0 && count <= mostFields && !open ? 'fields' : 'json'
}

/** "0 … 1200 °C", "at least 0", "multiples of 5"; undefined where anything goes. */
export function bounds(schema: Schema | undefined, unit = ''): string | undefined {
  if (schema === undefined) return undefined
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const low = minimum ?? exclusiveMinimum
  const high = maximum ?? exclusiveMaximum
  const tail = unit === '' ? '' : ` ${unit}`
  const parts: string[] = []
  if (low !== undefined && high !== undefined) {
    const open = [minimum === undefined ? `above ${formatNumber(low)}` : '', maximum === undefined ? `below ${formatNumber(high)}` : '']
    const told = open.filter((part) => part !== '').join(', ')
    parts.push(`${formatNumber(low)} … ${formatNumber(high)}${tail}${told === '' ? '' : ` (${told})`}`)
  } else if (low !== undefined) parts.push(`${minimum === undefined ? 'above' : 'at least'} ${formatNumber(low)}${tail}`)
  else if (high !== undefined) parts.push(`${maximum === undefined ? 'below' : 'at most'} ${formatNumber(high)}${tail}`)
  if (multipleOf !== undefined && !(multipleOf === 1 && schema.type === 'integer')) parts.push(`multiples of ${formatNumber(multipleOf)}`)
  return parts.length === 0 ? undefined : parts.join(', ')
}

/** What is wrong with a value, in words for the person who typed it; undefined: nothing that can be seen from here. */
export function complaint(schema: Schema | undefined, value: unknown, what: string, unit = ''): string | undefined {
  if (schema === undefined) return undefined
  return (
    wrongType(schema, value, what) ??
    wrongChoice(schema, value, what) ??
    (typeof value === 'number' || typeof value === 'bigint' ? wrongNumber(schema, Number(value), what, unit) : undefined) ??
    (typeof value === 'string' ? wrongText(schema, value, what) : undefined) ??
    (Array.isArray(value) ? wrongList(schema, value, what) : isObject(value) ? wrongObject(schema, value, what) : undefined)
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const words: Readonly<Record<string, string>> = {
  number: 'a number',
  integer: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object { … }',
  array: 'a list [ … ]',
  null: 'null'
}

function hasType(type: string, value: unknown): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isObject(value)
  if (type === 'integer') return typeof value === 'bigint' || Number.isInteger(value)
  if (type === 'number') return typeof value === 'number' || typeof value === 'bigint'
  return typeof value === type
}

function wrongType({ type }: Schema, value: unknown, what: string): string | undefined {
  if (type === undefined) return undefined
  const types = typeof type === 'string' ? [type] : type
  if (types.some((each) => hasType(each, value))) return undefined
  return `${what} must be ${types.map((each) => words[each] ?? each).join(' or ')}`
}

function wrongChoice({ enum: choices, const: only }: Schema, value: unknown, what: string): string | undefined {
  const allowed = only === undefined ? choices : [only]
  if (allowed === undefined || allowed.some((choice) => JSON.stringify(choice) === JSON.stringify(value))) return undefined
  return `${what} must be one of ${allowed.map((choice) => JSON.stringify(choice)).join(', ')}`
}

function wrongNumber(schema: Schema, value: number, what: string, unit: string): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const shown = `${formatNumber(value)}${unit === '' ? '' : ` ${unit}`}`
  const high = (maximum !== undefined && value > maximum) || (exclusiveMaximum !== undefined && value >= exclusiveMaximum)
  const low = (minimum !== undefined && value < minimum) || (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
  if (high || low) {
    const { multipleOf: _, ...range } = schema
    return `${shown} is ${high ? 'above' : 'below'} the limit of ${what}: allowed is ${bounds(range, unit)}`
  }
  if (multipleOf === undefined) return undefined
  const times = value / multipleOf
  return Math.abs(times - Math.round(times)) > 1e-9 * Math.max(1, Math.abs(times))
    ? `${what} takes multiples of ${multipleOf} only`
    : undefined
}

function wrongText({ minLength = 0, maxLength = Infinity, pattern }: Schema, value: string, what: string): string | undefined {
  const { length } = Array.from(value)
  if (length < minLength) return minLength === 1 ? `${what} must not be empty` : `${what} needs at least ${minLength} characters`
  if (length > maxLength) return `${what} takes at most ${maxLength} characters`
  if (pattern === undefined) return undefined
  try {
    return new RegExp(pattern, 'u').test(value) ? undefined : `${what} does not fit the pattern ${pattern}`
  } catch {
    return undefined // What the browser cannot read, the gateway can.
  }
}

function wrongList({ minItems = 0, maxItems = Infinity, items }: Schema, value: readonly unknown[], what: string): string | undefined {
  if (value.length < minItems) return `${what} needs at least ${minItems} items`
  if (value.length > maxItems) return `${what} takes at most ${maxItems} items`
  if (typeof items !== 'object') return undefined
  return value.map((item, at) => complaint(items, item, `item ${at + 1} of ${what}`)).find((told) => told !== undefined)
}

function wrongObject(
  { properties = {}, required = [], additionalProperties }: Schema,
  value: Record<string, unknown>,
  what: string
): string | undefined {
  const missing = required.find((name) => !(name in value))
  if (missing !== undefined) return `${missing} is needed`
  const unknown = Object.keys(value).find((name) => !(name in properties))
  if (additionalProperties === false && unknown !== undefined) {
    const known = Object.keys(properties)
    return `${what} has no ${JSON.stringify(unknown)}; ${known.length === 0 ? 'it takes nothing' : `known are ${known.join(', ')}`}`
  }
  return Object.entries(value)
    .map(([name, member]) => complaint(properties[name], member, name))
    .find((told) => told !== undefined)
}

/** Between two stops of a slider: what the schema or the digits say, else about a thousandth of the range. */
export function stepOf({ minimum = 0, maximum = 1, multipleOf, type }: Schema, digits?: number): number {
  if (multipleOf !== undefined) return multipleOf
  const fine = 10 ** Math.floor(Math.log10((maximum - minimum) / 500))
  const step = digits === undefined ? fine : Math.max(fine, 10 ** -digits)
  return type === 'integer' ? Math.max(1, Math.round(step)) : step
}
