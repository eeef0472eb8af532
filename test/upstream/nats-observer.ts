import { setTimeout as sleep } from 'node:timers/promises'
import { NatsLine } from '../support/nats-line.js'
import type { NatsCluster } from '../support/nats.js'

/** Where NATS keeps what was published with QoS 1, before it acknowledges it. */
const [stream, prefix] = ['$MQTT_msgs', '$MQTT.msgs.']

/** Messages that are asked for at once, and milliseconds that they may take. */
const [most, within] = [1000, 1000]

/** What arrived at the cluster. */
export interface Arrived {
  readonly topic: string
  readonly text: string
  /** Milliseconds since 1970, when the cluster took it. */
  readonly at: number
}

/**
 * Takes everything that the cluster acknowledged, from the stream itself and in its order. It is a consumer of JetStream with a copy on
 * every node: an MQTT session would lose its order where NATS delivers again what was not acknowledged in time.
 */
export class Observer {
  readonly #cluster: NatsCluster
  readonly #filter: string
  /** By place in the stream. */
  readonly #arrived = new Map<number, Arrived>()
  #line: NatsLine | undefined
  #turn = 0
  #isOver = false
  #watching: Promise<void> | undefined

  /** `above`: the first level of the topics. */
  constructor(cluster: NatsCluster, above: string) {
    this.#cluster = cluster
    this.#filter = `${prefix}${above}.>`
  }

  get count(): number {
    return this.#arrived.size
  }

  /** From now on everything is kept for it. */
  async begin(): Promise<void> {
    const line = await NatsLine.open(this.#cluster.nodes[0]?.ports.client ?? 0)
    const config = {
      durable_name: 'observer',
      deliver_policy: 'all',
      ack_policy: 'explicit',
      ack_wait: 10e9,
      max_ack_pending: 100_000,
      filter_subject: this.#filter
    }
    await line.ask(`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.observer`, { stream_name: stream, config })
    this.#line = line
    this.#watching = this.#watch()
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#watching
    this.#line?.close()
  }

  /** In the order in which the cluster took it. */
  get all(): readonly Arrived[] {
    return [...this.#arrived].sort(([one], [other]) => one - other).map(([, arrived]) => arrived)
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const line = await this.#open()
      if (line === undefined) await sleep(200)
      else await this.#take(line)
    }
  }

  async #open(): Promise<NatsLine | undefined> {
    if (this.#line?.isOpen === true) return this.#line
    const { nodes } = this.#cluster
    const node = nodes[this.#turn++ % nodes.length]
    this.#line = await NatsLine.open(node?.ports.client ?? 0).catch(() => undefined)
    return this.#line
  }

  async #take(line: NatsLine): Promise<void> {
    const question = { batch: most, expires: within * 1e6 }
    const begun = performance.now()
    const found = await line.gather(`$JS.API.CONSUMER.MSG.NEXT.${stream}.observer`, question, most, within + 1000)
    for (const { subject, reply, body } of found) {
      // $JS.ACK.<stream>.<consumer>.<times delivered>.<place in the stream>.<place here>.<nanoseconds>.<left>
      const [, , , , , place, , time] = reply.split('.')
      if (!subject.startsWith(prefix)) continue
      const topic = subject.slice(prefix.length).replaceAll('.', '/')
      this.#arrived.set(Number(place), { topic, text: body.toString(), at: Number(time) / 1e6 })
      line.publish(reply, '+ACK')
    }
    // Where nobody leads the stream the answer is immediate.
    if (found.length === 0 && performance.now() - begun < within / 2) await sleep(200)
  }
}
