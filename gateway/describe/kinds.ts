/** What a value can be, as far as its JSON Schema tells. */
import type { Schema } from '../schema-words.js'

/** `text` is text that is none of `choices`; `any`: the schema does not tell, or allows several of these. */
export type ValueKind = 'number' | 'text' | 'boolean' | 'choices' | 'structure' | 'any'

/** What values of the schema are, as far as one word tells. */
export function valueKind(schema: object | undefined): ValueKind {
  if (schema === undefined) return 'any'
  const given = resolved(schema)
  const types = typesOf(given)
  if (types === undefined) return 'any'
  if (types.every((type) => type === 'number' || type === 'integer')) return 'number'
  if (types.every((type) => type === 'boolean')) return 'boolean'
  if (types.every((type) => type === 'string')) return (given.enum ?? []).length > 0 ? 'choices' : 'text'
  return types.every((type) => type === 'object' || type === 'array') ? 'structure' : 'any'
}

/** The choices of text. */
export function choicesOf(schema: object | undefined): string[] {
  return (schema === undefined ? [] : (resolved(schema).enum ?? [])).filter((choice) => typeof choice === 'string')
}

/** The schema, or what it refers to within itself. */
export function resolved(schema: object): Schema {
  let found = schema as Schema & { readonly $ref?: unknown }
  for (let depth = 0; depth < maxDepth; depth++) {
    const path = typeof found.$ref === 'string' ? /^#\/(.+)$/.exec(found.$ref)?.[1] : undefined
    if (path === undefined) return found
    const steps = path.split('/').map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
    const target = steps.reduce<unknown>((at, step) => (at as Readonly<Record<string, unknown>> | undefined)?.[step], schema)
    if (typeof target !== 'object' || target === null) return {}
    found = target
  }
  return {}
}

/** References that lead to one another may go round in a circle. */
const maxDepth = 10

export function mayBeScalar(schema: object | undefined): boolean {
  return valueKind(schema) !== 'structure'
}

/** JSON types that the schema names or whose values it lists, without null: a reading without a value is `bad`, whatever it is. */
function typesOf({ type, enum: choices, const: only }: Schema): string[] | undefined {
  const listed = only === undefined ? choices : [only]
  const found =
    type !== undefined
      ? ((Array.isArray(type) ? type : [type]) as readonly string[])
      : listed?.map((value) => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value))
  const types = [...new Set(found)].filter((one) => one !== 'null')
  return types.length === 0 ? undefined : types
}
