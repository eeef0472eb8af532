/** Checks a configuration against the schemas and fills in the defaults: the file as a whole, and each instance by its type. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import configSchema from '../../schemas/config.schema.json' with { type: 'json' }
import { instanceSchema, vocabulary } from '../../schemas/instance.js'
import type { AdapterType } from '../adapter.js'
import type { ConfigDocument } from './document.js'
import { explain } from './explain.js'
import type { Context } from './explain.js'
import type { Finding, Path } from './problem.js'

/** Compiled when first used: schemas do not change while the process runs. */
let shared: { readonly ajv: Ajv2020; readonly compiled: WeakMap<object, ValidateFunction> } | undefined

function compiler(): NonNullable<typeof shared> {
  if (shared !== undefined) return shared
  // Our own schemas are checked against the meta-schema by the tests; compiling that takes longer than all of them.
  const trusted = { meta: false, validateSchema: false } as const
  const lenient = { strictRequired: false, allowUnionTypes: true } as const
  const ajv = new Ajv2020({ ...trusted, strict: true, ...lenient, allErrors: true, verbose: true, useDefaults: true, discriminator: true })
  // The package's types describe its CommonJS form, where the function is the default export of the default export.
  ;(addFormats as unknown as (ajv: Ajv2020) => void)(ajv)
  // tsType: see orderMaps; refusal: see explain.ts. What the formats refer to is known only when all instances are planned: references.ts.
  ajv.addVocabulary(vocabulary)
  ajv.addFormat('device', true)
  ajv.addFormat('device/codename', true)
  shared = { ajv, compiled: new WeakMap() }
  return shared
}

function compiled(schema: object, make: () => object = () => schema): ValidateFunction {
  const { ajv, compiled } = compiler()
  let validate = compiled.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(make())
    compiled.set(schema, validate)
  }
  return validate
}

/** Fills defaults into `document.data`. */
export function checkFile(document: ConfigDocument, spoiled: ReadonlySet<string>): Finding[] {
  return check(compiled(configSchema), document.data, { base: [], spoiled, written: document.written })
}

/** Fills the type's defaults into the entry. */
export function checkInstance(
  type: AdapterType,
  entry: object,
  base: Path,
  document: ConfigDocument,
  spoiled: ReadonlySet<string>
): Finding[] {
  const validate = compiled(type.configSchema, () => instanceSchema(type.type, type.configSchema))
  return check(validate, entry, { base, spoiled, written: document.written }, sharedKeys)
}

/**
 * Mappings whose order matters become Maps, because an object moves names like `21984878` to the front. Their schema says so
 * with `tsType: ReadonlyMap<string, …>`, which is also what the generated type becomes. Changes the entry.
 */
export function orderMaps(type: AdapterType, entry: object, base: Path, document: ConfigDocument): object {
  const { properties } = type.configSchema as { properties?: Record<string, { tsType?: string }> }
  const members = entry as Record<string, unknown>
  for (const [key, { tsType }] of Object.entries(properties ?? {})) {
    const mapping = members[key]
    if (tsType?.startsWith('ReadonlyMap<') !== true || typeof mapping !== 'object' || mapping === null) continue
    members[key] = new Map(document.keys([...base, key]).map((name) => [name, (mapping as Record<string, unknown>)[name]]))
  }
  return entry
}

/** What all instances have is checked with the file as a whole. */
const sharedKeys = new Set(['id', 'type'])

function check(validate: ValidateFunction, value: unknown, context: Omit<Context, 'against'>, except?: ReadonlySet<string>): Finding[] {
  if (validate(value)) return []
  const errors = (validate.errors ?? []).filter(({ keyword, instancePath, params }) => {
    const key =
      keyword === 'required' && instancePath === ''
        ? String((params as { missingProperty: string }).missingProperty)
        : instancePath.slice(1)
    return except?.has(key) !== true
  })
  return explain(errors, {
    ...context,
    against: (schema, part) => {
      try {
        const branch = compiled(schema)
        return branch(part) ? [] : (branch.errors ?? [])
      } catch {
        return undefined
      }
    }
  })
}
