import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import stringify from 'fast-json-stable-stringify'
import commandSchema from '../schemas/command.schema.json' with { type: 'json' }
import deadLetterSchema from '../schemas/dead-letter.schema.json' with { type: 'json' }
import metaSchema from '../schemas/meta.schema.json' with { type: 'json' }
import readingSchema from '../schemas/reading.schema.json' with { type: 'json' }
import replySchema from '../schemas/reply.schema.json' with { type: 'json' }
import stateSchema from '../schemas/state.schema.json' with { type: 'json' }
import { isFiniteExact } from '../adapters/common/exact-json.js'
import type { Exact, ExactMap } from './adapter.js'
import { GatewayError } from './errors.js'
import type { ErrorClass } from './errors.js'

const published = {
  reading: readingSchema,
  reply: replySchema,
  state: stateSchema,
  meta: metaSchema,
  dead: deadLetterSchema
}

/** What crosses MQTT, by name; the commands have a form each. */
export type Published = keyof typeof published | 'set' | 'get' | 'call' | 'history'

/** Keywords whose breach means: right type, wrong value. */
const rangeKeywords = new Set(
  'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf enum const minLength maxLength pattern format minItems maxItems uniqueItems'.split(
    ' '
  )
)

/**
 * Compiled JSON Schemas, one for each distinct schema however many codenames use it: a compiled schema costs about 42 KiB.
 * Compiled when first used, since compiling takes some 4 ms each on a fast machine.
 */
export class Validators {
  readonly #ajv: Ajv2020
  readonly #compiled = new Map<string, ValidateFunction>()
  /** Canonical text by schema object, so that a schema is stringified once. */
  readonly #texts = new WeakMap<object, string>()
  /** The same for readings with numbers inside that are not finite; made when the first of them comes. */
  #lenient: Validators | undefined

  /** `strictNumbers`: NaN and infinities are no numbers. */
  constructor(strictNumbers = true) {
    this.#ajv = new Ajv2020({
      strict: true,
      // What the standard allows and people write: {type: object, required: [a]}. Unknown keywords stay errors.
      strictTypes: false,
      strictTuples: false,
      strictRequired: false,
      strictNumbers,
      // `constructor` in `required` means a member, not what every object inherits.
      ownProperties: true,
      allErrors: false
    })
    // The package's types describe its CommonJS form, where the function is the default export of the default export.
    const add = addFormats as unknown as (ajv: Ajv2020) => void
    add(this.#ajv)
    // They are our own, and tested: compiling the meta-schema takes longer than all else here.
    this.#ajv.addSchema([commandSchema, ...Object.values(published)], undefined, false, false)
  }

  /** Undefined when the value keeps to the schema; else the refusal, which names the place below `what`. */
  check(schema: object, value: Exact, what: string): GatewayError | undefined {
    const validate = this.#get(schema)
    try {
      if (validate(toChecked(value)) === true) return undefined
    } catch (error) {
      // The comparison of `const` and `enum` trips over members such as `valueOf`.
      return new GatewayError('BadPayload', `${what} cannot be compared with its schema`, { rule: 'schema', cause: error })
    }
    const [error] = validate.errors ?? []
    return refusal(error, value, what)
  }

  /**
   * The same for a reading. One NaN must not cost the other elements of an array: it is shown as null, and the reading as bad
   * (Latest.weigh). A bound such as `minimum` still refuses it.
   */
  checkReading(schema: object, value: Exact, what: string): GatewayError | undefined {
    if (isFiniteExact(value)) return this.check(schema, value, what)
    this.#lenient ??= new Validators(false)
    return this.#lenient.check(schema, value, what)
  }

  /** The same for a whole message as it crosses MQTT, against its public schema. Its class is BadPayload: the form is wrong. */
  checkMessage(kind: Published, message: unknown): GatewayError | undefined {
    const id = kind in published ? published[kind as keyof typeof published].$id : `${commandSchema.$id}#/$defs/${kind}Command`
    const validate = this.#ajv.getSchema(id) as ValidateFunction
    if (validate(message)) return undefined
    const [error] = validate.errors ?? []
    const { message: text, rule } = refusal(error, message, kind === 'dead' ? 'dead letter' : kind)
    return new GatewayError('BadPayload', text, { rule: rule ?? 'schema' })
  }

  /** Forgets what was compiled for other schemas than these: a configuration may change for years. What is wanted again is compiled again. */
  keepOnly(schemas: Iterable<object>): void {
    const kept = [...schemas]
    const texts = new Set(kept.map((schema) => this.#textOf(schema)))
    for (const [text, validate] of this.#compiled) {
      if (texts.has(text)) continue
      this.#compiled.delete(text)
      this.#ajv.removeSchema(validate.schema)
    }
    this.#lenient?.keepOnly(kept)
  }

  /** Schemas that are compiled now. */
  get size(): number {
    return this.#compiled.size
  }

  #textOf(schema: object): string {
    let text = this.#texts.get(schema)
    if (text === undefined) {
      text = stringify(schema)
      this.#texts.set(schema, text)
    }
    return text
  }

  #get(schema: object): ValidateFunction {
    const text = this.#textOf(schema)
    let validate = this.#compiled.get(text)
    if (validate === undefined) {
      // `$id` would clash when the same id is compiled twice in different texts; nothing refers to it.
      const { $id: _, ...anonymous } = JSON.parse(text) as { $id?: string }
      validate = this.#ajv.compile(anonymous)
      // An asynchronous schema answers with a promise: everything would pass.
      if ('$async' in validate) throw new Error('the keyword $async is not allowed')
      this.#compiled.set(text, validate)
    }
    return validate
  }
}

