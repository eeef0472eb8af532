/** Arguments of a call as an operator writes them, with places for what the message tells: `{ $event: exp_ref }`. */
import { isExactList, isExactMap } from '../common/exact-json.js'
import type { Exact } from '../../gateway/adapter.js'

const key = '$event'

/** What a place may name: see `told` of performer.ts. */
export const eventMembers = ['id', 'session', 'event', 'exp_ref', 'status', 'data', 'elements', 'controller', 'rig'] as const

/** Is there a place anywhere inside? */
export function asksEvent(given: Exact): boolean {
  if (isExactList(given)) return given.some(asksEvent)
  if (!isExactMap(given)) return false
  return placeOf(given) !== undefined || Array.from(given.values()).some(asksEvent)
}

/** Each place with what stands for it; null for what the message does not tell. */
export function filled(given: Exact, told: ReadonlyMap<string, Exact>): Exact {
  if (isExactList(given)) return given.map((item) => filled(item, told))
  if (!isExactMap(given)) return given
  const place = placeOf(given)
  if (place !== undefined) return typeof place === 'string' ? (told.get(place) ?? null) : null
  return new Map(Array.from(given, ([name, item]) => [name, filled(item, told)]))
}

/** Places that name nothing that a message tells, as written. */
export function wrongPlaces(given: Exact): string[] {
  if (isExactList(given)) return given.flatMap(wrongPlaces)
  if (!isExactMap(given)) return []
  const place = placeOf(given)
  if (place === undefined) return Array.from(given.values()).flatMap(wrongPlaces)
  const isKnown = typeof place === 'string' && (eventMembers as readonly string[]).includes(place)
  return isKnown ? [] : [typeof place === 'string' ? place : JSON.stringify(place)]
}

/** An object with this one member and no other. */
function placeOf(given: ReadonlyMap<string, Exact>): Exact | undefined {
  return given.size === 1 ? given.get(key) : undefined
}
