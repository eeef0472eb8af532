import type { Clock, Codename, Exact, Latest as LatestReading, Quality, Reading, Right, Watch } from './adapter.js'
import { isFiniteExact } from '../adapters/common/exact-json.js'
import type { Devices, Entry } from './devices.js'
import { mirrorText, readingPayload } from './payload.js'
import type { Publish } from './broker/queue.js'
import { isWritable } from './time.js'
import { below } from './topic.js'

/** Seconds ahead of our clock above which a source's time is not believed. */
const future = 60

/** A reading, with what only MQTT clients give along. */
export interface Given extends Reading {
  readonly seq?: number
  readonly run?: string
  /** Bridges that it has passed. */
  readonly hops?: number
}

/** A reading as held: what arrived, when, and what became of it. */
export interface Held extends Given {
  readonly time: number
  readonly quality: Quality
  readonly sourceTime: boolean
  /** The time as MQTT shows it: that of arrival where RFC 3339 cannot write the source's (milliseconds taken for seconds, 1e300). */
  readonly stamp: number
  /** Monotonic seconds. */
  readonly arrived: number
  readonly ageAtArrival: number
  /** Once old, old until the next reading: too old at some moment, restored, or the device went offline. */
  stale: boolean
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] }

/** Has the source given a value for a schema to judge? NaN of a thermocouple that broke is no fault of the schema: see {@link Latest.weigh}. */
export function isValue(value: Exact): boolean {
  return value !== null && (typeof value !== 'number' || Number.isFinite(value))
}

export interface LatestOptions {
  readonly clock: Clock
  readonly devices: Devices
  readonly publish: Publish
  /** Would a message of QoS 0 that is not retained reach anybody? */
  readonly wanted: (topic: string) => boolean
  /** Every reading that is taken in, and every one that has become stale. Must be quick, and must not throw. */
  readonly taken: (entry: Entry, held: Held) => void
  /** Nobody knows whether our clock is right: what is stamped with it is uncertain. */
  readonly isDoubtful?: () => boolean
  /** A watcher threw; it must not hurt the publisher. */
  readonly onError: (error: unknown) => void
}

/** The last reading of every codename, its age, and the moment at which it becomes old. */
export class Latest {
  readonly #options: LatestOptions
  readonly #held = new Map<Entry, Held>()
  readonly #timers = new Map<Entry, { readonly watch: Watch; readonly due: number }>()
  readonly #watchers = new Map<string, Set<{ filter: Right; run: (reading: LatestReading) => void }>>()

  /** Readings of MQTT clients may come until the broker is closed; they set no timers any more. */
  #stopped = false

  constructor(options: LatestOptions) {
    this.#options = options
  }

