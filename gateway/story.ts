import { parseExact, toPlain } from '../adapters/common/exact-json.js'
import type { Entry } from './devices.js'
import type { Brief } from './brief.js'
import type { ErrorClass } from './errors.js'
import type { Op, Quality, Ref, Source } from './adapter.js'
import { sentence } from './story-text.js'
import type { Step } from './stories.js'
import { formatTime } from './time.js'

/** What is kept of one step: never the value itself, which may be large. */
export interface Moment {
  readonly what: Step['what'] | 'reading'
  /** Unix seconds, for people. */
  readonly at: number
  /** Seconds since the command was asked, by a clock that does not jump. */
  readonly after: number
  readonly instance?: string | undefined
  readonly value?: Brief | undefined
  readonly error?: SaidError | undefined
  /** See {@link Step}. */
  readonly waited?: number | undefined
  readonly unheard?: boolean | undefined
  /** With `asked`: how often again, with the same id. */
  readonly times?: number
}

export interface SaidError {
  readonly class: ErrorClass
  readonly message: string
  readonly retryable: boolean
  readonly maybeExecuted?: true
  readonly code?: string
  readonly rule?: string
}

/** The first reading of the codename that came after the command was begun. */
export interface After {
  readonly value: Brief
  readonly quality: Quality
  readonly unit?: string | undefined
  readonly source?: Source | undefined
  /** When measured, and when it arrived; Unix seconds. */
  readonly time: number
  readonly at: number
  /** Seconds from the beginning of the command to its arrival. */
  readonly later: number
  /** Seconds from the beginning to the measurement, by the source's clock; less than 0: it was measured before. Left out: it told no time. */
  readonly measured?: number | undefined
  /** Other commands for the codename that began before it came, and may have caused it. */
  readonly others: number
}

/** A command from the question to what came of it. */
export interface Story extends Ref {
  /** Counts stories. */
  readonly n: number
  readonly id: string
  readonly op: Op
  readonly client: string
  readonly check: boolean
  readonly earlier: boolean
  /** Of the first step: Unix and monotonic seconds. */
  readonly at: number
  readonly monotonic: number
  readonly asked: Brief | undefined
  readonly moments: Moment[]
  phase: Phase
  instance: string | undefined
  /** What came of it. */
  value: Brief | undefined
  error: SaidError | undefined
  /** Since when a reading may come of it: Unix and monotonic seconds; NaN: it has not begun. */
  begunAt: number
  begun: number
  /** When it ended, Unix seconds, and how long after the first step; NaN: it has not. */
  ended: number
  duration: number
  after: After | undefined
  entry: Entry | undefined
  /** Readings that were taken for its own so far. */
  readings: number
  /** Characters that it holds, about. */
  size: number
  /** The one before and the one after it with the same id. */
  before: Story | undefined
  next: Story | undefined
}

/** `repeated`: nothing but the same question again, of which the first is not told any more. */
export type Phase = 'asked' | 'begun' | 'accepted' | 'done' | 'failed' | 'refused' | 'repeated'

/** A story as people see it. */
export interface StoryView extends Ref {
  readonly id: string
  readonly op: Op
  readonly client: string
  /** Who carries it out; left out: nobody did, or the native device. */
  readonly instance?: string
  readonly phase: Phase
  readonly check?: true
  readonly started: string
  readonly ended?: string
  /** Seconds. */
  readonly duration?: number
  /** What was asked for, and what came of it. What is long is the beginning of its JSON, as text. */
  readonly asked?: unknown
  readonly value?: unknown
  readonly error?: SaidError
  readonly steps: readonly StepView[]
  readonly reading?: ReadingView
}

export interface StepView {
  readonly at: string
  /** Seconds. */
  readonly after: number
  readonly what: Moment['what']
  readonly instance?: string
  readonly text: string
}

export interface ReadingView {
  readonly value: unknown
  readonly quality: Quality
  readonly time: string
  readonly unit?: string
  readonly source?: Source
  /** Seconds after the command was begun that it arrived. */
  readonly after: number
}

export function view(story: Story): StoryView {
  const { id, device, codename, op, client, instance, phase, check, at, ended, duration, asked, value, error, after } = story
  const moments = [...story.moments]
  if (after !== undefined) {
    const moment: Moment = { what: 'reading', at: after.at, after: story.begun - story.monotonic + after.later }
    const place = moments.findIndex((other) => other.after > moment.after)
    moments.splice(place < 0 ? moments.length : place, 0, moment)
  }
  return {
    id,
    device,
    codename,
    op,
    client,
    ...(instance === undefined ? {} : { instance }),
    phase,
    ...(check ? { check } : {}),
    started: formatTime(at),
    ...(Number.isNaN(ended) ? {} : { ended: formatTime(ended), duration: rounded(duration) }),
    ...(asked === undefined ? {} : { asked: plain(asked) }),
    ...(value === undefined ? {} : { value: plain(value) }),
    ...(error === undefined ? {} : { error }),
    steps: moments.map((moment) => stepView(story, moment)),
    ...(after === undefined ? {} : { reading: readingView(after) })
  }
}

function stepView(story: Story, moment: Moment): StepView {
  const { at, after, what, instance } = moment
  return {
    at: formatTime(at),
    after: rounded(after),
    what,
    ...(instance === undefined ? {} : { instance }),
    text: sentence(story, moment)
  }
}

function readingView({ value, quality, time, unit, source, later }: After): ReadingView {
  return {
    value: plain(value),
    quality,
    time: formatTime(time),
    ...(unit === undefined ? {} : { unit }),
    ...(source === undefined ? {} : { source }),
    after: rounded(later)
  }
}

/** As MQTT shows it, where it is whole: integers beyond 2^53 keep their digits. NaN and what is cut stays text. */
function plain({ text, whole }: Brief): unknown {
  const parsed = whole ? parseExact(text) : undefined
  return parsed?.ok ? toPlain(parsed.value) : text
}

/** To microseconds. */
export function rounded(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6
}
