/** The schema of one whole entry of `adapters`: what the type's own schema says, and `id` and `type`. */
import config from './config.schema.json' with { type: 'json' }

interface ObjectSchema {
  readonly properties?: object
  readonly required?: readonly string[]
}

/** Keys of every type that listens: all that can be exposed to others can be closed to some of them. */
function sourcesOf({ properties = {} }: ObjectSchema): object {
  return 'insecure' in properties ? config.$defs.sources.properties : {}
}

/**
 * A copy of `schema` (the entry of `$defs` in a folder's config.schema.json) in which `id` and `type` are required too, and who listens has what all
 * listeners have.
 */
export function instanceSchema(type: string, schema: ObjectSchema): Record<string, unknown> {
  const id = { ...config.$defs.name, title: 'Id', description: config.$defs.instance.properties.id.description }
  const shared = { id, type: { description: 'Type of the adapter.', const: type } }
  const required = [...new Set(['id', 'type', ...(schema.required ?? [])])]
  return { ...schema, required, properties: { ...shared, ...schema.properties, ...sourcesOf(schema), ...shared } }
}

/**
 * Keywords of our own in schemas of configurations. tsType: the generated type, where a mapping must keep its order.
 * refusal: what to say of a value that is not allowed, where the original program has its own words.
 */
export const vocabulary = ['tsType', 'refusal']
