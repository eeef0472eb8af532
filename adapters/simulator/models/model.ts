import type { Codename, Exact, ExactMap } from '../../../gateway/adapter.js'
import { GatewayError } from '../../../gateway/errors.js'
import type { Random } from '../random.js'

/** Codename to value, every codename that has a reading, in declared order. */
export type Readings = Readonly<Record<string, Exact>>

/** An instrument as state and rules: no clock, no timer, no host. Whoever holds it says how much time has passed. */
export interface Model {
  /** What there is to read, set and call. */
  readonly codenames: Readonly<Record<string, Codename>>
  /** Lets `seconds` pass (0: none) and says what the instrument reports then. The same seed and steps give the same readings. */
  step(seconds: number, random: Random): Readings
  /** Sets a codename to a value that keeps to its schema. Throws a GatewayError when the instrument refuses. */
  set(codename: string, value: Exact): void
  /** Starts an action. Throws a GatewayError when the instrument refuses. */
  call(codename: string, args: Exact): Task
  /** Breaks a running action off. */
  cancel(task: Task): void
}

/** An action under way; `step` moves it on. */
export interface Task {
  /** Seconds until it is worth looking again. */
  remaining: number
  /** Set once, when it is over. */
  outcome?: { readonly value: Exact } | { readonly error: GatewayError }
}

/** A task that was over at once. */
export function done(value: Exact): Task {
  return { remaining: 0, outcome: { value } }
}

/** The refusal of a set or call that the codename does not take. */
export function readOnly(codename: string): GatewayError {
  return new GatewayError('ReadOnly', `${codename} takes no such command; its meta says whether it is settable or callable`)
}

/** The refusal while an action of the same instrument runs. */
export function busy(what: string): GatewayError {
  return new GatewayError('Busy', `${what}; wait for its reply`, { code: 'busy' })
}

/** The float that is shown with so many digits behind the point; never -0. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) + 0
}

/** A member of a call's arguments as float; `otherwise` when it was left out. */
export function argument(args: Exact, name: string, otherwise: number): number {
  const value = args instanceof Map ? (args as ExactMap).get(name) : undefined
  return value === undefined || value === null ? otherwise : Number(value)
}

/** Time that counts as none: what is left of a duration after it was added up in parts. */
export const instant = 1e-6
