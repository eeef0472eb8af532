/** What is drawn of one codename: a reading, or a stretch of readings with its lowest and highest. Pure: no page, no clock. */
import { parseTime } from '../../time.js'

/** What may be asked of a sample's trust; `gap`: nothing is known from here on (the page was not connected, or the gateway was away). */
export type Trust = 'good' | 'uncertain' | 'stale' | 'bad' | 'gap'

export interface Sample {
  /** Where it stands, Unix seconds: when measured; of a stretch its middle; of a stale one when it became so. */
  readonly time: number
  /** Of a stale one: when it was measured. */
  readonly measured: number
  /** Of a stretch: where it begins and ends. */
  readonly from: number
  readonly to: number
  /** Number to draw; of a stretch the mean. Null: nothing to draw. */
  readonly value: number | null
  readonly min: number | null
  readonly max: number | null
  /** Readings in it. */
  readonly count: number
  readonly trust: Trust
  /** No line goes on from here. */
  readonly ends: boolean
  /** What a text, a boolean or a structure says. */
  readonly text?: string
  /** Stale from before a restart: what was between is not known. */
  readonly restored?: true
}

/** A reading as on MQTT, plus `since` of a stale one out of the history. */
export interface ReadingLike {
  readonly time: string | number
  readonly quality: string
  readonly value: unknown
  readonly since?: string | number | undefined
  readonly source?: string | undefined
  readonly error?: { readonly message?: string; readonly class?: string } | undefined
  readonly unit?: string | undefined
  readonly x?: unknown
}

export interface RollupLike {
  readonly time: string | number
  readonly count: number
  readonly min: number | null
  readonly max: number | null
  readonly mean: number | null
  readonly gap?: boolean | undefined
}

/** The answer of REST `…/history?points=`. */
export type HistoryAnswer =
  | { readonly kind: 'readings'; readonly unit?: string; readonly readings: readonly ReadingLike[] }
  | { readonly kind: 'rollups'; readonly unit?: string; readonly step: number; readonly rollups: readonly RollupLike[] }

/** NaN for what is no time: such a sample is not drawn. */
export function secondsOf(time: string | number | undefined): number {
  return typeof time === 'number' ? time : (parseTime(time ?? '') ?? NaN)
}

/** Characters of a text that is shown. */
const maxText = 80

function wordOf(value: unknown): string | undefined {
  if (value === null || value === undefined || typeof value === 'number') return undefined
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > maxText ? text.slice(0, maxText - 1) + '…' : text
}

/** Booleans count as 0 and 1, as in the roll-ups. */
function numberOf(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/**
 * One reading. `since` is when it became stale, for readings that do not tell: those of MQTT do not.
 * Undefined for what has no time.
 */
export function fromReading(reading: ReadingLike, since?: number): Sample | undefined {
  const measured = secondsOf(reading.time)
  if (Number.isNaN(measured)) return undefined
  const isStale = reading.quality === 'stale'
  const told = secondsOf(reading.since)
  const time = isStale ? Math.max(measured, Number.isNaN(told) ? (since ?? measured) : told) : measured
  const isBad = reading.quality === 'bad' || reading.value === null || reading.value === undefined
  const trust: Trust = isBad ? 'bad' : isStale ? 'stale' : reading.quality === 'uncertain' ? 'uncertain' : 'good'
  const value = isBad ? null : numberOf(reading.value)
  const text = isBad ? (reading.error?.message ?? reading.error?.class) : wordOf(reading.value)
  return {
    time,
    measured,
    from: time,
    to: time,
    value,
    min: value,
    max: value,
    count: 1,
    trust,
    ends: isBad || isStale,
    ...(text === undefined ? {} : { text }),
    ...(reading.source === 'restored' ? { restored: true } : {})
  }
}

/** The stretch of a roll-up; `until` is the end of what was asked, for the last one has not ended yet. */
export function fromRollup(rollup: RollupLike, step: number, until: number): Sample | undefined {
  const from = secondsOf(rollup.time)
  if (Number.isNaN(from)) return undefined
  const to = Math.max(from, Math.min(from + step, until))
  const time = (from + to) / 2
  return {
    time,
    measured: time,
    from,
    to,
    value: rollup.mean,
    min: rollup.min,
    max: rollup.max,
    count: rollup.count,
    trust: rollup.count === 0 && rollup.gap === true ? 'gap' : 'good',
    ends: rollup.gap === true
  }
}

/** The samples of an answer, in the order of their places. */
export function fromAnswer(answer: HistoryAnswer, until: number): Sample[] {
  const samples =
    answer.kind === 'readings'
      ? answer.readings.map((reading) => fromReading(reading))
      : answer.rollups.map((rollup) => fromRollup(rollup, answer.step, until))
  return samples.filter((sample) => sample !== undefined).sort((a, b) => a.time - b.time)
}

/** From here on nothing is known: the page lost its connection. */
export function gapAt(time: number): Sample {
  return { time, measured: time, from: time, to: time, value: null, min: null, max: null, count: 0, trust: 'gap', ends: true }
}

/** May a line or a band be drawn at it? */
export function isDrawn(sample: Sample): boolean {
  return sample.trust === 'good' || sample.trust === 'uncertain'
}

/** The same reading twice: out of the history and live, or given again after a reconnect. */
export function isSame(a: Sample, b: Sample): boolean {
  return a.measured === b.measured && a.trust === b.trust && a.value === b.value && a.text === b.text
}

/** Where `time` would stand: the number of samples before or at it. */
export function placeOf(samples: readonly Sample[], time: number): number {
  let low = 0
  let high = samples.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((samples[middle] as Sample).time <= time) low = middle + 1
    else high = middle
  }
  return low
}
