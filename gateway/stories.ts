import type { Clock, Exact, Logger, Op, Ref } from './adapter.js'
import { brief, copy, cut } from './brief.js'
import type { Devices, Entry } from './devices.js'
import { told } from './errors.js'
import type { GatewayError } from './errors.js'
import type { Held } from './latest.js'
import { Sparing } from './log.js'
import { Shelf } from './shelf.js'
import { rounded, view } from './story.js'
import type { Moment, SaidError, Story, StoryView } from './story.js'

/** One moment in the life of a command. What is secret (logins) has no steps. */
export interface Step extends Ref {
  /** Unix seconds. */
  readonly at: number
  /**
   * Ends in exactly one of `done`, `failed` and `refused`, but for a question that was `repeated`. `written`: it is on disk, where it waited
   * for that. `late`: an answer that came after the end, and was dropped.
   */
  readonly what: 'asked' | 'checked' | 'written' | 'begun' | 'accepted' | 'done' | 'failed' | 'refused' | 'late'
  /** The one that the reply carries. What one message of the old side causes has one id for all its commands. */
  readonly id: string
  readonly op: Op
  /** MQTT client id, or the id of the instance whose legacy client asked. */
  readonly client: string
  /** With `begun`: the instance that carries it out; left out there: the native device does. */
  readonly instance?: string | undefined
  /** With `asked`: what for; with `done`: what came of it. */
  readonly value?: Exact | undefined
  /** With `failed` and `refused`. */
  readonly error?: GatewayError | undefined
  /** With `asked` and `done`: only whether it would be accepted is asked; nothing is done. */
  readonly check?: boolean | undefined
  /** With `asked`: the same id came again; it gets the same answer, and no further steps. */
  readonly repeated?: boolean | undefined
  /** With `asked`: of an earlier run of the gateway, which crashed meanwhile. */
  readonly earlier?: boolean | undefined
  /** With `asked`: seconds that it has waited for its turn, as another command for the codename was running. */
  readonly waited?: number | undefined
  /** With `done` and `failed`: who asked was let go before, as its time was up. */
  readonly unheard?: boolean | undefined
  /** With `refused`: an MQTT message, which is a dead letter now, and in the log as such. */
  readonly dead?: boolean | undefined
}

export interface StoriesOptions {
  readonly clock: Clock
  readonly devices: Devices
  readonly log: Logger
}

export interface StoriesFilter {
  readonly device?: string | undefined
  readonly codename?: string | undefined
  readonly id?: string | undefined
  /** At most so many; left out: all. */
  readonly limit?: number | undefined
}

/** Of a name, a client's id, a message. */
const longName = 128
const longMessage = 500

/** Commands for one codename that wait for a reading at once; some have none. */
const mostWaiting = 8

/** Readings that are taken for a command's own while they were measured before it began. */
const mostReadings = 3

/** Steps of one story at most. */
const mostSteps = 16

