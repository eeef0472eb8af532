/** The errors of ajv (with `verbose` and `allErrors`) as findings in words for people. */
import type { ErrorObject } from 'ajv/dist/2020.js'
import { pathKey } from './problem.js'
import type { Finding, Path } from './problem.js'
import { Secret, isSecret, isVariable } from './secrets.js'
import { Written, describeType, describeValue, phrase, plain, quote, suggest, told } from './words.js'

/** What explaining needs besides the errors. */
export interface Context {
  /** Where the checked value stands in the file. */
  readonly base: Path
  /** Places that are known to be wrong already, by {@link pathKey}. */
  readonly spoiled: ReadonlySet<string>
  /** What is written where variables were filled in. */
  readonly written: ReadonlyMap<string, string>
  /** Errors of a value against one alternative of a oneOf or anyOf; undefined when that cannot be told. */
  readonly against: (schema: object, value: unknown) => readonly ErrorObject[] | undefined
}

interface Part {
  readonly description?: string
  readonly properties?: Record<string, Part>
  readonly required?: readonly string[]
  readonly type?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly oneOf?: readonly Part[]
  /** Our own keyword: what to say of a value that is not allowed, where the original program has its own words; {value} is filled in. */
  readonly refusal?: string
}

export function explain(errors: readonly ErrorObject[], context: Context): Finding[] {
  const choices = errors.filter(({ keyword }) => keyword === 'oneOf' || keyword === 'anyOf')
  // What the forms of a choice say follows from the choice, and what a name breaks is told once, by propertyNames.
  const own = errors.filter((error) => {
    if (error.keyword === 'if' || (error.propertyName !== undefined && error.keyword !== 'propertyNames')) return false
    return !choices.some((choice) => choice !== error && error.schemaPath.startsWith(`${choice.schemaPath}/`))
  })
  // Of a value of a wrong type only that is told.
  const wrongTypes = new Set(own.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath))
  return own.flatMap((error) => {
    if (error.keyword !== 'type' && wrongTypes.has(error.instancePath)) return []
    const path = pathOf(error, context)
    const full = error.keyword === 'required' ? [...path, String(error.params['missingProperty'])] : path
    const known = [...full, ''].some((_, depth) => context.spoiled.has(pathKey(full.slice(0, depth))))
    return known ? [] : explainOne(error, errors, path, context)
  })
}

function explainOne(error: ErrorObject, errors: readonly ErrorObject[], path: Path, context: Context): Finding[] {
  const params = error.params as Record<string, unknown>
  const parent = (error.parentSchema ?? {}) as Part
  const value = shownValue(error.data, path, context)
  const say = (rule: string, message: string, at: 'key' | 'value' = 'value', below: Path = []): Finding[] => [
    { path: [...path, ...below], at, rule, message }
  ]
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty'])
      return say('unknown-key', `unknown key${suggest(key, Object.keys(parent.properties ?? {}))}`, 'key', [key])
    }
    case 'propertyNames': {
      const name = String(params['propertyName'])
      const part = errors.find((other) => other.propertyName === name && other.instancePath === error.instancePath)?.parentSchema as
        Part | undefined
      if (part?.enum !== undefined) return say('name', `${quote(name)} is not allowed${suggest(name, part.enum)}`, 'key', [name])
      return say('name', `${quote(name)} is no name; wanted: ${phrase(part?.description ?? 'another one')}`, 'key', [name])
    }
    case 'required': {
      const key = String(params['missingProperty'])
      const description = parent.properties?.[key]?.description
      return say('missing-key', `the key ${key} is missing${description === undefined ? '' : `: ${phrase(description)}`}`, 'key')
    }
    case 'dependentRequired':
      return say('missing-key', `${String(params['property'])} needs ${String(params['missingProperty'])}`, 'key', [
        String(params['property'])
      ])
    case 'type':
      return say('type', `wanted ${describeType(params['type'] as string | string[])}, found ${describeValue(value)}`)
    case 'enum':
      if (parent.refusal !== undefined && typeof value === 'string')
        return say(
          'enum',
          parent.refusal.replace('{value}', () => value)
        )
      return say('enum', `${told(value)} is not allowed${suggest(value, params['allowedValues'] as unknown[])}`)
    case 'const':
      return say('const', `wanted ${plain(params['allowedValue'])}, found ${describeValue(value)}`)
    case 'discriminator': {
      const tag = String(params['tag'])
      const tags = (parent.oneOf ?? []).flatMap((branch) => branch.properties?.[tag]?.enum ?? [branch.properties?.[tag]?.const])
      if (params['tagValue'] === undefined)
        return say('missing-key', `the key ${tag} is missing; allowed: ${tags.map(plain).join(', ')}`, 'key')
      return say('enum', `${told(params['tagValue'])} is not allowed${suggest(params['tagValue'], tags)}`, 'value', [tag])
    }
    case 'not':
    case 'false schema':
      return say('no-use', `this key has no use here: ${phrase(parent.description ?? 'remove it')}`, 'key')
    case 'oneOf':
    case 'anyOf':
      return explainChoice(error, path, context)
    default:
      return say(error.keyword, explainBound(error, parent, value))
  }
}

