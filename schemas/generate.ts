/**
 * Writes what is derived from the schemas: `npm run types`. A test compares the committed files with fresh ones.
 *
 * - schemas/types.ts: one type per schemas/NAME.schema.json, and one per entry of its `$defs`
 * - adapters/FOLDER/types.ts: one type per entry of `$defs` in its config.schema.json, which are the types of adapter
 * - schemas/gateway.schema.json: config.schema.json and all adapters in one, for editors
 */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { compile } from 'json-schema-to-typescript'
import { format } from 'prettier'
import { instanceSchema } from './instance.js'

type Json = null | boolean | number | string | Json[] | JsonObject
type JsonObject = { [key: string]: Json }
/** Path below the root of the repository, with slashes, to text. */
type Files = Map<string, string>

const SCHEMA = '.schema.json'
const COMBINED = 'schemas/gateway.schema.json'

/** All generated files of the repository at `root`. Writes nothing. Throws when two schemas would give types of one name. */
export async function generate(root: string): Promise<Files> {
  const style = JSON.parse(await readFile(join(root, '.prettierrc.json'), 'utf8')) as object
  const files: Files = new Map()
  const adapters = await readAdapters(root)
  files.set('schemas/types.ts', await format(await typesOf(await readPublic(root)), { ...style, parser: 'typescript' }))
  for (const [path, types] of adapters) {
    const schemas = new Map(Object.entries(types).map(([type, schema]) => [`${pascal(type)}Config`, forTypes(schema, new Map())]))
    files.set(posix.join(posix.dirname(path), 'types.ts'), await format(await typesOf(schemas), { ...style, parser: 'typescript' }))
  }
  files.set(COMBINED, await format(JSON.stringify(await combined(root, adapters), null, 2), { ...style, parser: 'json' }))
  return files
}

/** Type name to schema, for each file under schemas/ and each entry of its `$defs`. References are resolved to type names. */
async function readPublic(root: string): Promise<Map<string, JsonObject>> {
  const schemas = new Map<string, JsonObject>()
  for (const file of (await readdir(join(root, 'schemas'))).sort()) {
    if (!file.endsWith(SCHEMA) || `schemas/${file}` === COMBINED) continue
    const { $defs, ...schema } = await readSchema(join(root, 'schemas', file))
    const parts = Object.entries(($defs ?? {}) as Record<string, JsonObject>)
    const names = new Map(parts.map(([key, part]) => [`#/$defs/${key}`, pascal(part['title'] as string)]))
    add(schemas, pascal(file.slice(0, -SCHEMA.length)), forTypes(schema, names))
    for (const [key, part] of parts) add(schemas, names.get(`#/$defs/${key}`) as string, forTypes(part, names))
  }
  return schemas
}

/** Each schema stands alone, so some say the same as another. They must then say it in the same words. */
function add(schemas: Map<string, JsonObject>, name: string, schema: JsonObject): void {
  const other = schemas.get(name)
  if (other !== undefined && !isDeepStrictEqual(other, schema)) throw new Error(`two schemas for the type ${name} differ`)
  schemas.set(name, schema)
}