/** What became of the last commands: who asked, what was done, what the device said, and the reading that came after it. */
export class Stories {
  readonly #options: StoriesOptions
  readonly #shelf = new Shelf((story) => {
    if (story.entry !== undefined) this.#waitNoLonger(story.entry, story)
  })
  readonly #waiting = new Map<Entry, Story[]>()
  readonly #sparing: Sparing
  #count = 0

  constructor(options: StoriesOptions) {
    this.#options = options
    this.#sparing = new Sparing(() => options.clock.monotonic())
  }

  /** Every step of every command that is no secret. Never throws. */
  step(step: Step): void {
    if (step.what === 'asked') return this.#asked(step)
    const story = this.#find(step, step.what === 'late' ? isFailed : isOpen)
    if (story === undefined) return
    const monotonic = this.#options.clock.monotonic()
    const { at, what, instance } = step
    const after = monotonic - story.monotonic
    const value = step.value === undefined ? undefined : brief(step.value)
    const error = step.error === undefined ? undefined : saidError(step.error)
    this.#note(story, { what, at, after, value, error, instance, unheard: step.unheard })
    if (what === 'begun') this.#begun(story, at, monotonic, instance)
    else if (what === 'accepted') story.phase = 'accepted'
    else if (what === 'done' || what === 'failed' || what === 'refused') {
      story.phase = what
      story.value = value
      story.error = error
      story.ended = at
      story.duration = after
      this.#shelf.end(story)
      this.#log(story, step.dead === true)
    }
  }

  /** A reading was taken in, or has become stale. */
  take(entry: Entry, held: Held): void {
    if (this.#waiting.size === 0) return
    const stories = this.#waiting.get(entry)
    if (stories !== undefined) this.#reading(entry, stories, held)
  }

  /** The last ones first. */
  find({ device, codename, id, limit = Infinity }: StoriesFilter = {}): StoryView[] {
    return this.#shelf
      .all(id)
      .filter((story) => (device === undefined || story.device === device) && (codename === undefined || story.codename === codename))
      .sort((a, b) => b.n - a.n)
      .slice(0, limit)
      .map(view)
  }

  /** Stories that are kept. */
  get size(): number {
    return this.#shelf.size
  }

  /** Characters in them, about. */
  get characters(): number {
    return this.#shelf.characters
  }

  #asked(step: Step): void {
    const { at, op, check = false, earlier = false, repeated = false, waited = 0, value } = step
    const before = repeated ? this.#find(step, isAny) : undefined
    if (before !== undefined) return this.#again(before, at)
    const entry = this.#options.devices.find(step.device, step.codename)
    const asked = value === undefined || op === 'get' ? undefined : brief(value)
    this.#count += 1
    const story: Story = {
      n: this.#count,
      id: copy(step.id),
      device: entry?.device ?? cut(step.device, longName),
      codename: entry?.codename ?? cut(step.codename, longName),
      op,
      client: cut(step.client, longName),
      check,
      earlier,
      at: at - waited,
      monotonic: this.#options.clock.monotonic() - waited,
      asked,
      moments: [],
      phase: repeated ? 'repeated' : 'asked',
      instance: undefined,
      value: undefined,
      error: undefined,
      begunAt: NaN,
      begun: NaN,
      ended: repeated ? at : NaN,
      duration: repeated ? 0 : NaN,
      after: undefined,
      entry,
      readings: 0,
      size: 200 + step.id.length + (asked?.text.length ?? 0) + (entry === undefined ? 3 : 1) * longName,
      before: undefined,
      next: undefined
    }
    this.#shelf.put(story)
    if (repeated) {
      this.#again(story, at)
      this.#shelf.end(story)
    } else this.#note(story, { what: 'asked', at: story.at, after: 0, waited })
  }

  /** However often: one step, the last. */
  #again(story: Story, at: number): void {
    const { moments } = story
    const after = this.#options.clock.monotonic() - story.monotonic
    const place = moments.findIndex((moment) => moment.times !== undefined)
    const times = (moments[place]?.times ?? 0) + 1
    if (place < 0) return this.#note(story, { what: 'asked', at, after, times })
    moments.splice(place, 1)
    moments.push({ what: 'asked', at, after, times })
  }

  #note(story: Story, moment: Moment): void {
    const { moments } = story
    // Answers may go on coming too late: the last one is told.
    if (moments.length >= mostSteps) moments.pop()
    else
      this.#shelf.grow(story, 100 + (moment.value?.text.length ?? 0) + (moment.error === undefined ? 0 : moment.error.message.length + 50))
    moments.push(moment)
  }

  /**
   * The last story of that command that is `such`: one id may be used for a set and a get at once, and by one message of the old side for
   * the same command twice, of which the second is refused while the first goes on.
   */
  #find({ device, codename, id, op, client }: Step, such: (story: Story) => boolean): Story | undefined {
    let story = this.#shelf.last(id)
    while (story !== undefined) {
      if (story.op === op && isOf(story.codename, codename) && isOf(story.device, device) && isOf(story.client, client) && such(story))
        return story
      story = story.before
    }
    return undefined
  }

  #begun(story: Story, at: number, monotonic: number, instance: string | undefined): void {
    story.begunAt = at
    story.begun = monotonic
    story.phase = 'begun'
    story.instance = instance
    const { entry } = story
    if (entry === undefined) return
    const stories = this.#waiting.get(entry)
    if (stories === undefined) this.#waiting.set(entry, [story])
    else if (stories.push(story) > mostWaiting) stories.shift()
  }

  #reading(entry: Entry, stories: Story[], held: Held): void {
    const { value, quality, unit, source, stamp, sourceTime, arrived } = held
    const others = stories.length - 1
    const at = this.#options.clock.now()
    for (const story of stories.slice()) {
      const later = arrived - story.begun
      // What came before, or was taken already, and has become stale.
      if (later < 0 || later === story.after?.later) continue
      const measured = sourceTime ? stamp - story.begunAt : undefined
      if (story.after === undefined) this.#shelf.grow(story, 300)
      story.after = { value: brief(value), quality, unit, source, time: stamp, at, later, measured, others }
      story.readings += 1
      // One that was measured before cannot come of it, unless that clock is wrong: the next may.
      if (measured === undefined || measured >= 0 || story.readings >= mostReadings) this.#waitNoLonger(entry, story)
    }
  }

  #waitNoLonger(entry: Entry, story: Story): void {
    const stories = this.#waiting.get(entry)
    const place = stories?.indexOf(story) ?? -1
    if (stories === undefined || place < 0) return
    stories.splice(place, 1)
    if (stories.length === 0) this.#waiting.delete(entry)
  }

  /** What changes something is told, with restraint; what was only asked for is for those who look closely. */
  #log(story: Story, isDead: boolean): void {
    const { id, device, codename, op, client, instance, phase, check, duration, asked, value, error, earlier } = story
    const isQuiet = op === 'get' || check || isDead
    const held = isQuiet ? 0 : this.#sparing.pass(client, story.entry)
    if (held === undefined) return
    const fields = {
      id,
      device,
      codename,
      op,
      client,
      phase,
      seconds: rounded(duration),
      ...(instance === undefined ? {} : { via: instance }),
      ...(asked === undefined ? {} : { asked: asked.text }),
      ...(value === undefined ? {} : { value: value.text }),
      ...(error === undefined ? {} : { class: error.class, reason: error.message }),
      ...(check ? { check } : {}),
      ...(earlier ? { earlier } : {}),
      ...(held > 0 ? { heldBack: held } : {})
    }
    this.#options.log[isQuiet ? 'debug' : 'info'](
      fields,
      phase === 'done' ? 'a command was carried out' : `a command ${phase === 'failed' ? 'failed' : 'was refused'}`
    )
  }
}

function isOpen({ ended }: Story): boolean {
  return Number.isNaN(ended)
}

function isFailed({ phase }: Story): boolean {
  return phase === 'failed'
}

function isAny(): boolean {
  return true
}

/** Names that were cut are compared as far as they go. */
function isOf(kept: string, name: string): boolean {
  return kept === name || (name.length > longName && kept === cut(name, longName))
}

function saidError(error: GatewayError): SaidError {
  const { class: errorClass, retryable, maybeExecuted, code, rule } = error
  return {
    class: errorClass,
    message: cut(told(error), longMessage),
    retryable,
    ...(maybeExecuted ? { maybeExecuted } : {}),
    ...(code === undefined ? {} : { code: cut(code, longName) }),
    ...(rule === undefined ? {} : { rule: cut(rule, longName) })
  }
}
