import type { ServerResponse } from 'node:http'
import type { Clock, Logger, Watch } from '../adapter.js'
import type { Devices, Entry } from '../devices.js'
import { GatewayError } from '../errors.js'
import type { Held, Latest } from '../latest.js'
import { Throttle } from '../log.js'
import { readingPayload } from '../payload.js'
import type { States } from '../states.js'

/** Streams at once. */
const maxStreams = 32

/** Bytes that may wait for one asker; who reads more slowly than readings come is cut off. */
const maxWaiting = 1_048_576

/** Bytes after which the first readings wait for the asker to take some. */
const enough = 65_536

/** Seconds between two comments, by which both sides learn that the other is gone. */
const heartbeat = 15

/** Seconds between two log lines about askers that were cut off. */
const toldEvery = 10

/** What a stream is of; left out: everything. */
export interface StreamFilter {
  readonly device: string | undefined
  readonly codename: string | undefined
}

interface Stream extends StreamFilter {
  readonly response: ServerResponse
  /** Written together at the end of the turn. */
  text: string
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
  readonly #throttle: Throttle
  #beat: Watch | undefined
  #flushing = false
  #stopped = false

  constructor(options: StreamsOptions) {
    this.#options = options
    this.#throttle = new Throttle(toldEvery, () => options.clock.monotonic())
  }

  /** Whether another stream may be opened; throws the refusal. */
  admit(): void {
    if (this.#stopped) throw new GatewayError('Unreachable', 'the gateway is stopping')
    if (this.#streams.size < maxStreams) return
    this.#options.hit('maxStreams')
    throw new GatewayError('RateLimited', `already ${maxStreams} streams of readings are open`, { rule: 'maxStreams' })
  }

  /** Sends states and last readings, then all that come. The head of the answer has been written. */
  begin(response: ServerResponse, filter: StreamFilter, sources: Sources): void {
    const stream: Stream = { ...filter, response, text: '', cut: false }
    this.#streams.add(stream)
    response.once('close', () => this.#leave(stream))
    response.on('error', () => {})
    this.#beat ??= this.#options.clock.after(heartbeat, () => this.#beats())
    this.#write(stream, 'retry: 3000\n\n')
    this.#begin(stream, first(filter, sources))
  }

  /** A reading was taken in, or has become stale. */
  take(entry: Entry, held: Held): void {
    if (this.#streams.size === 0) return
    let text: string | undefined
    for (const stream of this.#streams)
      if (fits(stream, entry.device, entry.codename)) this.#write(stream, (text ??= readingEvent(entry, held)))
  }

  /** The state of a device is another now. `payload` as on MQTT. */
  state(device: string, payload: string): void {
    if (this.#streams.size === 0) return
    const text = stateEvent(device, payload)
    for (const stream of this.#streams) if (fits(stream, device, undefined)) this.#write(stream, text)
  }

  /** Every stream ends; what waits is still sent. */
  stop(): void {
    this.#stopped = true
    this.#beat?.cancel()
    this.#flush()
    for (const { response } of this.#streams) response.end()
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
    stream.text += text
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#flushing = false
    for (const stream of this.#streams) {
      const { response, text } = stream
      if (text === '' || stream.cut || response.writableEnded) continue
      stream.text = ''
      if (response.writableLength + text.length > maxWaiting) this.#cut(stream)
      else response.write(text)
    }
  }

  #cut(stream: Stream): void {
    stream.cut = true
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

function* first({ device: only, codename }: StreamFilter, { devices, latest, states }: Sources): Generator<string, undefined> {
  for (const device of only === undefined ? [...devices.names()] : [only]) {
    yield stateEvent(device, states.told(device))
    for (const entry of devices.codenames(device)) {
      const held = codename === undefined || codename === entry.codename ? latest.held(entry) : undefined
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
