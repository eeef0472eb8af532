/** What came of a group's call at each rig. */
import type { Exact, ExactMap } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { concealed } from './conceal.js'
import { refusal } from './group-line.js'
import type { Why } from './group-line.js'
import { tookMs } from './took.js'
import type { Took } from './took.js'

export type Outcome =
  /** `elements` are null where the echo was enough; steps are left out where there was none. */
  | ({ readonly kind: 'done'; readonly elements: readonly Exact[] | null; readonly note?: string } & Took)
  | { readonly kind: 'failed'; readonly error: GatewayError }
  /** Nothing was sent to it. */
  | { readonly kind: 'skipped'; readonly reason: string }

/** The call as a group reports it: `{"rigs": {name: …}}` in the order of the group. `interrupts` are what followed a failure by itself. */
export function resultOf(
  names: readonly string[],
  outcomes: ReadonlyMap<string, Outcome>,
  interrupts: ReadonlyMap<string, Outcome> = new Map()
): ExactMap {
  const rigs = names.flatMap((name): [string, Exact][] => {
    const [outcome, interrupted] = [outcomes.get(name), interrupts.get(name)]
    if (outcome === undefined) return []
    const members = membersOf(outcome)
    return [[name, new Map(interrupted === undefined ? members : [...members, ['interrupted', new Map(membersOf(interrupted))]])]]
  })
  return new Map([['rigs', new Map(rigs)]])
}

/** May the rig have carried it out? */
export function mayHaveDone(outcome: Outcome | undefined): boolean {
  return outcome?.kind === 'done' || (outcome?.kind === 'failed' && outcome.error.maybeExecuted)
}

/**
 * The class and code that all failures share, or a DeviceError, as the rigs are at fault and not the caller. `why`: the call was halted,
 * which is all that failed where no rig did.
 */
export function failureOf(message: string, outcomes: ReadonlyMap<string, Outcome>, why?: Why): GatewayError {
  const [first, ...others] = [...outcomes.values()].flatMap((outcome) => (outcome.kind === 'failed' ? [outcome.error] : []))
  const maybeExecuted = [...outcomes.values()].some(mayHaveDone)
  if (first === undefined && why !== undefined) return refusal(why, message, maybeExecuted)
  const isSame = others.every((error) => error.class === first?.class && error.code === first.code)
  if (first === undefined || !isSame) return new GatewayError('DeviceError', message, { maybeExecuted })
  return new GatewayError(first.class, message, { maybeExecuted, ...(first.code === undefined ? {} : { code: first.code }) })
}

function membersOf(outcome: Outcome): [string, Exact][] {
  if (outcome.kind === 'skipped') return [['skipped', outcome.reason]]
  if (outcome.kind === 'failed') return [['error', errorOf(outcome.error)]]
  const { elements, note } = outcome
  return [
    ['answer', elements === null ? null : concealed(undefined, elements)],
    ['tookMs', tookMs(outcome)],
    ...(note === undefined ? [] : [['note', note] as [string, Exact]])
  ]
}

function errorOf({ class: errorClass, code, message, maybeExecuted }: GatewayError): ExactMap {
  const named: [string, Exact][] = code === undefined ? [] : [['code', code]]
  return new Map<string, Exact>([['class', errorClass], ...named, ['message', message], ['maybeExecuted', maybeExecuted]])
}
