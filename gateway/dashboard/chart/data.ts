/** History and what comes live, as one line. Pure: no page, no clock. */
import { fromAnswer, gapAt, isDrawn, isSame, placeOf } from './sample.js'
import type { HistoryAnswer, Sample } from './sample.js'
import { Tail } from './tail.js'
import type { Window } from './range.js'

/** Seconds before a question within which a reading may have missed its answer. */
const slack = 2

/** What the history was asked for and answered. */
export interface Loaded {
  readonly window: Window
  readonly answer: HistoryAnswer
  /** When it was asked, by the clock that {@link Track.add} is given. */
  readonly asked: number
}

/** Everything that can be drawn of one codename. */
export class Track {
  readonly #tail: Tail
  #history: readonly Sample[] = []
  #all: Sample[] | undefined = []
  #loaded: Loaded | undefined

  constructor(bound?: number) {
    this.#tail = new Tail(bound)
  }

  get loaded(): Loaded | undefined {
    return this.#loaded
  }

  /** Readings and stretches that came live and are held here. */
  get tailed(): number {
    return this.#tail.samples.length
  }

  /** Seconds of a stretch of the history; 0: it gave the readings themselves. */
  get step(): number {
    return this.#loaded?.answer.kind === 'rollups' ? this.#loaded.answer.step : 0
  }

  /** An answer of the history takes the place of the one before. What came live and is in it is forgotten. */
  load(loaded: Loaded): void {
    const { window, answer, asked } = loaded
    this.#loaded = loaded
    this.#history = fromAnswer(answer, Math.min(window.to, asked))
    const isRolled = answer.kind === 'rollups'
    this.#tail.drop((sample, at) => {
      if (sample.time < window.from || sample.time >= window.to) return false
      // The history knows what was while the page was not connected.
      if (at < asked - slack || sample.trust === 'gap') return at <= asked
      return !isRolled && this.#isOld(sample)
    })
    this.#all = undefined
  }

  /** A reading, live. It goes where its time says. False: it was here already. */
  add(sample: Sample, at: number): boolean {
    if (this.#isOld(sample)) return false
    const place = this.#tail.add(sample, at)
    if (place < 0) return false
    const last = this.#all?.at(-1)
    if (this.#all !== undefined && place > 0 && (last === undefined || last.time <= sample.time)) this.#all.push(sample)
    else this.#all = undefined
    return true
  }

  /** The connection was lost: what comes after is not joined to what was before. */
  cut(time: number): void {
    // Two clocks: what came before it was lost came before.
    this.add(gapAt(Math.max(time, this.samples().at(-1)?.time ?? time)), time)
  }

  /** In the order of their places. */
  samples(): readonly Sample[] {
    this.#all ??= merge(this.#history, this.#tail.samples)
    return this.#all
  }

  #isOld(sample: Sample): boolean {
    if (this.step > 0) return false
    if (sample.trust === 'stale') return this.#history.some((other) => isSame(other, sample))
    for (let i = placeOf(this.#history, sample.time) - 1; i >= 0; i -= 1) {
      const other = this.#history[i] as Sample
      if (other.time !== sample.time) return false
      if (isSame(other, sample)) return true
    }
    return false
  }
}

function merge(a: readonly Sample[], b: readonly Sample[]): Sample[] {
  const all: Sample[] = []
  let j = 0
  for (const sample of a) {
    while (j < b.length && (b[j] as Sample).time < sample.time) all.push(b[j++] as Sample)
    all.push(sample)
  }
  while (j < b.length) all.push(b[j++] as Sample)
  return all
}

/** From the last one at or before the window's beginning to the first one after its end. */
export function within(samples: readonly Sample[], { from, to }: Window): readonly Sample[] {
  return samples.slice(Math.max(0, placeOf(samples, from) - 1), placeOf(samples, to) + 1)
}

/** A stretch of time in which nothing is known, or only what is old. */
export interface Blank extends Window {
  readonly trust: 'stale' | 'bad' | 'gap'
}

/** Where nothing is to be drawn, from what ended the line to what began the next one; the last one ends at `now`. */
export function blanks(samples: readonly Sample[], now: number): Blank[] {
  const found: Blank[] = []
  let since: { readonly from: number; readonly trust: Blank['trust'] } | undefined
  for (const sample of samples) {
    if (isDrawn(sample)) {
      if (since !== undefined && sample.from > since.from) found.push({ from: since.from, to: sample.from, trust: since.trust })
      since = sample.ends ? { from: sample.to, trust: 'gap' } : undefined
    } else {
      const trust = sample.trust as Blank['trust']
      // What has become old stays old, whatever else is then told of it; a bad one is bad from its time on.
      const from = sample.restored === true ? Math.min(sample.measured, sample.time) : sample.from
      since = { from: since === undefined ? from : Math.min(since.from, from), trust: since?.trust ?? trust }
    }
  }
  if (since !== undefined && now > since.from) found.push({ from: since.from, to: now, trust: since.trust })
  return found
}

/** The sample that a cursor at `time` means: the nearest one, or the stretch it lies in. Not across what ended a line. */
export function nearest(samples: readonly Sample[], time: number, reach: number): Sample | undefined {
  const place = placeOf(samples, time)
  const before = samples[place - 1]
  const after = samples[place]
  if (before && before.from <= time && time <= before.to) return before
  if (after && after.from <= time && time <= after.to) return after
  const back = before ? time - before.time : Infinity
  const ahead = after ? after.time - time : Infinity
  // Old or gone: that is what holds until the next one, however far the cursor is from it.
  if (before && !isDrawn(before)) return ahead < Math.min(reach, back) ? after : before
  if (Math.min(back, ahead) > reach && before && after) return before
  return back <= ahead ? before : after
}
