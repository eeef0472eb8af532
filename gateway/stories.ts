import type { Clock, Exact, Logger, Op, Ref } from './adapter.js'
import { brief, copy, cut } from './brief.js'
import type { Devices, Entry } from './devices.js'
import type { GatewayError } from './errors.js'
import type { Held } from './latest.js'
import { Sparing } from './log.js'
import { micro, view } from './story.js'
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
  readonly instance?: string
  /** With `asked`: what for; with `done`: what came of it. */
  readonly value?: Exact | undefined
  /** With `failed` and `refused`. */
  readonly error?: GatewayError | undefined
  /** With `asked`: only whether it would be accepted is asked; nothing is done. */
  readonly check?: boolean
  /** With `asked`: the same id came again; it gets the same answer, and no further steps. */
  readonly repeated?: boolean
  /** With `asked`: of an earlier run of the gateway, which crashed meanwhile. */
  readonly earlier?: boolean
  /** With `asked`: seconds that it has waited for its turn, as another command for the codename was running. */
  readonly waited?: number
  /** With `done` and `failed`: who asked was let go before, as its time was up. */
  readonly unheard?: boolean
  /** With `refused`: an MQTT message, which is a dead letter now, and in the log as such. */
  readonly dead?: boolean
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

/** Stories kept at most, and characters in them. Those that have not ended stay: the gateway bounds them itself. */
const most = 1000
const mostCharacters = 2_000_000

/** Of a name, a client's id, a message. */
const longName = 128
const longMessage = 500

/** Commands for one codename that wait for a reading at once; some have none. */
const mostWaiting = 8

/** Readings that are taken for a command's own while they were measured before it began. */
const mostReadings = 3

/** What became of the last commands: who asked, what was done, what the device said, and the reading that came after it. */
export class Stories {
  readonly #options: StoriesOptions
  readonly #ended: Story[] = []
  readonly #open = new Set<Story>()
  /** The last story of each id. */
  readonly #byId = new Map<string, Story>()
  readonly #waiting = new Map<Entry, Story[]>()
  readonly #sparing: Sparing
  #characters = 0
  #count = 0

  constructor(options: StoriesOptions) {
    this.#options = options
    this.#sparing = new Sparing(() => options.clock.monotonic())
  }

  /** Every step of every command that is no secret. Never throws. */
  step(step: Step): void {
    if (step.what === 'asked') return this.#asked(step)
    const story = this.#find(step)
    if (story === undefined) return
    const monotonic = this.#options.clock.monotonic()
    const { at, what, instance, unheard = false } = step
    const after = monotonic - story.monotonic
    const value = step.value === undefined ? undefined : brief(step.value)
    const error = step.error === undefined ? undefined : saidError(step.error)
    // Most have nothing more to tell, and there are thousands.
    const isBare = instance === undefined && value === undefined && error === undefined && !unheard
    this.#add(story, isBare ? { what, at, after: micro(after) } : { what, at, after: micro(after), instance, value, error, unheard })
    if (what === 'begun') this.#begun(story, { at, monotonic }, instance)
    else if (what === 'accepted') story.phase = 'accepted'
    else if (what === 'done' || what === 'failed' || what === 'refused') {
      story.phase = what
      story.value = value
      story.error = error
      story.ended = at
      story.duration = after
      this.#end(story)
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
    const all = id === undefined ? [...this.#ended, ...this.#open] : [...this.#ofId(id)]
    return all
      .filter((story) => (device === undefined || story.device === device) && (codename === undefined || story.codename === codename))
      .sort((a, b) => b.n - a.n)
      .slice(0, limit)
      .map(view)
  }

  /** Stories that are kept. */
  get size(): number {
    return this.#ended.length + this.#open.size
  }

  /** Characters in them, about. */
  get characters(): number {
    return this.#characters
  }

  #asked(step: Step): void {
    const { at, op, check = false, earlier = false, repeated = false, waited = 0, value } = step
    const before = repeated ? this.#find(step) : undefined
    if (before !== undefined) return this.#again(before, at)
    const monotonic = this.#options.clock.monotonic() - waited
    const entry = this.#options.devices.find(step.device, step.codename)
    const asked = value === undefined || op === 'get' ? undefined : brief(value)
    this.#count += 1
    const story: Story = {
      n: this.#count,
      device: entry?.device ?? cut(step.device, longName),
      codename: entry?.codename ?? cut(step.codename, longName),
      id: copy(step.id),
      op,
      client: cut(step.client, longName),
      check,
      earlier,
      at: at - (earlier ? 0 : waited),
      monotonic,
      asked,
      moments: [],
      phase: repeated ? 'repeated' : 'asked',
      instance: undefined,
      value: undefined,
      error: undefined,
      begun: undefined,
      ended: repeated ? at : undefined,
      duration: repeated ? 0 : undefined,
      after: undefined,
      entry,
      readings: 0,
      size: 0,
      before: this.#byId.get(step.id)
    }
    this.#open.add(story)
    this.#byId.set(story.id, story)
    story.size = 200 + story.id.length + story.client.length + (asked?.text.length ?? 0) + (entry === undefined ? 2 * longName : 0)
    this.#characters += story.size
    if (repeated) {
      this.#again(story, at)
      this.#end(story)
    } else this.#add(story, waited === 0 ? { what: 'asked', at: story.at, after: 0 } : { what: 'asked', at: story.at, after: 0, waited })
    this.#bound()
  }

  /** However often: one step. */
  #again(story: Story, at: number): void {
    const after = micro(this.#options.clock.monotonic() - story.monotonic)
    const known = story.moments.find(({ times }) => times !== undefined)
    if (known === undefined) return this.#add(story, { what: 'asked', at, after, times: 1 })
    known.times = (known.times ?? 0) + 1
    known.at = at
    known.after = after
    story.moments.splice(story.moments.indexOf(known), 1)
    story.moments.push(known)
  }

  #add(story: Story, moment: Moment): void {
    story.moments.push(moment)
    const size = 100 + (moment.value?.text.length ?? 0) + (moment.error === undefined ? 0 : moment.error.message.length + 50)
    story.size += size
    this.#characters += size
  }

