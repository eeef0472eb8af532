/** What a message says when it goes up. Pure. */
import { json } from '../payload.js'
import { hopsOf } from './hops.js'

/** How late it is, and what became of it since. */
export interface Lateness {
  /** It has waited. */
  readonly isLate: boolean
  /** It is a reading, the last of its codename, and old by now. */
  readonly isOld: boolean
}

export type Outgoing = { readonly payload: string } | 'looped'

/**
 * The same JSON with one hop more; what is late says `history`, and an old last reading says `stale`: nothing looks younger than it is. What is no
 * JSON object, as a mirror is not, goes as it is. `canTell`: the payload has a place for `source`.
 */
export function outgoing(text: string, maxHops: number, { isLate, isOld }: Lateness, canTell: boolean): Outgoing {
  const members = objectOf(text)
  if (members === undefined) return { payload: text }
  const hops = hopsOf(members)
  if (hops >= maxHops) return 'looped'
  const told: Record<string, unknown> = { ...members, hops: hops + 1 }
  if (isLate && canTell) told['source'] = 'history'
  if (isOld && (told['quality'] === 'good' || told['quality'] === 'uncertain')) told['quality'] = 'stale'
  return { payload: json(told) }
}

function objectOf(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}
