/** The newest readings first, of a history that is read from the oldest on. */
import type { Point, Question } from './types.js'

/** As {@link History} has it. */
export interface Reader {
  readings(question: Question, signal?: AbortSignal): AsyncIterable<readonly Point[]>
}

/** Seconds of the first stretch that is read; each further one is larger. */
const first = 60
const growth = 4

/** Readings looked at for one that is wanted, before the stretch is halved: there are many more in it than thought. */
const most = 8

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
  const bound = question.to - question.from > 2 * tick ? wanted * most + 1000 : Infinity
  let seen = 0
  let kept: Point[] = []
  for await (const points of reader.readings(question, signal)) {
    seen += points.length
    if (seen > bound) return undefined
    kept.push(...points)
    if (kept.length > 2 * wanted + 1000) kept = kept.slice(-wanted)
  }
  return kept.slice(-wanted)
}