function refusal(error: ErrorObject | undefined, value: unknown, what: string): GatewayError {
  if (error === undefined) return new GatewayError('BadPayload', `${what} breaks its schema`)
  const place = error.instancePath === '' ? what : `${what}${error.instancePath}`
  const shown = error.instancePath === '' && (typeof value !== 'object' || value === null) ? ` (got ${show(value)})` : ''
  const errorClass: ErrorClass = error.keyword === 'type' ? 'WrongType' : rangeKeywords.has(error.keyword) ? 'RangeError' : 'BadPayload'
  return new GatewayError(errorClass, `${place} ${describe(error)}${shown}`, { rule: error.keyword })
}

function describe(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>
  if (error.keyword === 'enum') return `must be one of ${(params['allowedValues'] as unknown[]).map((v) => JSON.stringify(v)).join(', ')}`
  if (error.keyword === 'const') return `must be ${JSON.stringify(params['allowedValue'])}`
  if (error.keyword === 'additionalProperties') return `must not have the member ${JSON.stringify(params['additionalProperty'])}`
  return error.message ?? `breaks the rule ${error.keyword}`
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? text.slice(0, 60) + '…' : text
}

/** Exact to what ajv understands: big integers become doubles, near enough for a bound. Scalars cost nothing. */
function toChecked(value: Exact): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  // fromEntries defines members, where assigning '__proto__' would set the prototype.
  if (value instanceof Map) return Object.fromEntries([...(value as ExactMap)].map(([key, member]) => [key, toChecked(member)]))
  return (value as readonly Exact[]).map(toChecked)
}

/**
 * The value as its schema wants numbers to be: `number` holds floats, so a legacy client reads `47.0`; `integer` holds ints,
 * so it reads `47`. Returns the same object when nothing changes.
 */
export function conform(schema: object | undefined, value: Exact): Exact {
  if (schema === undefined) return value
  const { type, items, properties } = schema as { type?: string | string[]; items?: object | boolean; properties?: Record<string, object> }
  const types = Array.isArray(type) ? type : [type]
  if (typeof value === 'bigint') return types.includes('number') && !types.includes('integer') ? Number(value) : value
  if (typeof value === 'number')
    return types.includes('integer') && !types.includes('number') && Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value) && typeof items === 'object') {
    const conformed = value.map((item: Exact) => conform(items, item))
    return conformed.some((item, i) => item !== value[i] && item === item) ? conformed : value
  }
  if (value instanceof Map && properties !== undefined) {
    let changed = false
    const conformed = new Map<string, Exact>()
    for (const [key, member] of value as ReadonlyMap<string, Exact>) {
      const after = Object.hasOwn(properties, key) ? conform(properties[key], member) : member
      changed ||= after !== member && after === after
      conformed.set(key, after)
    }
    return changed ? conformed : value
  }
  return value
}
