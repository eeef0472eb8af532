/** What the proxy says of itself, once a second, as a host like any other (section 7.2). Only while a page looks on. */
import type { Host, Watch } from '../../gateway/adapter.js'
import type { Exact } from '../common/exact-json.js'
import { pagePoint } from './codec.js'
import type { Channel } from './codec.js'

export const loadHost = 'cinf-wsserver'

/** In the order of the original (vector px-load). */
const codenames = [
  'max_internal_handle_time',
  'websocket_count',
  'received_n',
  'sent_n',
  'json_decode_error',
  'received_kb',
  'sent_kb'
] as const

export const loadChannels: readonly Channel[] = codenames.map((codename) => ({ host: loadHost, codename }))

export interface LoadOptions {
  readonly host: Host
  /** Web pages that are connected. */
  readonly pages: () => number
  readonly publish: (host: string, points: ReadonlyMap<string, string>) => void
}

/** Seconds. */
const period = 1

const nothing = { handled: 0, received: 0, sent: 0, noJson: 0, receivedBytes: 0, sentBytes: 0 }

export class Load {
  readonly #options: LoadOptions
  #tally = { ...nothing }
  #timer: Watch | undefined

  constructor(options: LoadOptions) {
    this.#options = options
  }

  get isOn(): boolean {
    return this.#timer !== undefined
  }

  /** On: from now on, beginning in a second. */
  watch(on: boolean): void {
    if (on === this.isOn) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#tally = { ...nothing }
    if (on) this.#timer = this.#options.host.clock.after(period, () => this.#tell())
  }

  /** A datagram, how long it took (seconds), and whether it was JSON. */
  received(bytes: number, seconds: number, isJson: boolean): void {
    const tally = this.#tally
    tally.received += 1
    tally.receivedBytes += bytes
    tally.handled = Math.max(tally.handled, seconds)
    if (!isJson) tally.noJson += 1
  }

  sent(messages: number, bytes: number): void {
    this.#tally.sent += messages
    this.#tally.sentBytes += messages * bytes
  }

  #tell(): void {
    const { host, pages, publish } = this.#options
    const { handled, received, sent, noJson, receivedBytes, sentBytes } = this.#tally
    this.#tally = { ...nothing }
    this.#timer = host.clock.after(period, () => this.#tell())
    // As in the original nothing is an int, and something may be a float.
    const fraction = (value: number): Exact => (value === 0 ? 0n : value)
    const values: Record<(typeof codenames)[number], Exact> = {
      max_internal_handle_time: fraction(handled),
      websocket_count: BigInt(pages()),
      received_n: BigInt(received),
      sent_n: BigInt(sent),
      json_decode_error: BigInt(noJson),
      received_kb: fraction(receivedBytes / 1024),
      sent_kb: fraction(sentBytes / 1024)
    }
    const now = host.clock.now()
    publish(loadHost, new Map(codenames.map((codename) => [codename, pagePoint([now, values[codename]])])))
  }
}
