import type { ServerResponse } from 'node:http'
import type { Clock, Logger, Watch } from '../adapter.js'
import type { Devices, Entry } from '../devices.js'
import { GatewayError } from '../errors.js'
import type { Held, Latest } from '../latest.js'
import { Throttle } from '../log.js'
import { readingPayload } from '../payload.js'
import type { States } from '../states.js'
import { Shares } from './shares.js'
import type { Sight } from './sight.js'

/** Streams at once; of one asker half as many. */
const maxStreams = 32

/**
 * Characters that may wait for one asker, after the system has taken what it takes, and seconds for which more may: what one turn brings,
 * as when all codenames of a device become stale, is no sign of a slow asker, and one reading may be of any size.
 */
const maxWaiting = 1_048_576
const maxBehind = 5

/** More than that must not have waited when more comes, besides what is being written. */
const mostWaiting = 8 * maxWaiting

/** Characters after which the first readings wait for the asker to take some. */
const enough = 65_536

/** Characters of one write: so much the less is counted as waiting that has gone already. */
const piece = 4 * enough

/** Seconds between two comments, by which both sides learn that the other is gone. */
const heartbeat = 15

/** Seconds between two log lines about askers that were cut off. */
const toldEvery = 10

/** What a stream is of; left out: everything that the asker may see. */
export interface StreamFilter {
  readonly sight: Sight
  readonly device: string | undefined
  readonly codename: string | undefined
}

interface Stream extends StreamFilter {
  readonly response: ServerResponse
  /** Not written yet. The texts are those of other streams too. */
  readonly texts: string[]
  /** Characters in them, and of these what this turn has brought. */
  waiting: number
  fresh: number
  /** Since when too much waits, monotonic seconds. */
  behind: number | undefined
  cut: boolean
}

export interface StreamsOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Counts what is refused and cut off. */
  readonly hit: (limit: 'maxStreams' | 'slowStreams') => void
}

export interface Sources {
  readonly devices: Devices
  readonly latest: Latest
  readonly states: States
}

/** Readings and states as they come, as Server-Sent Events. */
export class Streams {
  readonly #options: StreamsOptions
  readonly #streams = new Set<Stream>()
  readonly #shares = new Shares(maxStreams)
  readonly #throttle: Throttle
  #beat: Watch | undefined
  #flushing = false
  #stopped = false

  constructor(options: StreamsOptions) {
    this.#options = options
    this.#throttle = new Throttle(toldEvery, () => options.clock.monotonic())
  }

