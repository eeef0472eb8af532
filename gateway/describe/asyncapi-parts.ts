/** Names and schemas of an AsyncAPI document. */
import { components } from '../http/components.js'
import type { DescribedCodename } from './described.js'

type Json = Readonly<Record<string, unknown>>

/** A reference to a component, or to a channel and what is in it. */
export function ref(...[place, ...names]: [string, ...string[]]): { readonly $ref: string } {
  const path = place === 'channels' ? [place, ...names] : ['components', place, ...names]
  return { $ref: `#/${path.join('/')}` }
}

/** Names that may stand in a reference as they are, each once. */
export class Keys {
  readonly #taken = new Set<string>()

  /** Names of devices and codenames may hold anything, where nothing declares them. */
  of(...names: readonly string[]): string {
    const wanted = names.map((name) => name.replace(/[^A-Za-z0-9_-]/g, '_')).join('.')
    let [key, count] = [wanted, 1]
    while (this.#taken.has(key)) key = `${wanted}_${++count}`
    this.#taken.add(key)
    return key
  }
}

/** The public schemas, and those of codenames, each of which stands once. */
export class Schemas {
  readonly #own = new Map<string, Json>()
  readonly #keys = new Keys()
  readonly #known = new Map<object, Json>()

  /** Of the value; any JSON where nothing is said. */
  value({ device, codename, schema }: DescribedCodename): Json {
    return this.#add(schema, 'value', device, codename)
  }

  /** Of what an action takes or gives back. */
  callable({ device, codename, callable }: DescribedCodename, part: 'arguments' | 'returns'): Json {
    return this.#add(callable?.[part], part, device, codename)
  }

  all(): Readonly<Record<string, Json>> {
    return { ...publicSchemas(), ...Object.fromEntries(this.#own) }
  }

  #add(schema: object | undefined, ...names: readonly string[]): Json {
    if (schema === undefined) return {}
    const known = this.#known.get(schema)
    if (known !== undefined) return known
    const key = this.#keys.of(...names)
    const found = ref('schemas', key)
    this.#known.set(schema, found)
    const { $schema: _schema, $id: _id, ...own } = placed(schema, found.$ref) as Record<string, unknown>
    this.#own.set(key, own)
    return found
  }
}

/** Whose members are data, and no schemas. */
const data: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples'])

/** References within the schema lead to where it stands now. */
function placed(schema: unknown, place: string): unknown {
  if (Array.isArray(schema)) return schema.map((part) => placed(part, place))
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]: [string, unknown]) => {
      if (key === '$ref' && typeof value === 'string' && /^#(\/|$)/.test(value)) return [key, place + value.slice(1)]
      return [key, data.has(key) ? value : placed(value, place)]
    })
  )
}

/** Those of schemas/*.json whose messages are MQTT. */
function publicSchemas(): Readonly<Record<string, Json>> {
  const text = JSON.stringify(components(), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' ? `#/components/schemas/${value.replace(/#$/, '')}` : value
  )
  const found = (JSON.parse(text) as (Json & { $id: string })[]).map(({ $id, ...schema }): [string, Json] => [$id, schema])
  return Object.fromEntries(found.filter(([name]) => !['Problem', 'Device', 'Codename'].includes(name)))
}
