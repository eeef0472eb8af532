import { connect } from 'mqtt'
import type { MqttClient } from 'mqtt'
import { quantile } from './figures.js'

/** Milliseconds. */
const period = 50

export interface RoundTrips {
  readonly count: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** How long a message of QoS 1 takes from one decent client to another, while others are not decent. */
export class Control {
  readonly #publisher: MqttClient
  readonly #subscriber: MqttClient
  readonly #timer: NodeJS.Timeout
  readonly #topic: string
  readonly #sent = new Map<number, number>()
  #times: number[] = []
  #number = 0

  private constructor(publisher: MqttClient, subscriber: MqttClient, topic: string) {
    this.#publisher = publisher
    this.#subscriber = subscriber
    this.#topic = topic
    subscriber.on('message', (_topic, payload) => {
      const number = Number(payload)
      const since = this.#sent.get(number)
      if (since === undefined) return
      this.#sent.delete(number)
      this.#times.push(performance.now() - since)
    })
    // What was under way then is lost for those without a session, and may be.
    for (const client of [publisher, subscriber]) client.on('close', () => this.#sent.clear())
    this.#timer = setInterval(() => this.#send(), period)
  }

  /** `address`: where the clients come from. */
  static async start(port: number, address = '127.0.0.1'): Promise<Control> {
    const topic = `soak/control/${address}`
    const make = (): MqttClient =>
      connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 500, localAddress: address } as Parameters<typeof connect>[1])
    const [publisher, subscriber] = [make(), make()]
    for (const client of [publisher, subscriber]) client.on('error', () => {})
    await subscriber.subscribeAsync(topic, { qos: 1 })
    return new Control(publisher, subscriber, topic)
  }

  /** Since the last call. What is under way for long counts with the time that it has taken so far. */
  take(): RoundTrips {
    const now = performance.now()
    const late = [...this.#sent.values()].map((since) => now - since).filter((time) => time > 1000)
    const times = [...this.#times, ...late]
    this.#times = []
    return { count: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: times.reduce((a, b) => Math.max(a, b), 0) }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#publisher.end(true)
    this.#subscriber.end(true)
  }

  #send(): void {
    if (!this.#publisher.connected || !this.#subscriber.connected) return
    const number = this.#number++
    this.#sent.set(number, performance.now())
    this.#publisher.publish(this.#topic, String(number), { qos: 1 })
  }
}
