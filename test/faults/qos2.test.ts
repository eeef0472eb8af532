import assert from 'node:assert/strict'
import { env } from 'node:process'
import { Crashing } from '../process/crashing.js'
import { RawClient, packets } from '../support/raw-mqtt.js'

/** Kills; 50 for a release. */
const kills = Number(env['LABGATE_KILLS'] ?? 5)
const window = 100

/** Publishes numbers, each exactly once, whatever becomes of its connections. */
class Publisher {
  /** By packet id, in the order sent; undefined: released. */
  readonly #open = new Map<number, string | undefined>()
  #client: RawClient | undefined
  #id = 0
  sent = 0
  stopped = false
  finished = (): void => {}

  async connect(port: number): Promise<void> {
    const client = RawClient.open(port, 'publisher', { clean: false })
    this.#client = client
    client.onPubrec = (id) => {
      if (this.#open.has(id)) this.#open.set(id, undefined)
      client.send(packets.pubrel(id))
    }
    client.onPubcomp = (id) => {
      this.#open.delete(id)
      this.#more()
    }
    await client.next('connack')
    for (const [id, text] of this.#open)
      client.send(text === undefined ? packets.pubrel(id) : packets.publish('exact', text, { qos: 2, id, dup: true }))
    this.#more()
  }

  #more(): void {
    for (; !this.stopped && this.#open.size < window; this.sent++) {
      this.#id = (this.#id % 65_535) + 1
      this.#open.set(this.#id, String(this.sent))
      this.#client?.send(packets.publish('exact', String(this.sent), { qos: 2, id: this.#id }))
    }
    if (this.stopped && this.#open.size === 0) this.finished()
  }
}

/** Takes a message when its PUBLISH comes, and knows its id until PUBREL. */
class Subscriber {
  readonly got: number[] = []
  readonly #known = new Set<number>()
  came = (): void => {}

  async connect(port: number): Promise<RawClient> {
    const client = RawClient.open(port, 'subscriber', { clean: false })
    client.onPublish = ({ text, id = 0, qos }) => {
      assert.equal(qos, 2)
      if (!this.#known.has(id)) this.got.push(Number(text))
      this.#known.add(id)
      client.send(packets.pubrec(id))
      this.came()
    }
    client.onPubrel = (id) => {
      this.#known.delete(id)
      client.send(packets.pubcomp(id))
    }
    await client.next('connack')
    return client
  }

  async has(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.came = () => void (this.got.length >= count && resolve())
      this.came()
    })
  }
}

describe('QoS 2 over kill -9', function () {
  this.timeout(30_000 + kills * 5000)
  const gateway = new Crashing('fast')
  afterEach(async () => await gateway.program?.gone())

  it(`every message comes exactly once, in order: ${kills} kills`, async () => {
    await gateway.start()
    const [publisher, subscriber] = [new Publisher(), new Subscriber()]
    let receiving = await subscriber.connect(gateway.port)
    receiving.send(packets.subscribe(1, ['exact', 2]))
    await receiving.next('suback')
    await publisher.connect(gateway.port)
    for (let round = 0; round < kills; round++) {
      await subscriber.has(subscriber.got.length + window)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 200))
      await gateway.kill()
      await receiving.closed()
      await gateway.start()
      receiving = await subscriber.connect(gateway.port)
      await publisher.connect(gateway.port)
    }
    const finished = new Promise<void>((resolve) => (publisher.finished = resolve))
    publisher.stopped = true
    await finished
    await subscriber.has(publisher.sent)
    // What is still on its way comes before the answer.
    await receiving.settled()
    assert.deepEqual(subscriber.got, [...subscriber.got.keys()])
    assert.equal(subscriber.got.length, publisher.sent)
    console.log(`      ${publisher.sent} messages over ${kills} kills, each exactly once`)
  })
})
