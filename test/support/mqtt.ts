import { connect } from 'mqtt'
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import { patient } from './patience.js'

/** Milliseconds that a test waits for what must come. */
const patience = patient(8000)

export interface Message {
  readonly topic: string
  readonly text: string
  readonly retain: boolean
  readonly qos: 0 | 1 | 2
  readonly dup: boolean
  readonly payload: Buffer
}

/** A real MQTT client for tests: keeps every message until somebody asks for it; a reconnect that nobody asked for is a failure. */
export class TestClient {
  readonly client: MqttClient
  readonly #messages: Message[] = []
  readonly #waiting = new Set<() => void>()

  private constructor(client: MqttClient) {
    this.client = client
    client.on('message', (topic: string, payload: Buffer, packet: IPublishPacket) => {
      this.#messages.push({ topic, text: payload.toString(), payload, retain: packet.retain, qos: packet.qos, dup: packet.dup })
      for (const look of this.#waiting) look()
    })
  }

  static async connect(port: number, options: IClientOptions = {}, url = `mqtt://127.0.0.1:${port}`): Promise<TestClient> {
    const client = connect(url, { reconnectPeriod: 0, connectTimeout: patience, ...options })
    const test = new TestClient(client)
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve())
      client.once('error', reject)
      client.once('close', () => reject(new Error('the broker closed the connection')))
    })
    client.on('error', () => {})
    return test
  }

  get id(): string {
    return this.client.options.clientId as string
  }

  async subscribe(...filters: string[]): Promise<void> {
    await this.client.subscribeAsync(filters, { qos: 1 })
  }

  /** Resolves once the broker has acknowledged (QoS 1, unless told otherwise). */
  async publish(topic: string, payload: string | Buffer | object, options: { qos?: 0 | 1 | 2; retain?: boolean } = {}): Promise<void> {
    const body = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload)
    await this.client.publishAsync(topic, body, { qos: 1, ...options })
  }

  /** The next message, among those not taken yet, that fits; takes it out. Rejects after the patience of a test. */
  async next(fits: string | ((message: Message) => boolean), what = String(fits)): Promise<Message> {
    const wanted = typeof fits === 'string' ? (message: Message) => message.topic === fits : fits
    return await new Promise<Message>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        const seen = this.#messages.map(({ topic, text }) => `  ${topic} ${text.slice(0, 200)}`).join('\n')
        reject(new Error(`no message for ${what}; not taken are:\n${seen}`))
      }, patience)
      const look = (): void => {
        const index = this.#messages.findIndex(wanted)
        if (index < 0) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(this.#messages.splice(index, 1)[0] as Message)
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** The same, parsed. */
  async nextJson(fits: string | ((message: Message) => boolean)): Promise<Record<string, unknown>> {
    return JSON.parse((await this.next(fits)).text) as Record<string, unknown>
  }

  /** Messages that came and were not taken. */
  get left(): readonly Message[] {
    return this.#messages
  }

  /** Forgets what came so far. */
  drop(): void {
    this.#messages.length = 0
  }

  /** Everything that the broker sent before now has arrived: a message of our own has made the round. */
  async settled(): Promise<void> {
    const topic = `settled/${this.id}/${Math.random().toString(36).slice(2)}`
    await this.subscribe(topic)
    await this.publish(topic, 'x', { qos: 0 })
    await this.next(topic)
  }

  /** What the broker has retained for these filters. For a client that has not subscribed to them yet. */
  async retained(...filters: string[]): Promise<Message[]> {
    const marker = `settled/retained/${this.id}`
    await this.publish(marker, 'x', { retain: true })
    // What is retained comes after the SUBACK, in its own time: in the order of the filters.
    await this.subscribe(...filters, marker)
    await this.next(marker)
    await this.settled()
    return this.#messages.splice(0).filter(({ retain, topic }) => retain && topic !== marker)
  }

  async close(): Promise<void> {
    await this.client.endAsync()
  }

  /** Ends at once, whatever is under way. */
  async vanish(): Promise<void> {
    await this.client.endAsync(true)
  }

  /** Cuts the connection without DISCONNECT, as a client that crashed: its will is published. */
  kill(): void {
    this.client.stream.destroy()
  }
}
