/** Events and states of the rig messages, by name and number, as of iblutil 1.11 (section 2.1 of the notes on the rig messages). */
import { isExactList, isExactMap } from '../common/exact-json.js'
import type { Exact } from '../common/exact-json.js'
import { repr } from '../common/python-text.js'

export type EventName = 'EXPINIT' | 'EXPSTART' | 'EXPEND' | 'EXPCLEANUP' | 'EXPINTERRUPT' | 'EXPSTATUS' | 'EXPINFO' | 'ALYX'

export const numberOf: Readonly<Record<EventName, number>> = {
  EXPINIT: 1,
  EXPSTART: 2,
  EXPEND: 4,
  EXPCLEANUP: 8,
  EXPINTERRUPT: 16,
  EXPSTATUS: 32,
  EXPINFO: 64,
  ALYX: 128
}

export const eventNames = Object.keys(numberOf) as readonly EventName[]

const eventOf: ReadonlyMap<number, EventName> = new Map(eventNames.map((name) => [numberOf[name], name]))

export type StatusName = 'CONNECTED' | 'INITIALIZED' | 'RUNNING' | 'STOPPED'

export const statusNumberOf: Readonly<Record<StatusName, number>> = { CONNECTED: 0, INITIALIZED: 10, RUNNING: 20, STOPPED: 30 }

export const statusNames = Object.keys(statusNumberOf) as readonly StatusName[]

/** What str.strip() of Python takes off, which is not what trim() does. */
const pythonSpace = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const space = new RegExp(pythonSpace)

/** Characters of a name, more than any has: the rest is not even looked at. */
const maxName = 64

/** Which event the first element of a message is; `name` null: a report. The errors are those of the original (section 2.2, table "event"). */
export function classify(
  first: Exact
): { ok: true; number: number; name: EventName | null } | { ok: false; error: 'ValueError' | 'TypeError'; message: string } {
  if (isFalsy(first)) return { ok: true, number: 0, name: null }
  if (typeof first === 'string') {
    const name = nameOf(first)
    if (isEventName(name)) return { ok: true, number: numberOf[name], name }
    return { ok: false, error: 'ValueError', message: `Unrecognized event "${first}".` }
  }
  if (first === true || typeof first === 'bigint') {
    const number = Number(first)
    const name = eventOf.get(number)
    if (name !== undefined) return { ok: true, number, name }
    return { ok: false, error: 'ValueError', message: 'Compound (bitwise) events not permitted.' }
  }
  return {
    ok: false,
    error: 'TypeError',
    message: `Unknown event type <class '${typeof first === 'number' ? 'float' : className(first)}'>`
  }
}

/** A state that a message may carry: the exact name or the exact number, as the original checks what it sends (table "status-to-send"). */
export function statusToSend(
  value: Exact
): { ok: true; number: number; name: StatusName } | { ok: false; error: 'KeyError' | 'ValueError'; message: string } {
  const isInt = typeof value === 'bigint' || typeof value === 'boolean'
  const name = isInt ? statusOf(Number(value)) : statusNames.find((known) => known === value)
  if (name !== undefined) return { ok: true, number: statusNumberOf[name], name }
  if (isInt) return { ok: false, error: 'ValueError', message: `${repr(value)} is not a valid ExpStatus` }
  return { ok: false, error: 'KeyError', message: repr(value) }
}

/** The state that a peer tells, by number or, as older ones do, by name (section 2.1); undefined: none that is known. */
export function readStatus(value: Exact): StatusName | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return statusOf(Number(value))
  if (typeof value !== 'string') return undefined
  const name = nameOf(value)
  return statusNames.find((known) => known === name)
}

export function isEventName(name: string): name is EventName {
  return Object.hasOwn(numberOf, name)
}

/**
 * Without the blanks around it, and in capitals. From both ends, as a pattern that ends in `+$` begins anew at every blank in the middle: one
 * message of a stranger would keep everybody waiting for seconds.
 */
function nameOf(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && space.test(text.charAt(from))) from += 1
  while (to > from && space.test(text.charAt(to - 1))) to -= 1
  return to - from > maxName ? '' : text.slice(from, to).toUpperCase()
}

function statusOf(number: number): StatusName | undefined {
  return statusNames.find((name) => statusNumberOf[name] === number)
}

function isFalsy(value: Exact): boolean {
  if (isExactList(value)) return value.length === 0
  if (isExactMap(value)) return value.size === 0
  // NaN is true in Python.
  return value === null || value === false || value === '' || value === 0n || value === 0
}

function className(value: Exact): string {
  return isExactMap(value) ? 'dict' : 'list'
}
