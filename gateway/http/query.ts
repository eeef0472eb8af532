/** Questions of an address are text; here they become what their schema wants. Nothing else is converted anywhere. */

interface Property {
  readonly type?: string
}

/** A text that is not of the type stays one, and the schema refuses it. A parameter that may come several times is always a list. */
export function readQuery(query: Readonly<Record<string, unknown>>, schema: object): Record<string, unknown> {
  const { properties = {} } = schema as { properties?: Record<string, Property & { items?: Property }> }
  return Object.fromEntries(
    Object.entries(query).map(([name, given]) => {
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined
      if (property?.type === 'array')
        return [name, (Array.isArray(given) ? given : [given]).map((item) => readText(item, property.items?.type))]
      return [name, readText(given, property?.type)]
    })
  )
}

function readText(given: unknown, type: string | undefined): unknown {
  if (typeof given !== 'string') return given
  if (type === 'integer' && /^-?\d{1,15}$/.test(given)) return Number(given)
  if (type === 'number' && /^-?\d{1,20}(\.\d{1,20})?$/.test(given)) return Number(given)
  if (type === 'boolean' && (given === 'true' || given === 'false')) return given === 'true'
  return given
}
