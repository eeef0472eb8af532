/** One MQTT connection over WebSocket to the gateway that served the page: it comes back by itself, for ever. */
import mqtt from 'mqtt'
import { after, every, monotonic, wall } from '../clock.js'
import type { Timer } from '../clock.js'

export interface LinkOptions {
  readonly url: string
  readonly clientId: string
  readonly onConnected: () => void
  /** Once for each connection that is lost, and for each try that fails. */
  readonly onLost: (reason: string) => void
  readonly onMessage: (topic: string, payload: Uint8Array, retain: boolean) => void
}

/** Seconds between pings; the gateway answers each. */
const keepalive = 8

/** Seconds without a byte after which nothing may be called fresh any more: two pings went unanswered, or the computer slept. */
const silence = 2 * keepalive + 2

/** Seconds before the first, second … try; the last is repeated. */
const waits = [0.3, 0.6, 1, 1.5, 2, 3]

type Client = ReturnType<typeof mqtt.connect>

export class Link {
  readonly #options: LinkOptions
  #client: Client | undefined
  #tries = 0
  #retry: Timer | undefined
  #watch: Timer | undefined
  /** Of the last byte: both clocks, because the monotonic one of some systems stands still while they sleep. */
  #heard = { monotonic: 0, wall: 0 }
  #up = false
  /** Filters whose UNSUBACK has not come. */
  readonly #leaving = new Map<string, Promise<void>>()
  #stopped = false

  constructor(options: LinkOptions) {
    this.#options = options
  }

  get up(): boolean {
    return this.#up
  }

  start(): void {
    this.#stopped = false
    this.#watch ??= every(1, () => this.#listen())
    this.#open()
  }

  stop(): void {
    this.#stopped = true
    this.#watch?.cancel()
    this.#watch = undefined
    this.#retry?.cancel()
    this.#drop()
  }

  /** The network came back, or somebody looks at the page again: try now. */
  hurry(): void {
    if (this.#stopped) return
    this.#listen()
    if (this.#retry === undefined) return
    this.#tries = 0
    this.#retry.cancel()
    this.#retry = undefined
    this.#open()
  }

  /** Resolves when the gateway has taken the subscription. Rejects when the connection is lost before, or it is refused. */
  async subscribe(filters: Readonly<Record<string, { readonly qos: 0 | 1 }>>): Promise<void> {
    // A subscription that comes while the same one is being taken back would be lost with it.
    if (this.#leaving.size > 0) await Promise.all(this.#leaving.values())
    const client = this.#client
    if (client === undefined || !this.#up) throw new Error('not connected')
    try {
      await client.subscribeAsync(filters)
    } catch (error) {
      // Of MQTT 3.1.1 there is no more to be known than that it was refused.
      if ((error as Error).message.startsWith('Subscribe error'))
        throw new Error(`the gateway refuses the subscription to ${Object.keys(filters).join(', ')} (broker.limits)`, { cause: error })
      throw error
    }
  }

  unsubscribe(filter: string): void {
    const client = this.#client
    if (client === undefined || !this.#up) return
    const left = client
      .unsubscribeAsync(filter)
      .catch(() => {})
      .then(() => {
        if (this.#leaving.get(filter) === left) this.#leaving.delete(filter)
      })
    this.#leaving.set(filter, left)
  }

  /** QoS 1; resolves when the gateway has it. */
  async publish(topic: string, payload: string): Promise<void> {
    const client = this.#client
    if (client === undefined || !this.#up) throw new Error('not connected')
    await client.publishAsync(topic, payload, { qos: 1 })
  }

  #open(): void {
    const { url, clientId } = this.#options
    let why = 'the gateway does not answer'
    const client = mqtt.connect(url, {
      clientId,
      clean: true,
      keepalive,
      connectTimeout: 10_000,
      // Each connection is a client of its own: nothing that was meant for an earlier one is sent later.
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      // Workers from blobs are forbidden by the page's policy.
      timerVariant: 'native',
      forceNativeWebSocket: true
    })
    this.#client = client
    client.on('packetreceive', () => this.#hear())
    client.on('connect', () => {
      if (client !== this.#client) return
      why = 'the gateway closed the connection'
      this.#hear()
      this.#up = true
      this.#tries = 0
      this.#options.onConnected()
    })
    client.on('message', (topic, payload, packet) => {
      if (client === this.#client) this.#options.onMessage(topic, payload, packet.retain)
    })
    client.on('error', (error) => {
      if (/keepalive/i.test(error.message)) why = 'the gateway has not answered for a while'
      else if ('code' in error) why = error.message
    })
    client.on('close', () => {
      if (client === this.#client) this.#lost(why)
    })
  }

  #hear(): void {
    this.#heard = { monotonic: monotonic(), wall: wall() }
  }

  #listen(): void {
    if (!this.#up) return
    const quiet = Math.max(monotonic() - this.#heard.monotonic, wall() - this.#heard.wall)
    if (quiet > silence) this.#lost('nothing has come from the gateway for a while')
  }

  #lost(reason: string): void {
    this.#drop()
    this.#options.onLost(reason)
    if (this.#stopped) return
    const wait = waits[Math.min(this.#tries, waits.length - 1)] as number
    this.#tries += 1
    this.#retry?.cancel()
    this.#retry = after(wait, () => {
      this.#retry = undefined
      this.#open()
    })
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    this.#up = false
    this.#leaving.clear()
    client?.removeAllListeners()
    client?.on('error', () => {})
    client?.end(true)
  }
}
