/** How a codename is drawn: a line of numbers, bands of states, or points over another quantity. Pure. */
import { isDrawn } from './sample.js'
import type { Sample } from './sample.js'

export type Kind = 'number' | 'state' | 'xy'

/** What is looked at: the schema of the meta, and the last reading. */
export interface Known {
  readonly schema?: unknown
  readonly value?: unknown
  readonly x?: unknown
}

/** By what its schema says, or else by its last value; without either it is taken for a number. */
export function kindOf({ schema, value, x }: Known): Kind {
  if (x !== undefined && x !== null && Array.isArray(value)) return 'xy'
  const { type, enum: among } = (typeof schema === 'object' && schema !== null ? schema : {}) as { type?: unknown; enum?: unknown }
  const types = (Array.isArray(type) ? type : [type]).filter((name) => name !== 'null' && name !== undefined)
  if (Array.isArray(among) && among.some((one) => typeof one === 'string')) return 'state'
  if (types.length > 0)
    return types.some((name) => name === 'number' || name === 'integer') ? 'number' : types[0] === 'array' ? 'xy' : 'state'
  if (isNumbers(value)) return 'xy'
  return value === undefined || value === null || typeof value === 'number' ? 'number' : 'state'
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number' || one === null)
}

/** A state that held for a while. */
export interface Band {
  readonly from: number
  readonly to: number
  readonly word: string
  /** Several states in a stretch: which ones, and for how long each, is not known. */
  readonly isMixed: boolean
  readonly isUncertain: boolean
}

/** States from one change to the next. The last one goes on to `end`, where `holds` says that it is still so. */
export function bandsOf(samples: readonly Sample[], end: number, holds: boolean): Band[] {
  const bands: Band[] = []
  let open: (Band & { to: number }) | undefined
  const close = (to: number): void => {
    if (open !== undefined && to > open.from) bands.push({ ...open, to })
    open = undefined
  }
  for (const sample of samples) {
    if (!isDrawn(sample)) {
      close(sample.restored === true ? Math.max(open?.to ?? 0, sample.measured) : sample.from)
      continue
    }
    const { word, isMixed } = wordOf(sample)
    const isUncertain = sample.trust === 'uncertain'
    if (open !== undefined && open.word === word && open.isMixed === isMixed && open.isUncertain === isUncertain) open.to = sample.to
    else {
      close(sample.from)
      open = { from: sample.from, to: sample.to, word, isMixed, isUncertain }
    }
    if (sample.ends) close(sample.to)
  }
  if (open !== undefined) close(holds ? Math.max(end, open.to) : open.to)
  return bands
}

/** A boolean of a stretch is known where all its readings were the same. Of texts a stretch knows the number of readings only. */
function wordOf(sample: Sample): { word: string; isMixed: boolean } {
  if (sample.text !== undefined) return { word: sample.text, isMixed: false }
  if (sample.value === null) return { word: 'zoom in for words', isMixed: true }
  if (sample.from === sample.to) return { word: String(sample.value), isMixed: false }
  if (sample.min !== null && sample.min === sample.max) {
    return { word: sample.value === 1 ? 'true' : sample.value === 0 ? 'false' : String(sample.value), isMixed: false }
  }
  return { word: 'changing', isMixed: true }
}

/**
 * Which colour each word of a lane has: those of the schema in their order; of the others, one by its letters, so that it looks the same
 * tomorrow, or the next one that is free.
 */
export function shadesOf(words: Iterable<string>, among: readonly unknown[] | undefined, shades: number): ReadonlyMap<string, number> {
  const given = new Map<string, number>()
  const used = new Set<number>()
  for (const word of [...new Set(words)].sort((a, b) => (a < b ? -1 : 1))) {
    const listed = among?.indexOf(word) ?? -1
    let shade = (listed >= 0 ? listed : word === 'false' ? 0 : word === 'true' ? 1 : lettersOf(word)) % shades
    if (listed < 0) for (let i = 0; i < shades && used.has(shade); i += 1) shade = (shade + 1) % shades
    given.set(word, shade)
    used.add(shade)
  }
  return given
}

function lettersOf(word: string): number {
  let sum = 0
  for (let i = 0; i < word.length; i += 1) sum = (sum * 31 + word.charCodeAt(i)) >>> 0
  return sum
}

/** Points of a reading with `x`; without it the numbers are counted. Pairs that are no two finite numbers are left out. */
export function pointsOf(value: unknown, x: unknown): { readonly xs: number[]; readonly ys: (number | null)[] } {
  const given = Array.isArray(value) ? (value as unknown[]) : []
  const over = Array.isArray(x) ? (x as unknown[]) : undefined
  const pairs: [number, number | null][] = []
  given.forEach((y, i) => {
    const at = over === undefined ? i : over[i]
    if (typeof at === 'number' && Number.isFinite(at)) pairs.push([at, typeof y === 'number' && Number.isFinite(y) ? y : null])
  })
  // A canvas is drawn from left to right.
  pairs.sort((a, b) => a[0] - b[0])
  return { xs: pairs.map(([at]) => at), ys: pairs.map(([, y]) => y) }
}