/** Path of each adapter's config.schema.json to its types of adapter, `id` and `type` included. */
async function readAdapters(root: string): Promise<Map<string, Record<string, JsonObject>>> {
  const adapters = new Map<string, Record<string, JsonObject>>()
  for (const entry of (await readdir(join(root, 'adapters'), { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.isDirectory()) continue
    const path = `adapters/${entry.name}/config${SCHEMA}`
    const schema = await readSchema(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new Error(`${path}: ${error.message}`, { cause: error })
    })
    if (schema === undefined) continue
    const types = Object.entries((schema['$defs'] ?? {}) as JsonObject)
    adapters.set(path, Object.fromEntries(types.map(([type, own]) => [type, instanceSchema(type, own as JsonObject) as JsonObject])))
  }
  return adapters
}

async function readSchema(path: string): Promise<JsonObject> {
  return JSON.parse(await readFile(path, 'utf8')) as JsonObject
}

/** The schema that editors use: an entry of `adapters` is checked by its type. */
async function combined(root: string, adapters: Map<string, Record<string, JsonObject>>): Promise<JsonObject> {
  const config = await readSchema(join(root, 'schemas/config.schema.json'))
  const $defs = config['$defs'] as JsonObject
  const types = Object.assign({}, ...adapters.values()) as JsonObject
  const instance = $defs['instance'] as { properties: { type: JsonObject } & JsonObject } & JsonObject
  return {
    ...config,
    $id: 'https://labgate.invalid/schemas/gateway.schema.json',
    $comment: 'Generated by npm run types. Do not edit.',
    $defs: {
      ...$defs,
      instance: {
        ...instance,
        properties: { ...instance.properties, type: { ...instance.properties.type, enum: Object.keys(types) } },
        allOf: Object.keys(types).map((type) => ({
          if: { required: ['type'], properties: { type: { const: type } } },
          // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema; nobody awaits this
          then: { $ref: `#/$defs/${type}` }
        }))
      },
      ...types
    }
  }
}

async function typesOf(schemas: Map<string, JsonObject>): Promise<string> {
  const parts = ['/** Generated from the JSON Schemas by npm run types. Do not edit. */\n']
  for (const [name, schema] of schemas) {
    parts.push(await compile(schema, name, { bannerComment: '', format: false, additionalProperties: true, unknownAny: true }))
  }
  return parts.join('\n')
}

/** A schema with none of these allows any JSON. */
const TYPED = ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf']

/** Keywords that say what belongs together. They would only add noise to a type that has its properties. */
const CONDITIONS = ['if', 'then', 'else', 'allOf', 'anyOf', 'oneOf', 'not']

/**
 * A copy for json-schema-to-typescript: references become the names of the types they mean, titles (of which it would
 * make types) go, and a property with a default is required, because ajv fills it in.
 */
function forTypes(schema: JsonObject, names: ReadonlyMap<string, string>): JsonObject {
  const { $schema: _schema, $id: _id, $ref, $defs: _defs, title: _title, discriminator: _discriminator, ...copy } = schema
  if (typeof $ref === 'string') {
    const tsType = names.get($ref)
    if (tsType === undefined) throw new Error(`${$ref} is not among the $defs of its file`)
    return { ...copy, tsType }
  }
  delete copy['propertyNames']
  if (!TYPED.some((keyword) => keyword in copy)) return { ...copy, tsType: 'unknown' }
  if (isObject(copy['properties'])) {
    for (const keyword of CONDITIONS) delete copy[keyword]
    const properties = Object.entries(copy['properties'])
    const filled = properties.filter(([, property]) => isObject(property) && 'default' in property).map(([key]) => key)
    copy['required'] = [...new Set([...((copy['required'] ?? []) as string[]), ...filled])]
    copy['properties'] = Object.fromEntries(properties.map(([key, property]) => [key, forTypes(property as JsonObject, names)]))
  }
  for (const keyword of ['items', 'additionalProperties']) {
    if (isObject(copy[keyword])) copy[keyword] = forTypes(copy[keyword], names)
  }
  for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
    if (Array.isArray(copy[keyword])) copy[keyword] = copy[keyword].map((part) => forTypes(part as JsonObject, names))
  }
  return copy
}

function pascal(name: string): string {
  return name.replace(/(?:^|[-_. ])([a-zA-Z])/g, (_match, letter: string) => letter.toUpperCase())
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(argv[1])).href) {
  const root = resolve(dirname(argv[1]), '../..')
  for (const [path, text] of await generate(root)) {
    const old = await readFile(join(root, path), 'utf8').catch(() => undefined)
    if (old === text) continue
    await writeFile(join(root, path), text)
    console.log(`wrote ${relative('.', join(root, path)).split(sep).join('/')}`)
  }
}
