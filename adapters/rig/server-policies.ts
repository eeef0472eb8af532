/** What a rig-server does and answers, by event, as the operator wrote it. */
import type { Exact, Ref } from '../../gateway/adapter.js'
import { fromPlain } from '../common/exact-json.js'
import { refOf } from '../common/ref.js'
import type { EventName } from './events.js'
import type { RigServerConfig } from './types.js'

export type Action =
  | { readonly op: 'get'; readonly ref: Ref }
  | { readonly op: 'set'; readonly ref: Ref; readonly value: Exact }
  /** `arguments` undefined: what is known of the message. */
  | { readonly op: 'call'; readonly ref: Ref; readonly arguments: Exact | undefined }

export type Policy =
  | { readonly kind: 'automatic' | 'same' | 'echo' }
  /** Its reply is the answer. */
  | { readonly kind: 'action'; readonly action: Action }
  /** In order; answered automatically when all are done. */
  | { readonly kind: 'actions'; readonly actions: readonly Action[] }

/** Logins have a policy of their own: `alyx`. */
export type AnsweredEvent = Exclude<EventName, 'ALYX'>

type Written = RigServerConfig['answers'][string]
type WrittenAction = Extract<Written, { readonly get?: string }>

/** Events that the configuration names, and `others`, with what is written there. */
export function policies(answers: RigServerConfig['answers']): (readonly [event: string, policy: Policy])[] {
  return Object.entries(answers).map(([event, written]) => [event, policyOf(written)])
}

export function policyFor(event: AnsweredEvent, answers: RigServerConfig['answers']): Policy {
  return policyOf(answers[event] ?? answers['others'] ?? 'automatic')
}

export function actionsOf(policy: Policy): readonly Action[] {
  if (policy.kind === 'action') return [policy.action]
  return policy.kind === 'actions' ? policy.actions : []
}

function policyOf(written: Written): Policy {
  if (typeof written === 'string') return { kind: written }
  if (isList(written)) return { kind: 'actions', actions: written.map(actionOf) }
  return { kind: 'action', action: actionOf(written) }
}

function actionOf({ get, set, value, call, arguments: given }: WrittenAction): Action {
  if (get !== undefined) return { op: 'get', ref: refOf(get) }
  if (set !== undefined) return { op: 'set', ref: refOf(set), value: exact(value) }
  return { op: 'call', ref: refOf(call ?? ''), arguments: given === undefined ? undefined : exact(given) }
}

/** 20 is an int and 20.5 a float, as in all JSON. */
function exact(written: unknown): Exact {
  return fromPlain(written, { integers: true })
}

// Array.isArray does not narrow a readonly type
function isList(written: Written): written is readonly WrittenAction[] {
  return Array.isArray(written)
}
