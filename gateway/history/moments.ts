/** From when to when, as people ask it. */
import { GatewayError } from '../errors.js'
import { formatTime, isWritable, parseTime, timeForm } from '../time.js'
import type { Question } from './types.js'

/** After everything that there may be. */
const end = 253_402_300_800

/** Before everything that is kept. */
const beginning = 0

/** Seconds that a question goes back which does not say from when on. */
const usual = 3600

/** Unix seconds that are meant in fact: 1e11 s is the year 5138. */
const mostSeconds = 1e11

const number = /^[+-]?\d+(\.\d+)?$/

/** RFC 3339, Unix seconds, or as a negative number seconds before now. Throws what is to be told. */
export function momentOf(given: string | number, now: number, what: string): number {
  const seconds = typeof given === 'number' ? given : number.test(given) ? Number(given) : undefined
  // In an address a + stands for a blank, and nobody thinks of that.
  const time = seconds === undefined ? parseTime((given as string).replace(/ (?=\d\d:\d\d$)/, '+')) : seconds < 0 ? now + seconds : seconds
  if (time === undefined)
    throw new GatewayError('BadPayload', `${what} must be ${timeForm}; or Unix seconds; or -3600 for an hour ago`, { rule: 'time' })
  if (seconds !== undefined && seconds > mostSeconds)
    throw new GatewayError('RangeError', `${what} is given in seconds; ${given} looks like milliseconds`, { rule: 'time' })
  if (!isWritable(time)) throw new GatewayError('RangeError', `${what} lies outside the years 1 to 9999`, { rule: 'time' })
  return time
}

export interface Asked {
  readonly from?: string | number | undefined
  readonly to?: string | number | undefined
}

export interface Span extends Pick<Question, 'from' | 'to'> {
  /** It ends with the newest reading, whatever its time. */
  readonly isOpen: boolean
}

/** `plot`: it ends now, unless told otherwise; `newest`: it has no beginning then. */
export function spanOf({ from, to }: Asked, now: number, kind: 'plot' | 'oldest' | 'newest'): Span {
  const isOpen = to === undefined && kind !== 'plot'
  const until = to === undefined ? now : momentOf(to, now, 'to')
  const since = from === undefined ? (kind === 'newest' ? beginning : until - usual) : momentOf(from, now, 'from')
  if (since > until && !isOpen)
    throw new GatewayError('RangeError', `from (${formatTime(since)}) is after to (${formatTime(until)})`, { rule: 'time' })
  return { from: since, to: isOpen ? end : until, isOpen }
}
