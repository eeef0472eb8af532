/** Points of the old side and readings of the new one. */
import type { Exact, Latest, Reading, ReadingError, Ref } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { isFiniteExact } from '../common/exact-json.js'
import { RESET, decodePoint, timeOf } from './codec.js'

/** A reset is a reading without a value: gauges clear, old clients get OLD_DATA, and a live-client sends it on as a reset. */
const resetError: ReadingError = {
  class: 'Stale',
  code: RESET,
  message: 'the host reset this codename: a new series begins, and there is no value of it yet',
  retryable: true
}

/** What x is: see config.schema.json. */
export type Axis = 'auto' | 'time' | 'value'

/** Throws a GatewayError for what is no point. */
export function readingOf(ref: Ref, given: Exact, axis: Axis): Reading {
  const point = decodePoint(given)
  const { device, codename } = ref
  if (point.kind === 'reset') return { device, codename, value: null, quality: 'bad', error: resetError, source: 'push' }
  if (point.kind === 'other') throw new GatewayError('BadPayload', 'a point is [x, y] or "RESET"', { rule: 'point' })
  const { x, y: value } = point
  const reading: Reading = { device, codename, value, source: 'push' }
  if (axis === 'value') return { ...reading, x }
  const time = axis === 'time' ? asTime(x) : timeOf(x)
  if (time === 'milliseconds') return { ...reading, x, quality: 'uncertain' }
  return time === undefined ? { ...reading, x } : { ...reading, time: time.seconds }
}

/** What a source calls a time is one, also where it cannot be right; the gateway says so. */
function asTime(x: Exact): { readonly seconds: number } {
  const seconds = typeof x === 'number' || typeof x === 'bigint' ? Number(x) : NaN
  if (!Number.isFinite(seconds)) throw new GatewayError('BadPayload', 'x is no time in Unix seconds', { rule: 'time' })
  return { seconds }
}

/** What a LiveSocket would send for a reading; undefined for a stale one, which is no new point. A bad one has no number to draw. */
export function pointOf({ value, x, time, quality, error, old }: Latest): Exact | undefined {
  if (error?.code === RESET) return RESET
  if (quality === 'stale' || (old && quality !== 'bad')) return undefined
  // NaN of a thermocouple that broke goes on as such.
  return [x ?? time, quality === 'bad' && isFiniteExact(value) ? null : value]
}
