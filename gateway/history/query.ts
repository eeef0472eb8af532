import type { Clock } from '../adapter.js'
import { Damage } from './damage.js'
import type { DamageOptions } from './damage.js'
import { Drawing } from './drawing.js'
import { fetch } from './fetch.js'
import type { Most, Place } from './fetch.js'
import type { Series } from './series.js'
import { sourceOf } from './source.js'
import type { Source } from './source.js'
import type { Plot, Point, Question } from './types.js'
import type { Writer } from './writer.js'

/** Readings of a page. */
const page = 1000

/** Looked for at once: the store is not held open for as long as somebody reads, and spectra are large. */
const fetched: Most = { readings: 8000, bytes: 2_097_152 }

/** Bytes of readings that are drawn as they are: those of an answer over MQTT. */
const drawn = 4_194_304

/** Tries when the store is opened afresh meanwhile. */
const tries = 3

/** Answers questions; each holds for what was taken in before it, written or not. */
export class Query {
  readonly #writer: Writer
  readonly #clock: Clock
  readonly #damage: Damage

  constructor(writer: Writer, clock: Clock, { log, changed }: Pick<DamageOptions, 'log' | 'changed'>) {
    this.#writer = writer
    this.#clock = clock
    this.#damage = new Damage({ log, changed, horizon: (kind) => writer.horizon(kind) })
  }

  /** What cannot be read, and what to do. */
  get failure(): string | undefined {
    return this.#damage.failure
  }

  /** `wanted`: what the asker is likely to take; it may go on, and gets all. */
  async *readings(question: Question, signal?: AbortSignal, wanted: Partial<Most> = {}): AsyncIterable<readonly Point[]> {
    const series = this.#series(question)
    if (series === undefined) return
    const most = { ...fetched, ...wanted }
    let place: Place | undefined = { time: question.from, given: 0 }
    for (let { readings } = most; place !== undefined && place.time < question.to; readings = Math.min(readings * 4, fetched.readings)) {
      const from: Place = place
      const bounds = { readings: Math.min(readings, fetched.readings), bytes: Math.min(most.bytes, fetched.bytes) }
      const { points, next } = await this.#with(series, (source) => fetch(source, from, question.to, bounds, signal))
      for (let start = 0; start < points.length; start += page) {
        signal?.throwIfAborted()
        yield points.slice(start, start + page)
      }
      place = next
    }
  }

  /** `bytes`: of the readings, where these are few enough; larger ones are only counted. */
  async plot(question: Question, points: number, signal?: AbortSignal, bytes = drawn): Promise<Plot> {
    const series = this.#series(question)
    if (series === undefined) return { kind: 'readings', points: [] }
    const most = { readings: Math.max(points, 1), bytes: Math.min(bytes, drawn) }
    return await this.#with(series, (source) => new Drawing(source, (kind) => this.#writer.horizon(kind), signal).plot(question, most))
  }

  /** Undefined: nothing is known of it. */
  #series({ device, codename, from, to }: Question): Series | undefined {
    return from < to ? this.#writer.names.find(device, codename) : undefined
  }

  async #with<T>(series: Series, run: (source: Source) => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried++) {
      const shelf = this.#writer.shelf
      const source = await sourceOf(this.#writer, series, this.#damage, this.#clock)
      try {
        return await run(source)
      } catch (error) {
        // The store was closed under it, to be opened afresh.
        if (tried === tries || shelf === undefined || shelf === this.#writer.shelf) throw error
      } finally {
        await source.close().catch(() => {})
      }
    }
  }
}