const BOUNDS: Record<string, string> = {
  minimum: 'at least',
  maximum: 'at most',
  exclusiveMinimum: 'more than',
  exclusiveMaximum: 'less than',
  multipleOf: 'a multiple of'
}

const SIZES: Record<string, [words: string, unit: string]> = {
  minLength: ['at least', 'character'],
  maxLength: ['at most', 'character'],
  minItems: ['at least', 'item'],
  maxItems: ['at most', 'item'],
  minProperties: ['at least', 'entry'],
  maxProperties: ['at most', 'entry']
}

function explainBound({ keyword, params, message }: ErrorObject, parent: Part, value: unknown): string {
  const limit = (params as { limit?: number; multipleOf?: number }).limit ?? (params as { multipleOf?: number }).multipleOf
  const size = SIZES[keyword]
  if (BOUNDS[keyword] !== undefined) return `wanted ${BOUNDS[keyword]} ${limit}, found ${told(value)}`
  if (size !== undefined) {
    const units = limit === 1 ? size[1] : size[1].replace(/y$/, 'ie') + 's'
    const found =
      typeof value === 'string' || value instanceof Written || value instanceof Secret
        ? told(value)
        : Array.isArray(value)
          ? value.length
          : Object.keys(value as object).length
    return `wanted ${size[0]} ${limit} ${units}, found ${found}`
  }
  if (keyword === 'pattern' || keyword === 'format')
    return `${told(value)} does not fit; wanted: ${phrase(parent.description ?? `${keyword} ${String((params as Record<string, unknown>)[keyword])}`)}`
  return message ?? `breaks the rule ${keyword}`
}

/** Of several forms the one that was probably meant is explained; if none, all are named. */
function explainChoice(error: ErrorObject, path: Path, context: Context): Finding[] {
  const branches = error.schema as readonly Part[]
  const value: unknown = error.data
  const keys = branches.map((branch) => (Object.keys(branch).join() === 'required' ? branch.required?.join() : undefined))
  if (keys.every((key) => key !== undefined)) {
    const present = keys.filter((key) => Object.hasOwn(value as object, key))
    if (present.length === 0) return [{ path, at: 'key', rule: 'missing-key', message: `one of the keys ${keys.join(' and ')} is missing` }]
    return [
      {
        path: [...path, ...present.slice(1, 2)],
        at: 'key',
        rule: 'one-of',
        message: `only one of the keys ${keys.join(' and ')} may be there`
      }
    ]
  }
  const near = branches
    .map((branch) => ({ errors: context.against(branch, value), overlap: overlap(branch, value) }))
    .filter(
      ({ errors }) =>
        errors !== undefined && !errors.some((other) => other.instancePath === '' && ['type', 'const', 'enum'].includes(other.keyword))
    )
    .sort((a, b) => b.overlap - a.overlap || (a.errors?.length ?? 0) - (b.errors?.length ?? 0))
  const [best] = near
  if (best?.errors !== undefined && best.errors.length > 0) return explain(best.errors, { ...context, base: path })
  const shown = describeValue(shownValue(value, path, context))
  return [{ path, at: 'value', rule: 'form', message: `wanted ${branches.map(describeForm).join(' or ')}, found ${shown}` }]
}

/** Keys of the value that the form knows. */
function overlap({ properties }: Part, value: unknown): number {
  return properties === undefined ? 0 : Object.keys(value ?? {}).filter((key) => Object.hasOwn(properties, key)).length
}

function describeForm({ const: fixed, enum: list, type, required, minItems, maxItems }: Part): string {
  if (fixed !== undefined) return plain(fixed)
  if (list !== undefined) return list.map(plain).join(' or ')
  const size = minItems !== undefined && minItems === maxItems ? ` of ${minItems}` : ''
  const words = type === undefined ? 'another form' : describeType(type) + size
  return required === undefined ? words : `${words} with ${required.join(' and ')}`
}

function shownValue(value: unknown, path: Path, { written }: Context): unknown {
  const text = written.get(pathKey(path))
  const isShown = typeof value === 'object' || (text !== undefined && isVariable(text)) || !isSecret(path)
  if (!isShown) return new Secret(value)
  return text === undefined ? value : new Written(text)
}

function pathOf({ instancePath }: ErrorObject, { base }: Context): Path {
  const steps = instancePath.split('/').slice(1)
  return [...base, ...steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))]
}
