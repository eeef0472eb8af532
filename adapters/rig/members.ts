/** What a message tells whoever is called for it, by the names of section 2.1. */
import type { Exact } from '../../gateway/adapter.js'
import { isExactList, isExactMap } from '../common/exact-json.js'
import { concealed } from './conceal.js'
import { readStatus } from './events.js'
import { givenRef } from './server-state.js'
import type { AnsweredEvent } from './server-policies.js'

/**
 * The message's own `exp_ref` (null: it names none), `status` (left out: it has none) and `data`, as a rig that is called takes them, and
 * `elements`, all that follows the event number. Logins are covered, and NaN, which has no place in a command over MQTT, is null.
 */
export function membersOf(event: AnsweredEvent, elements: readonly Exact[]): (readonly [string, Exact])[] {
  const shown = concealed(event, elements).map(finite)
  const [first, second] = shown
  const data = event === 'EXPSTART' || event === 'EXPINFO' ? second : event === 'EXPSTATUS' ? null : first
  const status = event === 'EXPSTATUS' || event === 'EXPINFO' ? first : undefined
  return [
    ['exp_ref', givenRef(event, shown) ?? null],
    ...(status === undefined ? [] : [['status', readStatus(status) ?? status] as const]),
    ['data', data ?? null],
    ['elements', shown]
  ]
}

function finite(value: Exact): Exact {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (isExactList(value)) return value.map(finite)
  return isExactMap(value) ? new Map(Array.from(value, ([name, item]) => [name, finite(item)])) : value
}
