/** Checks the JSON Schemas that operators write for values, arguments and results. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Validators } from '../validators.js'
import { explain } from './explain.js'
import { nearest } from './nearest.js'
import type { Finding, Path } from './problem.js'
import { describeType, describeValue, suggest } from './words.js'

type Schema = Readonly<Record<string, unknown>>

/** Keywords of JSON Schema 2020-12 by what their value holds. */
const HOLDS_SCHEMA = words('additionalProperties contains else if items not propertyNames then unevaluatedItems unevaluatedProperties')
const HOLDS_SCHEMAS = words('$defs dependentSchemas patternProperties properties')
const HOLDS_LIST = words('allOf anyOf oneOf prefixItems')
const OTHERS = words(`$anchor $comment $dynamicAnchor $dynamicRef $id $ref $schema const contentEncoding contentMediaType contentSchema
  default dependentRequired deprecated description enum examples exclusiveMaximum exclusiveMinimum format maxContains maximum maxItems
  maxLength maxProperties minContains minimum minItems minLength minProperties multipleOf pattern readOnly required title type uniqueItems
  writeOnly`)
const KEYWORDS = new Set([...HOLDS_SCHEMA, ...HOLDS_SCHEMAS, ...HOLDS_LIST, ...OTHERS])
const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']

/** Problems of a schema, at paths below it. `validators` compile it, and keep it for the values to come. */
export function checkUserSchema(schema: object, validators: () => Validators): Finding[] {
  // Always: ajv knows keywords that nobody here may use, such as $async.
  const findings = walk(schema as Schema, [])
  if (findings.length > 0) return [...findings, ...againstMeta(schema)]
  try {
    validators().check(schema, null, 'value')
    return []
  } catch (error) {
    const broken = againstMeta(schema)
    if (broken.length > 0) return broken
    return [{ path: [], at: 'value', rule: 'schema', message: `not a usable JSON Schema: ${oneLine(error)}` }]
  }
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/))
}

/** Keywords, types, formats and patterns, of which the meta-schema tells little. */
function walk(schema: unknown, path: Path): Finding[] {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return []
  const findings: Finding[] = []
  for (const [key, value] of Object.entries(schema)) {
    const below = [...path, key]
    const object = typeof value === 'object' && value !== null
    if (!KEYWORDS.has(key)) findings.push({ path: below, at: 'key', rule: 'unknown-keyword', message: unknownKeyword(key) })
    else if (key === 'type') findings.push(...checkType(value, below))
    else if (key === 'format') findings.push(...checkFormat(value, below))
    else if (key === 'pattern') findings.push(...checkPattern(value, below))
    else if (HOLDS_SCHEMA.has(key)) findings.push(...walk(value, below))
    else if (HOLDS_LIST.has(key) && Array.isArray(value)) findings.push(...value.flatMap((part, i) => walk(part, [...below, i])))
    else if (HOLDS_SCHEMAS.has(key) && object)
      findings.push(...Object.entries(value as object).flatMap(([name, part]) => walk(part, [...below, name])))
  }
  return findings
}

function unknownKeyword(key: string): string {
  const near = nearest(key, KEYWORDS)
  return `JSON Schema has no such keyword${near === undefined ? '' : `; nearest: ${near}`}`
}

function checkType(value: unknown, path: Path): Finding[] {
  const list = Array.isArray(value) ? value : [value]
  return list.flatMap((type: unknown, i) => {
    if (typeof type === 'string' && TYPES.includes(type)) return []
    const place = Array.isArray(value) ? [...path, i] : path
    const wrong =
      typeof type === 'string'
        ? `${describeValue(type)} is no type${suggest(type, TYPES)}`
        : `wanted ${describeType('string')}, found ${describeValue(type)}`
    return [{ path: place, at: 'value' as const, rule: 'schema-type', message: wrong }]
  })
}

function checkFormat(value: unknown, path: Path): Finding[] {
  const formats = Object.keys(metaValidator().formats)
  if (typeof value !== 'string' || formats.includes(value)) return []
  return [{ path, at: 'value', rule: 'schema-format', message: `${describeValue(value)} is no format${suggest(value, formats)}` }]
}

function checkPattern(value: unknown, path: Path): Finding[] {
  try {
    if (typeof value === 'string') RegExp(value, 'u')
    return []
  } catch (error) {
    return [{ path, at: 'value', rule: 'schema-pattern', message: oneLine(error) }]
  }
}

function oneLine(error: unknown): string {
  return (error as Error).message.replace(/\s+/g, ' ').slice(0, 200)
}

let meta: Ajv2020 | undefined

function metaValidator(): Ajv2020 {
  if (meta !== undefined) return meta
  meta = new Ajv2020({ allErrors: true, verbose: true, strict: false })
  // The package's types describe its CommonJS form, where the function is the default export of the default export.
  ;(addFormats as unknown as (ajv: Ajv2020) => void)(meta)
  return meta
}

/** What the meta-schema of JSON Schema has against it. Types are left to {@link checkType}. */
function againstMeta(schema: object): Finding[] {
  const validate = metaValidator().getSchema('https://json-schema.org/draft/2020-12/schema')
  if (validate === undefined || validate(schema) === true) return []
  const seen = new Set<string>()
  const errors = (validate.errors ?? []).filter((error: ErrorObject) => {
    const key = `${error.instancePath} ${error.keyword} ${JSON.stringify(error.params)}`
    if (seen.has(key) || /\/type(\/\d+)?$/.test(error.instancePath)) return false
    seen.add(key)
    return true
  })
  return explain(errors, { base: [], spoiled: new Set(), written: new Map(), against: () => undefined })
}
