/** What a rig of iblrig answers to each event (sections 2.1 and 4.1, recordings answer-* and session-raw-to-rig). */
import type { Exact, ExactMap } from '../common/exact-json.js'
import { statusNumberOf } from './events.js'
import type { StatusName } from './events.js'
import type { AnsweredEvent } from './server-policies.js'

/** What a rig knows of itself. */
export interface Known {
  readonly status: StatusName | undefined
  readonly ref: string | null
  /** Members of the info object that the operator gave. */
  readonly info: ExactMap
}

/** The elements after the event number. Undefined: the event needs the status, and it is not known. */
export function automaticAnswer(event: AnsweredEvent, known: Known): readonly Exact[] | undefined {
  const { status: name } = known
  const status = name === undefined ? undefined : BigInt(statusNumberOf[name])
  switch (event) {
    case 'EXPSTATUS':
      return status === undefined ? undefined : [status]
    case 'EXPINIT':
    case 'EXPINFO':
      return status === undefined ? undefined : [status, info(known)]
    case 'EXPSTART':
      return [known.ref, info(known, status ?? null)]
    default:
      return [info(known, status ?? null)]
  }
}

/** In the order of iblrig's. `main_sync: true` is for the one rig whose reference counts. */
function info({ ref, info: given }: Known, status?: Exact): ExactMap {
  const own: readonly (readonly [string, Exact])[] = [
    ['exp_ref', ref],
    ['main_sync', false],
    ['experiment_description', new Map()],
    ['master', false],
    ['rig_version', 'labgate'],
    ['spec_version', '1.0.0']
  ]
  return new Map<string, Exact>([...own, ...given, ...(status === undefined ? [] : [['status', status] as const])])
}
