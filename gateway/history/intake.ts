import type { Clock, Logger } from '../adapter.js'
import type { Devices, Entry } from '../devices.js'
import { self } from '../devices.js'
import type { Held } from '../latest.js'
import { formatTime, isWritable } from '../time.js'
import type { Traits } from './codec.js'
import type { Record } from './policy.js'
import type { Series } from './series.js'
import type { Writer } from './writer.js'

/** 2000-01-01: what says that it is older has a clock that was never set. */
const earliest = 946_684_800

/** Seconds ahead of our clock in which a source's time is still its time: a wrong time zone, and not nonsense. */
const ahead = 86_400

/** Seconds by which the clock is set anew, and not only drifts: what was long ago may stand next to what is now. */
const jump = 60

/** Seconds between two lines about times that are not believed. */
const tellEvery = 3600

export interface IntakeOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly devices: Devices
  /** For codenames for which nothing else is said. */
  readonly record: Record
  /** Seconds for which readings are kept. */
  readonly keep: number
  readonly writer: Writer
}

/**
 * Decides what of the readings becomes part of the history, and where it stands:
 *
 * - A reading stands at the time at which it was measured, also one that comes late. A time before 2000, so old that the reading would be
 *   removed at once, or more than a day ahead of our clock is not believed: the reading stands at the time at which it came, as `uncertain`
 *   if it was good.
 * - Where our clock was set meanwhile, a reading has a mark before it.
 * - A reading that becomes stale leaves a mark at our time, once. The first reading after a start has one before it, too.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #series = new WeakMap<Entry, Series>()
  /** Monotonic seconds: the clock may have been wrong then. */
  readonly #started: number
  /** Readings since the start whose time was not believed. */
  #misdated = 0
  /** Monotonic seconds of the next line about them. */
  #tellFrom = 0

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#started = options.clock.monotonic()
  }

  take(entry: Entry, held: Held): void {
    const series = this.#series.get(entry) ?? this.#find(entry)
    if (series === undefined) return
    if (series.meta !== entry.meta) {
      series.meta = entry.meta
      series.record = this.#recordOf(entry)
    }
    if (series.record === 'off') return
    const now = this.#options.clock.now()
    if (held.quality === 'stale' || held.source === 'restored') this.#stale(series, entry, held, now)
    else this.#put(series, held, now, held.quality)
  }

  /** Whether anything of the codename becomes part of the history. */
  keeps(entry: Entry): boolean {
    return this.#recordOf(entry) !== 'off'
  }

  /** The store was opened after readings had come: those that have readings in it were away before. */
  opened(): void {
    for (const series of this.#options.writer.names.all()) if (series.isHeard && series.wasThere) this.#absent(series)
  }

  #find(entry: Entry): Series | undefined {
    const series = this.#options.writer.seriesOf(entry.device, entry.codename)
    if (series !== undefined) this.#series.set(entry, series)
    return series
  }

  #recordOf({ device, meta }: Entry): Record {
    const { devices, record } = this.#options
    // What the gateway says of itself is the matter of the gateway, but for a history that is off.
    if (device === self && record === 'off') return 'off'
    return meta.history ?? devices.options(device)?.history ?? record
  }

  #put(series: Series, held: Held, now: number, quality: Held['quality']): void {
    const isBelieved = this.#believes(held.time, now)
    const time = isBelieved ? held.time : now
    if (!isBelieved) this.#tell(series, held.time)
    if (!series.choice.keeps(series.record, held, time)) return
    if (!series.isHeard) this.#heard(series)
    const offset = now - held.arrived
    if (!held.sourceTime && Math.abs(offset - series.offset) > jump) this.#gap(series, now, 'the clock of the gateway was set')
    series.offset = offset
    series.stale = undefined
    series.last = held.time
    series.filed = time
    this.#add(series, time, held.value, isBelieved || quality !== 'good' ? traitsOf(held, quality) : traitsOf(held, 'uncertain'))
  }

  #believes(time: number, now: number): boolean {
    return time >= Math.max(earliest, now - this.#options.keep) && time <= now + ahead
  }

  /** A clock that is wrong must not go unnoticed, nor fill the log. */
  #tell({ device, codename }: Series, time: number): void {
    const { clock, log } = this.#options
    this.#misdated += 1
    if (clock.monotonic() < this.#tellFrom) return
    this.#tellFrom = clock.monotonic() + tellEvery
    log.warn(
      { device, codename, time: isWritable(time) ? formatTime(time) : String(time), readings: this.#misdated },
      'the time of a reading is not believed: it stands in the history at the time at which it came; set the clock of the source (told once an hour)'
    )
  }

  #stale(series: Series, entry: Entry, held: Held, now: number): void {
    const { maxAge } = entry.meta
    // It was too old when it came, and nobody has seen it before: it is a reading of its time, and stale besides.
    const isLate =
      held.quality === 'stale' &&
      held.source !== 'restored' &&
      held.sourceTime &&
      held.time !== series.last &&
      maxAge !== undefined &&
      held.ageAtArrival > maxAge
    if (isLate) {
      const { stale } = series
      this.#put(series, held, now, 'good')
      // Of many late ones only the first leaves a mark.
      series.stale = stale
    }
    // It stands where it was put, whatever time it said.
    const measured = Object.is(series.last, held.time) ? series.filed : this.#believes(held.time, now) ? held.time : now
    if (series.stale !== undefined && (isLate || series.stale === measured)) {
      series.isHeard = true
      return
    }
    series.isHeard = true
    series.stale = measured
    series.offset = now - this.#options.clock.monotonic()
    series.choice.forget()
    // A restored one may be uncertain, as our clock is behind: it is old all the same.
    this.#add(series, now, held.value, traitsOf(held, held.quality === 'bad' ? 'bad' : 'stale'), measured)
  }

  /** The first reading since the start, of a codename that has no restored one. */
  #heard(series: Series): void {
    series.isHeard = true
    if (series.wasThere && series.stale === undefined) this.#absent(series)
  }

  #absent(series: Series): void {
    const { clock } = this.#options
    this.#gap(series, clock.now() - (clock.monotonic() - this.#started), 'the gateway was not there until now')
  }

  #gap(series: Series, time: number, message: string): void {
    this.#options.writer.add(series, micro(time), null, { quality: 'bad', error: { class: 'Unreachable', message, retryable: true } })
  }

  #add(series: Series, time: number, value: Held['value'], traits: Traits, measured?: number): void {
    const { writer } = this.#options
    if (series.lostAt !== undefined && writer.hasRoom) {
      this.#gap(series, series.lostAt, 'readings are missing from here on: the history could not be written')
      series.lostAt = undefined
    }
    if (!writer.add(series, micro(time), value, traits, measured)) series.lostAt ??= time
  }
}

/** Microseconds, from 1970 on. */
const micro = (time: number): number => Math.max(Math.round(time * 1e6), 0)

function traitsOf(held: Held, quality: Held['quality']): Traits {
  // Nearly always it is so already: nothing is made for a reading then.
  return held.quality === quality ? held : { ...held, quality }
}