  /** Takes a place for another stream, and returns what gives it back; throws the refusal. `asker`: see sharerOf. */
  admit(asker: string): () => void {
    if (this.#stopped) throw new GatewayError('Unreachable', 'the gateway is stopping')
    const leave = this.#shares.take(asker)
    if (leave !== undefined) return leave
    this.#options.hit('maxStreams')
    const most = `${maxStreams} streams of readings are open, or ${maxStreams / 2} of the same asker`
    throw new GatewayError('RateLimited', `already ${most}`, { rule: 'maxStreams' })
  }

  /** Sends states and last readings, then all that come. The head of the answer has been written. */
  begin(response: ServerResponse, filter: StreamFilter, sources: Sources): void {
    const stream: Stream = { ...filter, response, texts: [], waiting: 0, fresh: 0, behind: undefined, cut: false }
    this.#streams.add(stream)
    response.once('close', () => this.#leave(stream))
    response.on('error', () => {})
    response.on('drain', () => this.#pump(stream))
    this.#beat ??= this.#options.clock.after(heartbeat, () => this.#beats())
    this.#write(stream, 'retry: 3000\n\n')
    this.#begin(stream, first(filter, sources))
  }

  /** A reading was taken in, or has become stale. */
  take(entry: Entry, held: Held): void {
    if (this.#streams.size === 0) return
    let text: string | undefined
    for (const stream of this.#streams)
      if (fits(stream, entry.device, entry.codename) && stream.sight.codename(entry))
        this.#write(stream, (text ??= readingEvent(entry, held)))
  }

  /** The state of a device is another now. `payload` as on MQTT. */
  state(device: string, payload: string): void {
    if (this.#streams.size === 0) return
    const text = stateEvent(device, payload)
    for (const stream of this.#streams) if (fits(stream, device, undefined) && stream.sight.state(device)) this.#write(stream, text)
  }

  /** Every stream ends; what waits is still sent. */
  stop(): void {
    this.#stopped = true
    this.#beat?.cancel()
    this.#flush()
    for (const { response, texts } of this.#streams) response.end(texts.splice(0).join(''))
  }

  /** As much at once as the asker takes: 100,000 codenames are 20 MB. */
  #begin(stream: Stream, events: Iterator<string>): void {
    const { response } = stream
    let size = 0
    while (size < enough) {
      const { value, done } = events.next()
      if (done === true) return
      size += value.length
      this.#write(stream, value)
    }
    this.#flush()
    if (stream.cut || response.destroyed) return
    if (response.writableNeedDrain) response.once('drain', () => this.#begin(stream, events))
    else setImmediate(() => this.#begin(stream, events))
  }

  #write(stream: Stream, text: string): void {
    if (stream.cut) return
    stream.texts.push(text)
    stream.waiting += text.length
    stream.fresh += text.length
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.#flush())
  }

  /** The end of a turn. */
  #flush(): void {
    this.#flushing = false
    for (const stream of this.#streams) {
      if (stream.fresh === 0) continue
      const before = stream.waiting - stream.fresh
      stream.fresh = 0
      if (this.#isSlow(stream, before)) this.#cut(stream)
      else this.#pump(stream)
    }
  }

  /** `before`: what waits although it was tried to write it. */
  #isSlow(stream: Stream, before: number): boolean {
    const now = this.#options.clock.monotonic()
    stream.behind = before + stream.response.writableLength > maxWaiting ? (stream.behind ?? now) : undefined
    return before > mostWaiting || (stream.behind !== undefined && now - stream.behind > maxBehind)
  }

  /** Writes as long as the system takes it. */
  #pump(stream: Stream): void {
    const { response, texts } = stream
    while (texts.length > 0 && !stream.cut && !response.writableEnded && !response.writableNeedDrain) {
      let [count, size] = [0, 0]
      while (count < texts.length && size < piece) {
        size += texts[count]?.length ?? 0
        count += 1
      }
      stream.waiting -= size
      response.write(texts.splice(0, count).join(''))
    }
    if (stream.waiting + response.writableLength <= maxWaiting) stream.behind = undefined
  }

  #cut(stream: Stream): void {
    stream.cut = true
    stream.texts.length = 0
    this.#options.hit('slowStreams')
    const { remoteAddress: address = '' } = stream.response.req.socket
    const held = this.#throttle.pass(address)
    if (held !== undefined)
      this.#options.log.warn(
        { address, alike: held },
        'a stream of readings was cut off: its asker reads too slowly; it may ask again, or for less'
      )
    stream.response.destroy()
  }

  #leave(stream: Stream): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    this.#beat?.cancel()
    this.#beat = undefined
  }

  #beats(): void {
    for (const stream of this.#streams) this.#write(stream, ': still here\n\n')
    this.#beat = this.#options.clock.after(heartbeat, () => this.#beats())
  }
}

function fits(filter: StreamFilter, device: string, codename: string | undefined): boolean {
  if (filter.device !== undefined && filter.device !== device) return false
  return filter.codename === undefined || codename === undefined || filter.codename === codename
}

function* first({ device: only, codename, sight }: StreamFilter, { devices, latest, states }: Sources): Generator<string, undefined> {
  for (const device of only === undefined ? [...devices.names()] : [only]) {
    if (sight.state(device)) yield stateEvent(device, states.told(device))
    for (const entry of devices.codenames(device)) {
      const held = codename === undefined || codename === entry.codename ? latest.held(entry) : undefined
      if (!sight.codename(entry)) continue
      if (held !== undefined) yield readingEvent(entry, held)
    }
  }
  return undefined
}

function readingEvent({ device, codename }: Entry, held: Held): string {
  return `event: reading\ndata: {"codename":${JSON.stringify(codename)},"device":${JSON.stringify(device)},${readingPayload(held).slice(1)}\n\n`
}

function stateEvent(device: string, payload: string): string {
  return `event: state\ndata: {"device":${JSON.stringify(device)},${payload.slice(1)}\n\n`
}
