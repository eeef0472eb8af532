/** What can be told of a value before anything runs: whether the plain parts of its schema refuse it. The gateway checks all of it. */
import type { Exact } from '../../gateway/adapter.js'
import { isExactList, isExactMap } from '../common/exact-json.js'
import { dumps } from '../common/python-text.js'

/** Why the schema refuses the value; undefined: it may be taken. */
export function misfit(value: Exact, schema: unknown): string | undefined {
  const { type, enum: allowed, minimum, maximum } = (schema ?? {}) as Record<string, unknown>
  const types = typeof type === 'string' ? [type] : Array.isArray(type) ? (type as unknown[]) : undefined
  if (types !== undefined && !typesOf(value).some((one) => types.includes(one)))
    return `wanted ${types.join(' or ')}, found ${dumps(value)}`
  if (Array.isArray(allowed) && !isExactList(value) && !isExactMap(value) && !allowed.some((one) => one === plain(value)))
    return `${dumps(value)} is none of ${allowed.map((one) => JSON.stringify(one)).join(', ')}`
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  if (typeof minimum === 'number' && value < minimum) return `${dumps(value)} is less than ${minimum}`
  return typeof maximum === 'number' && value > maximum ? `${dumps(value)} is more than ${maximum}` : undefined
}

function plain(value: Exact): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}

function typesOf(value: Exact): readonly string[] {
  if (value === null) return ['null']
  if (typeof value === 'bigint') return ['integer', 'number']
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number']
  if (isExactList(value)) return ['array']
  return isExactMap(value) ? ['object'] : [typeof value]
}
