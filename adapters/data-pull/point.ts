/** A point that a real pull socket gave, as a reading: which time is believed, and what is no measurement. Pure. */
import type { Exact } from '../../gateway/adapter.js'
import { isExactList, isExactMap } from '../common/exact-json.js'

export type Kind = 'date' | 'data'

export interface Point {
  readonly x: Exact
  readonly y: Exact
}

/** A point that is believed, if only in part. */
export type Dated =
  /** `doubt`: the clock of the source is wrong, and how. */
  | { readonly kind: 'time'; readonly time: number; readonly doubt?: string }
  /** Data sockets: x has nothing to do with time, and of that nothing is said. */
  | { readonly kind: 'no-time' }

export type Judged =
  | Dated
  /** The point that a socket without time-outs serves before its first (section 4.2): after a restart, in place of data. */
  | { readonly kind: 'unset' }
  | { readonly kind: 'refused'; readonly reason: string }

/** Seconds ahead of our clock above which a time is not believed; as the gateway has it. */
const future = 60

/** Unix seconds: 2000-01-01. No socket of this family is older. */
const year2000 = 946_684_800

/** How many times too large a time in milliseconds is, give or take what clocks and years may be wrong. */
const thousand = { least: 500, most: 2000 }

/** `now` in Unix seconds. */
export function judge(kind: Kind, { x, y }: Point, now: number): Judged {
  if (isZero(x) && isZero(y)) return { kind: 'unset' }
  if (kind === 'data') return { kind: 'no-time' }
  const time = typeof x === 'number' || typeof x === 'bigint' ? Number(x) : NaN
  if (!Number.isFinite(time)) return { kind: 'refused', reason: 'its x is no time: for a data socket, set kind: data' }
  const ratio = time / now
  if (ratio > thousand.least && ratio < thousand.most)
    return { kind: 'time', time, doubt: 'its times are in milliseconds, it seems: they must be in seconds' }
  if (time < year2000)
    return {
      kind: 'time',
      time,
      doubt: 'its times are before the year 2000: for a data socket, set kind: data; else set the clock of its computer'
    }
  if (time - now > future) return { kind: 'time', time, doubt: `its times are more than ${future} s ahead: look at its clock, and at ours` }
  return { kind: 'time', time }
}

function isZero(value: Exact): boolean {
  return value === 0 || value === 0n
}

/** Whether a value that came back from MQTT may be this one: there ints and floats look alike, and what is not finite is null. */
export function isSameInMqtt(before: Exact, value: Exact): boolean {
  if (isExactList(before))
    return isExactList(value) && before.length === value.length && before.every((one, i) => isSameInMqtt(one, value[i] as Exact))
  if (isExactMap(before))
    return (
      isExactMap(value) &&
      before.size === value.size &&
      [...before].every(([key, one]) => value.has(key) && isSameInMqtt(one, value.get(key) as Exact))
    )
  return plain(before) === plain(value)
}

function plain(value: Exact): Exact {
  if (typeof value !== 'number' && typeof value !== 'bigint') return value
  return Number.isFinite(Number(value)) ? Number(value) : null
}

/** The year 10000, which RFC 3339 cannot write: a reading from then on has the time of its arrival in MQTT. */
const writableUntil = 253_402_300_800

/** Whether a reading of that time may be one of this point; MQTT shows microseconds. */
export function isSameTime(before: number, time: number): boolean {
  return time < 0 || time >= writableUntil || Math.abs(before - time) < 1e-3
}
