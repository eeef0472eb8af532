/** The newest readings first, of a history that is read from the oldest on. */
import type { Exact } from '../adapter.js'
import { GatewayError } from '../errors.js'
import { formatTime } from '../time.js'
import type { Most } from './fetch.js'
import type { Point, Question } from './types.js'

/** As {@link History} has it. */
export interface Reader {
  readings(question: Question, signal?: AbortSignal, wanted?: Partial<Most>): AsyncIterable<readonly Point[]>
}

/** Seconds of the first stretch that is read; each further one is larger. */
const first = 60
const growth = 4

/** Readings looked at for one that is wanted, before the stretch is halved: there are many more in it than thought. */
const most = 8

/** The same of their bytes: a stretch of spectra is a short one. And what is held of one and the same time. */
const mostBytes = 2_097_152
const mostOfOne = 16_777_216

/** What a time can tell apart. */
const tick = 1e-6

/**
 * In stretches backwards from now, each read forward: of those with too many readings only the later half. At most `wanted` and one more are
 * held in memory, and a fixed multiple of them is read.
 */
export async function* newestFirst(
  reader: Reader,
  { from, to, ...which }: Question,
  wanted: number,
  now: number,
  signal?: AbortSignal
): AsyncGenerator<readonly Point[]> {
  let left = wanted
  let until = to
  // Those ahead of our clock in one stretch: they are few, however far ahead they are.
  let begin = Math.max(from, to > now ? now : to - first)
  while (left > 0 && until > from) {
    const found = await last(reader, { ...which, from: begin, to: until }, left, signal)
    if (found === undefined) {
      begin += (until - begin) / 2
      continue
    }
    if (found.length > 0) yield found.reverse()
    left -= found.length
    const width = begin === now ? 0 : until - begin
    until = begin
    begin = Math.max(from, until - Math.max(width * growth, first))
  }
}

/** The last ones of a stretch; undefined when it holds too many to look through. */
async function last(reader: Reader, question: Question, wanted: number, signal: AbortSignal | undefined): Promise<Point[] | undefined> {
  const isOne = question.to - question.from <= 2 * tick
  const bound = isOne ? Infinity : wanted * most + 1000
  let [seen, bytes] = [0, 0]
  let kept: Point[] = []
  for await (const points of reader.readings(question, signal, { readings: Math.min(wanted + 1, 500) })) {
    seen += points.length
    for (const { value } of points) bytes += weightOf(value)
    if (seen > bound || (!isOne && bytes > mostBytes && seen > 1)) return undefined
    kept.push(...points)
    if (kept.length > 2 * wanted + 1000) kept = kept.slice(-wanted)
    if (bytes > mostOfOne)
      throw new GatewayError('RateLimited', `too many large readings have the time ${formatTime(question.from)}: ask without order, as CSV`)
  }
  return kept.slice(-wanted)
}

/** Bytes of what is no number, roughly: only large values matter. */
function weightOf(value: Exact): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  const all = value instanceof Map ? [...value.values()] : (value as readonly Exact[])
  let size = 8 * all.length
  for (const each of all) size += weightOf(each)
  return size
}
