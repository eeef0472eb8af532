/** A plot in words, for those who cannot see it, and as a table. Pure. */
import { formatNumber } from '../format.js'
import { within } from './data.js'
import type { Extent } from './axes.js'
import { isDrawn } from './sample.js'
import type { Sample, Trust } from './sample.js'
import { showTime } from './ticks.js'
import type { Window } from './range.js'

export interface Summary extends Partial<Extent> {
  readonly count: number
  /** The last one in the window, whatever it is worth. */
  readonly latest: Sample | undefined
}

/** Of what lies in the window. */
export function summaryOf(samples: readonly Sample[], window: Window): Summary {
  let min = Infinity
  let max = -Infinity
  let count = 0
  let latest: Sample | undefined
  for (const sample of within(samples, window)) {
    if (sample.to < window.from || sample.from > window.to) continue
    latest = sample
    if (!isDrawn(sample)) continue
    count += sample.count
    if (sample.min !== null) min = Math.min(min, sample.min)
    if (sample.max !== null) max = Math.max(max, sample.max)
  }
  return { count, latest, ...(min <= max ? { min, max } : {}) }
}

/** Lowest and highest of all that is shown of them; of a window between two readings, those two. */
export function extentOf(tracks: readonly (readonly Sample[])[], window: Window): Extent | undefined {
  let min = Infinity
  let max = -Infinity
  const look = (sample: Sample): void => {
    if (!isDrawn(sample) || sample.min === null || sample.max === null) return
    min = Math.min(min, sample.min)
    max = Math.max(max, sample.max)
  }
  const parts = tracks.map((samples) => within(samples, window))
  for (const part of parts) for (const sample of part) if (sample.to >= window.from && sample.from <= window.to) look(sample)
  if (min > max) for (const part of parts) for (const sample of part) look(sample)
  return min <= max ? { min, max } : undefined
}

/** Of each quality a sign and a word: never a colour alone. */
export const trustSigns: Readonly<Record<Trust, { readonly sign: string; readonly word: string }>> = {
  good: { sign: '', word: 'good' },
  uncertain: { sign: '≈', word: 'uncertain' },
  stale: { sign: '⊣', word: 'stale' },
  bad: { sign: '✕', word: 'bad' },
  gap: { sign: '…', word: 'nothing known' }
}

/** The value as it is shown, with its unit; of a stretch its mean, lowest and highest. */
export function showValue(sample: Sample, unit: string | undefined, digits?: number): string {
  if (sample.trust === 'gap') return '–'
  const behind = unit === undefined || unit === '' ? '' : ` ${unit}`
  if (sample.trust === 'bad') return sample.text === undefined ? 'no value' : `no value: ${sample.text}`
  if (sample.text !== undefined) return sample.text + behind
  if (sample.value === null) return `${sample.count} readings`
  const mean = formatNumber(sample.value, digits)
  if (sample.count < 2 || sample.min === null || sample.max === null || sample.min === sample.max) return mean + behind
  return `${mean}${behind} (${formatNumber(sample.min, digits)} … ${formatNumber(sample.max, digits)})`
}

/** One sentence on one codename. */
export function inWords(name: string, summary: Summary, unit: string | undefined, digits: number | undefined, span: number): string {
  const { latest, min, max, count } = summary
  if (latest === undefined) return `${name}: nothing in the time shown.`
  const behind = unit === undefined || unit === '' ? '' : ` ${unit}`
  const value = latest.trust === 'gap' ? 'nothing known' : showValue(latest, unit, digits)
  const told = `${name}: latest ${value}, ${trustSigns[latest.trust].word}, at ${showTime(latest.measured, span)}`
  if (min === undefined || max === undefined) return `${told}; ${count} readings shown.`
  return `${told}; lowest ${formatNumber(min, digits)}${behind}, highest ${formatNumber(max, digits)}${behind} of ${count} readings shown.`
}

/** Rows of the table: at most so many, evenly taken, the last one among them. */
export function rowsOf(samples: readonly Sample[], window: Window, most: number): readonly Sample[] {
  const inside = within(samples, window).filter(({ from, to }) => to >= window.from && from <= window.to)
  if (inside.length <= most) return inside
  return Array.from({ length: most }, (_, i) => inside[Math.round((i * (inside.length - 1)) / (most - 1))] as Sample)
}