  /** What {@link put} would hold; pure but for the clock. */
  weigh(entry: Entry, reading: Given): Held {
    const { clock } = this.#options
    const now = clock.now()
    const sourceTime = reading.time !== undefined && !Number.isNaN(reading.time)
    const time = reading.time ?? now
    const writable = isWritable(time)
    const ahead = time - now > future
    const ageAtArrival = sourceTime && !ahead ? now - time : 0
    const { maxAge } = entry.meta
    // What the source itself calls stale or bad is no value to steer by: legacy clients get their word for old.
    const disowned = reading.quality === 'stale' || reading.quality === 'bad'
    const stale = disowned || (maxAge !== undefined && ageAtArrival > maxAge)
    let quality = reading.quality ?? 'good'
    let error = reading.error
    if (!isFiniteExact(reading.value)) {
      quality = 'bad'
      error ??= { class: 'NotFinite', message: 'the source gave a number that is not finite', retryable: true }
    } else if (reading.value === null) {
      quality = 'bad'
      error ??= { class: 'DeviceError', message: 'the source gave no value', retryable: true }
    } else if (quality === 'good' && (ahead || !writable || (!sourceTime && this.#options.isDoubtful?.() === true))) quality = 'uncertain'
    if (stale && quality !== 'bad') quality = 'stale'
    const held: Mutable<Held> = {
      device: reading.device,
      codename: reading.codename,
      value: reading.value,
      time,
      quality,
      sourceTime,
      stamp: writable ? time : now,
      arrived: clock.monotonic(),
      ageAtArrival,
      stale
    }
    const unit = reading.unit ?? entry.meta.unit
    if (unit !== undefined) held.unit = unit
    if (error !== undefined) held.error = error
    addOptional(held, reading)
    return held
  }

  /** Takes a reading in; with `announce` it is also published (a client's own message is on its way already). */
  put(entry: Entry, held: Held, announce: boolean): void {
    this.#held.set(entry, held)
    if (announce) this.#announce(entry, held)
    else this.#mirror(entry, held)
    this.#options.taken(entry, held)
    this.#arm(entry, held)
    const watchers = this.#watchers.get(entry.device)
    if (watchers !== undefined) for (const watcher of watchers) this.#tell(watcher, entry, held)
  }

  get(device: string, codename: string): LatestReading | undefined {
    const entry = this.#options.devices.find(device, codename)
    const held = entry && this.#held.get(entry)
    return entry && held && this.#judge(entry, held)
  }

  held(entry: Entry): Held | undefined {
    return this.#held.get(entry)
  }

  /** Seconds, now. */
  age(held: Held): number {
    return this.#age(held)
  }

  /** Also where its moment has come just now, and nobody was told yet. */
  isOld({ meta }: Entry, held: Held): boolean {
    return held.stale || this.#left(meta.maxAge, held) < 0
  }

  /** The device went offline: whatever is known of it is old from now on, also without maxAge. */
  expire(device: string): void {
    for (const entry of this.#options.devices.codenames(device)) {
      const held = this.#held.get(entry)
      if (held !== undefined) this.#becomeStale(entry, held)
    }
  }

  /** An empty retained message was published to the topic: MQTT's way to forget. */
  forget(entry: Entry): void {
    const held = this.#held.get(entry)
    this.#held.delete(entry)
    this.#disarm(entry)
    // Nobody vouches for it any more: no line goes on from it.
    if (held !== undefined && !held.stale && held.quality !== 'bad') this.#options.taken(entry, { ...held, stale: true, quality: 'stale' })
    if (entry.meta.retainMirror === true) this.#options.publish(below(entry.topic, 'value'), '', 'value', { retain: true, sure: true })
  }

  /** The description of the codename is another one. What was old stays old. */
  redescribed(entry: Entry, { retainMirror }: Codename): void {
    this.#disarm(entry)
    const held = this.#held.get(entry)
    if (retainMirror === true && entry.meta.retainMirror !== true)
      this.#options.publish(below(entry.topic, 'value'), '', 'value', { retain: true, sure: true })
    if (held === undefined) return
    if (retainMirror !== true && entry.meta.retainMirror === true) this.#mirror(entry, held)
    if (!held.stale && this.#left(entry.meta.maxAge, held) < 0) this.#becomeStale(entry, held)
    else this.#arm(entry, held)
  }

  watch(filter: Right, run: (reading: LatestReading) => void): Watch {
    const watchers = this.#watchers.get(filter.device) ?? new Set()
    const watcher = { filter, run }
    watchers.add(watcher)
    this.#watchers.set(filter.device, watchers)
    return {
      cancel: () => {
        watchers.delete(watcher)
        if (watchers.size === 0 && this.#watchers.get(filter.device) === watchers) this.#watchers.delete(filter.device)
      }
    }
  }

  stop(): void {
    this.#stopped = true
    for (const { watch } of this.#timers.values()) watch.cancel()
    this.#timers.clear()
    this.#watchers.clear()
  }

  #age(held: Held): number {
    return held.ageAtArrival + (this.#options.clock.monotonic() - held.arrived)
  }

  #judge(entry: Entry, held: Held): LatestReading {
    const age = this.#age(held)
    const { device, codename, value, time, quality, sourceTime, unit, error } = held
    const old = this.isOld(entry, held)
    const judged: Mutable<LatestReading> = { device, codename, value, time, quality, sourceTime, age, old }
    if (unit !== undefined) judged.unit = unit
    if (error !== undefined) judged.error = error
    addOptional(judged, held)
    return judged
  }

  /**
   * Seconds until the reading is old; less than 0: it is. By its source's time, and by its arrival, for a source whose clock is ahead
   * must not look fresh for longer. A negative maxAge, as the originals allow, is by the source's time alone.
   */
  #left(maxAge: number | undefined, held: Held): number {
    if (maxAge === undefined) return Infinity
    const since = this.#options.clock.monotonic() - held.arrived
    const age = held.ageAtArrival + since
    return maxAge - (maxAge < 0 ? age : Math.max(age, since))
  }

  #tell(watcher: { filter: Right; run: (reading: LatestReading) => void }, entry: Entry, held: Held): void {
    if (watcher.filter.codename !== undefined && watcher.filter.codename !== entry.codename) return
    try {
      watcher.run(this.#judge(entry, held))
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** One timer a codename at most, set again when it fires too early: a reading a second must not cost a timer a second. */
  #arm(entry: Entry, held: Held): void {
    const { maxAge } = entry.meta
    if (maxAge === undefined || held.stale || this.#stopped) return
    const left = Math.max(this.#left(maxAge, held), 0) + 0.001
    const due = this.#options.clock.monotonic() + left
    const before = this.#timers.get(entry)
    if (before !== undefined && before.due <= due) return
    // A reading that was old on arrival ends sooner than the one before it.
    before?.watch.cancel()
    const watch = this.#options.clock.after(left, () => {
      this.#timers.delete(entry)
      const now = this.#held.get(entry)
      if (now === undefined || now.stale) return
      if (this.#left(entry.meta.maxAge, now) < 0) this.#becomeStale(entry, now)
      else this.#arm(entry, now)
    })
    this.#timers.set(entry, { watch, due })
  }

  #disarm(entry: Entry): void {
    this.#timers.get(entry)?.watch.cancel()
    this.#timers.delete(entry)
  }

  /** Staleness is published, not guessed: the same value with its original time. */
  #becomeStale(entry: Entry, held: Held): void {
    if (held.stale) return
    held.stale = true
    this.#disarm(entry)
    if (held.quality === 'bad') return
    const stale: Held = { ...held, quality: 'stale' }
    this.#held.set(entry, stale)
    this.#announce(entry, stale)
    this.#options.taken(entry, stale)
  }

  /** What is not good any more must reach the broker even when its queue is full: it would go on looking fresh. */
  #announce(entry: Entry, held: Held): void {
    if (this.#stopped) return
    this.#options.publish(entry.topic, readingPayload(held), 'reading', { sure: held.stale })
    this.#mirror(entry, held)
  }

  #mirror(entry: Entry, held: Held): void {
    const retain = entry.meta.retainMirror === true
    const topic = below(entry.topic, 'value')
    if (!retain && !this.#options.wanted(topic)) return
    const text = mirrorText(held)
    // A gauge shows nothing rather than an old number: what was retained is cleared.
    if (text !== undefined) this.#options.publish(topic, text, 'value', { retain })
    else if (retain) this.#options.publish(topic, '', 'value', { retain, sure: true })
  }
}

/**
 * What a reading may have besides. Readings are written out member by member, and not spread: V8 makes a spread with so many
 * further members in microseconds, which is more than the rest of a reading's way costs.
 */
function addOptional(to: Mutable<Given>, from: Given): void {
  if (from.x !== undefined) to.x = from.x
  if (from.uncertainty !== undefined) to.uncertainty = from.uncertainty
  if (from.source !== undefined) to.source = from.source
  if (from.seq !== undefined) to.seq = from.seq
  if (from.run !== undefined) to.run = from.run
  if (from.hops !== undefined) to.hops = from.hops
}