  *#ofId(id: string): IterableIterator<Story> {
    for (let story = this.#byId.get(id); story !== undefined; story = story.before) yield story
  }

  /** The last story of that command. */
  #find({ device, codename, id, client }: Step): Story | undefined {
    let story = this.#byId.get(id)
    while (story !== undefined && !(isOf(story.codename, codename) && isOf(story.device, device) && isOf(story.client, client)))
      story = story.before
    return story
  }

  #begun(story: Story, begun: { at: number; monotonic: number }, instance: string | undefined): void {
    story.begun = begun
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
    for (const story of stories.slice()) {
      const { begun } = story
      // What came before, or was taken already, and has become stale.
      if (begun === undefined || arrived < begun.monotonic) continue
      const later = arrived - begun.monotonic
      if (later === story.after?.later) continue
      const measured = sourceTime ? stamp - begun.at : undefined
      if (story.after === undefined) this.#grow(story, 300)
      story.after = {
        value: brief(value),
        quality,
        unit,
        source,
        time: stamp,
        at: begun.at + later,
        later,
        measured,
        others
      }
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

  #grow(story: Story, size: number): void {
    story.size += size
    this.#characters += size
  }

  #end(story: Story): void {
    if (this.#open.delete(story)) this.#ended.push(story)
    this.#bound()
  }

  #bound(): void {
    while (this.#ended.length > 0 && (this.size > most || this.#characters > mostCharacters)) this.#forget(this.#ended.shift() as Story)
  }

  #forget(story: Story): void {
    this.#characters -= story.size
    const last = this.#byId.get(story.id)
    if (last !== story) for (const later of this.#ofId(story.id)) if (later.before === story) later.before = story.before
    if (last === story && story.before === undefined) this.#byId.delete(story.id)
    else if (last === story) this.#byId.set(story.id, story.before as Story)
    if (story.entry !== undefined) this.#waitNoLonger(story.entry, story)
  }

  /** What changes something is told, with restraint; what was only asked for is for those who look closely. */
  #log(story: Story, isDead: boolean): void {
    const { id, device, codename, op, client, instance, phase, check, duration = 0, asked, value, error, earlier } = story
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
      seconds: micro(duration) / 1e6,
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

/** Names that were cut are compared as far as they go. */
function isOf(kept: string, name: string): boolean {
  return kept === name || (name.length > longName && kept === cut(name, longName))
}

function saidError({ class: errorClass, message, retryable, maybeExecuted, code, rule }: GatewayError): SaidError {
  return {
    class: errorClass,
    message: cut(message, longMessage),
    retryable,
    ...(maybeExecuted ? { maybeExecuted } : {}),
    ...(code === undefined ? {} : { code: cut(code, longName) }),
    ...(rule === undefined ? {} : { rule: cut(rule, longName) })
  }
}
