/**
 * A part of a configuration or a plan as one text: equal texts, equal meaning. Members of objects are sorted, those of maps stay as they are,
 * since their order is meant.
 */
export function canonical(value: unknown): string {
  if (value instanceof Map) return `<${[...(value as Map<unknown, unknown>)].map((pair) => pair.map(canonical).join(':')).join(',')}>`
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return `{${members
      .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
      .sort()
      .join(',')}}`
  }
  return JSON.stringify(value) ?? 'undefined'
}
