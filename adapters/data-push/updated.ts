import type { Exact } from '../../gateway/adapter.js'
import { repr } from '../common/python-text.js'

/** Characters that keys and values may have in all: `updated` is published whole with each push. The original knows no bound. */
export const maxUpdated = 65_536

/** All pushes merged, a doubled key in its first place as in a Python dict. Beyond the bound the oldest keys are forgotten and counted. */
export function mergePush(
  before: ReadonlyMap<string, Exact>,
  pushed: ReadonlyMap<string, Exact>
): { values: ReadonlyMap<string, Exact>; forgotten: number } {
  const values = new Map([...before, ...pushed])
  let size = 0
  for (const [key, value] of values) size += lengthOf(key, value)
  let forgotten = 0
  for (const [key, value] of values) {
    if (size <= maxUpdated || values.size === 1) break
    values.delete(key)
    size -= lengthOf(key, value)
    forgotten += 1
  }
  return { values, forgotten }
}

function lengthOf(key: string, value: Exact): number {
  return key.length + (typeof value === 'string' ? value.length : repr(value).length)
}
