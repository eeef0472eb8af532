/**
 * Do two parts of a configuration or a plan mean the same? Members of objects have no order, and one that is undefined is not there; the order
 * of maps and lists is meant.
 */
export function same(one: unknown, other: unknown): boolean {
  if (one === other || (one !== one && other !== other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) || Array.isArray(other))
    return Array.isArray(one) && Array.isArray(other) && one.length === other.length && one.every((each, at) => same(each, other[at]))
  if (one instanceof Map || other instanceof Map)
    return one instanceof Map && other instanceof Map && one.size === other.size && sameInOrder([...one], [...other])
  const [its, theirs] = [one as Members, other as Members]
  return (
    Object.keys(its).every((key) => same(its[key], memberOf(theirs, key))) && Object.keys(theirs).every((key) => isIn(its, key, theirs))
  )
}

type Members = Readonly<Record<string, unknown>>

function sameInOrder(one: readonly (readonly unknown[])[], other: readonly (readonly unknown[])[]): boolean {
  return one.every(([key, value], at) => same(key, other[at]?.[0]) && same(value, other[at]?.[1]))
}

function memberOf(members: Members, key: string): unknown {
  return Object.hasOwn(members, key) ? members[key] : undefined
}

function isIn(members: Members, key: string, theirs: Members): boolean {
  return theirs[key] === undefined || Object.hasOwn(members, key)
}
