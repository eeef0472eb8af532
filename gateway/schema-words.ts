/** JSON Schemas in plain words. */

/** What of a JSON Schema has words here; the rest is passed over. */
export interface Schema {
  readonly type?: string | readonly string[]
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
  readonly format?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema | boolean>>
  readonly items?: Schema | boolean
}

/** A schema in words, as far as they go. */
export function described(schema: Schema, isDeep = true): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined)
    return `one of ${schema.enum
      .slice(0, 20)
      .map((value) => JSON.stringify(value))
      .join(', ')}`
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type ?? 'value']) as readonly string[]
  const type = types.map((one) => words[one] ?? one).join(' or ')
  const parts = [bounds(schema), steps(schema), lengths(schema), isDeep ? members(schema) : ''].filter((part) => part !== '')
  return [type, ...parts].join(' ')
}

const words: Readonly<Record<string, string>> = {
  integer: 'an integer',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
  value: 'a value'
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return `from ${minimum} to ${maximum}`
  const low = minimum !== undefined ? `of at least ${minimum}` : exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : ''
  const high = maximum !== undefined ? `of at most ${maximum}` : exclusiveMaximum !== undefined ? `below ${exclusiveMaximum}` : ''
  return [low, high].filter((part) => part !== '').join(' and ')
}

function steps({ multipleOf }: Schema): string {
  return multipleOf === undefined ? '' : `in steps of ${multipleOf}`
}

function lengths({ minLength, maxLength, pattern, format, minItems, maxItems }: Schema): string {
  const few = minLength ?? minItems
  const many = maxLength ?? maxItems
  const what = minItems === undefined && maxItems === undefined ? 'characters' : 'items'
  const count =
    few !== undefined && many !== undefined
      ? `of ${few} to ${many} ${what}`
      : few !== undefined
        ? `of at least ${few} ${what}`
        : many !== undefined
          ? `of at most ${many} ${what}`
          : ''
  return [count, pattern === undefined ? '' : `that fits ${pattern}`, format === undefined ? '' : `in the form ${format}`]
    .filter((part) => part !== '')
    .join(' ')
}

/** One level deep: more would be no sentence. */
function members({ items, properties, required = [] }: Schema): string {
  if (typeof items === 'object') return `whose items are each ${described(items, false)}`
  if (properties === undefined) return required.length === 0 ? '' : `with ${required.join(', ')}`
  const known = Object.entries(properties).slice(0, 20)
  const told = known.map(([member, schema]) => {
    const what = typeof schema === 'object' ? described(schema, false) : 'a value'
    return `${member}${required.includes(member) ? '' : ' (if wanted)'}: ${what}`
  })
  return `with ${told.join('; ')}`
}
