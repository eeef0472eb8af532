/** A point that a real pull socket gave, as a reading: which time is believed, and what is no measurement. Pure. */
import type { Exact } from '../../gateway/adapter.js'

export type Kind = 'date' | 'data'

export interface Point {
  readonly x: Exact
  readonly y: Exact
}

export type Judged =
  /** `doubt`: the clock of the source is wrong, and how. */
  | { readonly kind: 'time'; readonly time: number; readonly doubt?: string }
  /** Data sockets: x has nothing to do with time, and of that nothing is said. */
  | { readonly kind: 'no-time' }
  /** The point that a socket without time-outs serves before its first (section 4.2): after a restart, in place of data. */
  | { readonly kind: 'unset' }
  | { readonly kind: 'refused'; readonly reason: string }

/** Seconds ahead of our clock above which a time is not believed; as the gateway has it. */
const future = 60

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
  if (time - now > future) return { kind: 'time', time, doubt: `its times are more than ${future} s ahead: look at its clock, and at ours` }
  return { kind: 'time', time }
}

function isZero(value: Exact): boolean {
  return value === 0 || value === 0n
}
