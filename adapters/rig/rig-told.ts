/** What a message of a rig tells of it: which state, which session, which facts (section 2.1, and section 11 for what is written in MATLAB). */
import { exactEqual, isExactMap } from '../common/exact-json.js'
import type { Exact, ExactMap } from '../common/exact-json.js'
import { readStatus } from './codec.js'
import type { EventName, StatusName } from './events.js'

export interface Told {
  readonly status?: StatusName
  /** As it came. Left out: nothing was said of it, or that there is none. */
  readonly ref?: Exact
  readonly info?: ExactMap
}

/** `sent`: the elements that it answers. A rig that sends the same data back says nothing of itself. */
export function toldBy(event: EventName, elements: readonly Exact[], sent?: readonly Exact[]): Told {
  if (event === 'ALYX') return {}
  const isAsked = event === 'EXPSTATUS' || event === 'EXPINFO'
  if (!isAsked && sent !== undefined && exactEqual(elements, sent)) return refOf(event, elements)
  const info = elements.find(isExactMap)
  // Where a start has its reference, the others have the state, or an object with it.
  const [first] = elements
  const bare = event === 'EXPSTART' || first === undefined ? undefined : readStatus(first)
  const inside = info?.get('status')
  const status = bare ?? (inside === undefined ? undefined : readStatus(inside))
  return {
    ...(status === undefined ? {} : { status }),
    ...refOf(event, elements),
    ...(info === undefined || info.size === 0 ? {} : { info })
  }
}

function refOf(event: EventName, elements: readonly Exact[]): { readonly ref?: Exact } {
  const [first = null] = elements
  const inside = elements.find(isExactMap)?.get('exp_ref')
  const ref = event === 'EXPSTART' && first !== null && !(isExactMap(first) && !first.has('date')) ? first : (inside ?? null)
  return ref === null || ref === '' ? {} : { ref }
}

/** The state after an event that was answered without one, as iblrig's rigs have it. */
export function statusAfter(event: EventName): StatusName | undefined {
  switch (event) {
    case 'EXPINIT':
      return 'INITIALIZED'
    case 'EXPSTART':
      return 'RUNNING'
    case 'EXPEND':
    case 'EXPINTERRUPT':
      return 'STOPPED'
    case 'EXPCLEANUP':
      return 'CONNECTED'
    default:
      return undefined
  }
}
