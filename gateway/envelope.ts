/** How a command arrives: plain, or in an envelope with id, expires and check. */
import type { Rights } from './access/identity.js'
import type { Codename, Exact, ExactMap, Op } from './adapter.js'
import { toPlain } from '../adapters/common/exact-json.js'
import { GatewayError } from './errors.js'
import { plainValue, understand } from './payload.js'
import type { Understood } from './payload.js'
import { parseTime, timeForm } from './time.js'
import type { Validators } from './validators.js'

export interface Envelope {
  readonly id: string | undefined
  /** The value of a set, the arguments of a call; undefined for a get. */
  readonly value: Exact | undefined
  /** Unix seconds. */
  readonly expires: number | undefined
  readonly check: boolean
  /** See CommandMessage. */
  readonly rights?: Rights | undefined
}

const bare: Envelope = { id: undefined, value: undefined, expires: undefined, check: false }

/** The id of a command that could not be read further, so that its refusal finds the asker. */
export function idOf(payload: Uint8Array): string | undefined {
  try {
    const { value } = understand(payload)
    const id = value instanceof Map ? (value as ExactMap).get('id') : undefined
    return typeof id === 'string' && id.length > 0 && id.length <= 64 ? id : undefined
  } catch {
    return undefined
  }
}

/** Throws a GatewayError for what is neither a plain value nor a proper envelope. */
export function openEnvelope(op: Op, payload: Uint8Array, meta: Codename, validators: Validators): Envelope {
  const understood = understand(payload)
  if (op === 'get') return openGet(understood, validators)
  if (op === 'call') return openCall(understood, validators)
  const { value } = understood
  if (value instanceof Map && (value as ExactMap).has('value')) return envelope('set', value as ExactMap, 'value', validators)
  if (value instanceof Map && isEnvelope(value as ExactMap))
    throw new GatewayError('BadPayload', 'the envelope of a set holds a value: {"id": …, "value": …}', { rule: 'required' })
  if (understood.text === '')
    throw new GatewayError('BadPayload', 'an empty payload sets nothing; send the value, e.g. 300', { rule: 'empty' })
  return { ...bare, value: plainValue(understood, meta, validators, 'value') }
}

function openGet({ value }: Understood, validators: Validators): Envelope {
  return value instanceof Map ? envelope('get', value as ExactMap, undefined, validators) : bare
}

function openCall({ text, value }: Understood, validators: Validators): Envelope {
  if (text.trim() === '') return { ...bare, value: new Map() }
  if (value instanceof Map && isEnvelope(value as ExactMap)) return envelope('call', value as ExactMap, 'arguments', validators)
  if (value === undefined) throw new GatewayError('BadPayload', 'the arguments of a call are JSON: {"arguments": {…}}', { rule: 'json' })
  return { ...bare, value }
}

/** Only members that belong to an envelope, and at least one: `{}` and other objects are the arguments themselves. */
function isEnvelope(value: ExactMap): boolean {
  if (value.has('arguments')) return true
  return value.size > 0 && [...value.keys()].every((key) => key === 'id' || key === 'expires' || key === 'check')
}

function envelope(op: Op, map: ExactMap, member: string | undefined, validators: Validators): Envelope {
  // The payload itself has a schema of its own; here only the envelope's form is at stake.
  const form = Object.fromEntries([...map].map(([key, value]) => [key, key === member ? null : toPlain(value)]))
  const refused = validators.checkMessage(op, form)
  if (refused !== undefined) throw refused
  const { id, expires, check } = form as { id?: string; expires?: string; check?: boolean }
  const time = expires === undefined ? undefined : parseTime(expires)
  if (expires !== undefined && time === undefined) throw new GatewayError('BadPayload', `expires must be ${timeForm}`, { rule: 'format' })
  const value = member === undefined ? undefined : (map.get(member) ?? (op === 'call' && !map.has(member) ? new Map() : null))
  return { id, value, expires: time, check: check ?? false }
}
