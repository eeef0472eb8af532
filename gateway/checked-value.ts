/** What a command brings, checked against the declaration and the schema of its codename. */
import type { Exact, Op } from './adapter.js'
import { isFiniteExact } from '../adapters/common/exact-json.js'
import type { CommandsOptions } from './command-types.js'
import type { Devices, Entry } from './devices.js'
import { GatewayError, freshValue } from './errors.js'
import { conform } from './validators.js'
import type { Validators } from './validators.js'

export interface Brought {
  readonly op: Op
  /** Undefined: a call without arguments. */
  readonly value?: Exact | undefined
  readonly secret?: boolean | undefined
}

/** The last reading's value; throws why there is none that is good for an answer. */
export function freshOf({ device, codename, meta }: Entry, { latest, whyOffline }: CommandsOptions): Exact {
  const isOffline = whyOffline(device) !== undefined
  return freshValue(latest.get(device, codename), { device, codename, maxAge: meta.maxAge, isOffline })
}

/** The value as its schema wants it; throws the refusal. */
export function checkedValue(
  entry: Entry,
  brought: Brought,
  gateway: { readonly devices: Devices; readonly validators: Validators }
): Exact {
  const { meta, device, codename } = entry
  const { op, value: given, secret } = brought
  const { devices, validators } = gateway
  const hasExecutor = devices.executor(device, codename) !== undefined
  if (secret === true) return checkedSecret(entry, brought, hasExecutor)
  const isAction = meta.callable !== undefined && meta.settable !== true && meta.schema === undefined
  if (op === 'get' && isAction) throw new GatewayError('ReadOnly', `${device}/${codename} is an action: it is called, not read`)
  if (op === 'get') return null
  if (op === 'set' && meta.settable !== true) throw new GatewayError('ReadOnly', `${device}/${codename} is not settable`)
  if (op === 'call' && meta.callable === undefined) throw new GatewayError('ReadOnly', `${device}/${codename} is not callable`)
  const value = given ?? (op === 'call' && given === undefined ? new Map<string, Exact>() : null)
  // In the process a value is exact: a call of a legacy client with NaN gets there. JSON cannot carry it to a native device.
  if (!(op === 'call' && hasExecutor) && !isFiniteExact(value)) throw notFinite(op)
  const schema = op === 'set' ? meta.schema : meta.callable?.arguments
  const refused = schema && validators.check(schema, value, op === 'set' ? 'value' : 'arguments')
  if (refused !== undefined) throw refused
  return conform(schema, value)
}

/** It is between two instances, so nothing about it is declared. */
function checkedSecret({ device, codename }: Entry, { op, value }: Brought, hasExecutor: boolean): Exact {
  if (op !== 'call') throw new GatewayError('ReadOnly', 'only a call can be secret')
  if (!hasExecutor)
    throw new GatewayError('Forbidden', `no instance carries out calls of ${device}/${codename}, and a secret is not published`)
  return value ?? null
}

export function notFinite(op: Op): GatewayError {
  return new GatewayError('NotFinite', `NaN and infinities have no place in a ${op}`)
}
