import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { env } from 'node:process'
import { Aedes } from 'aedes'
import { OrderedAedes } from '../../gateway/broker/order.js'
import { Store } from '../../gateway/broker/store/store.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import type { Received } from '../support/raw-mqtt.js'
import { start } from '../support/start.js'
import { Random } from './random.js'

/** LABGATE_MESSAGES: 100,000 for a release. */
const total = Number(env['LABGATE_MESSAGES'] ?? 20_000)
const publishers = 4
const topics = 5

/** QoS 1 messages that a publisher has unacknowledged at most. */
const underway = 100

/** A broker to be examined. */
interface Examined {
  readonly port: number
  stop(): Promise<void>
}

/** What one subscriber saw, judged as it comes. */
class Witness {
  readonly #highest = new Map<string, number>()
  readonly #seen = new Set<string>()
  received = 0
  reordered = 0
  /** Copies without DUP of what had come before. */
  plainCopies = 0
  connackLate = 0
  qos1 = 0

  take({ topic, text, qos, dup }: Received): void {
    this.received += 1
    const number = Number(text)
    const name = `${topic} ${text}`
    if (this.#seen.has(name)) {
      if (!dup) this.plainCopies += 1
      return
    }
    this.#seen.add(name)
    if (qos > 0) this.qos1 += 1
    if (number < (this.#highest.get(topic) ?? -1)) this.reordered += 1
    else this.#highest.set(topic, number)
  }

  has(topic: string, number: number): boolean {
    return this.#seen.has(`${topic} ${number}`)
  }
}

interface Result {
  /** Of QoS 1. */
  readonly lost: number
  readonly reordered: number
  readonly plainCopies: number
  readonly connackLate: number
  readonly reconnects: number
  readonly rate: number
}

const qosOf = (publisher: number, number: number): 0 | 1 => ((number * 7 + publisher) % 3 === 0 ? 0 : 1)

/** Publishes its share as fast as it is acknowledged, in writes of some packets. */
async function publishAll(port: number, publisher: number, count: number): Promise<void> {
  const client = await RawClient.connect(port, `publisher-${publisher}`)
  let [next, open] = [0, 0]
  let finished = (): void => {}
  const done = new Promise<void>((resolve) => (finished = resolve))
  const more = (): void => {
    const bytes: Buffer[] = []
    while (next < count && open < underway) {
      const qos = qosOf(publisher, next)
      const topic = `o/${publisher}/${next % topics}`
      bytes.push(packets.publish(topic, String(next), { qos, retain: next % 4 === 0, id: (next % 65_000) + 1 }))
      open += qos
      next += 1
    }
    if (bytes.length > 0) client.send(...bytes)
    if (next === count && open === 0) finished()
  }
  client.onPuback = () => {
    open -= 1
    more()
  }
  more()
  await done
  await client.settled()
  client.close()
}

/**
 * Messages of QoS 0 and 1 mixed, retained and not, to a persistent subscriber that is always there and to one that is cut again and again,
 * at times without having acknowledged what came.
 */
async function examine(port: number, count: number, seed: number): Promise<Result> {
  const random = new Random(seed)
  const each = Math.floor(count / publishers)
  const [steady, flapping] = [new Witness(), new Witness()]
  const wanted = Array.from({ length: publishers }, (_, p) => Array.from({ length: each }, (_, n) => qosOf(p, n)))
    .flat()
    .filter((qos) => qos === 1).length
  let check = (): void => {}

  const online = await RawClient.connect(port, 'steady', { clean: false })
  online.onPublish = (packet) => {
    steady.take(packet)
    if (packet.id !== undefined) online.send(packets.puback(packet.id))
    check()
  }
  online.send(packets.subscribe(1, ['o/#', 1]))
  await online.next('suback')

  let reconnects = -1
  let present: RawClient
  const flap = (): void => {
    const client = RawClient.open(port, 'flapping', { clean: false })
    present = client
    reconnects += 1
    let left = 50 + random.below(count / 80)
    // Fewer than the in-flight window, or it would wait for ever.
    const patience = random.below(20)
    if (reconnects === 0) client.send(packets.subscribe(1, ['o/#', 1]))
    client.onPublish = (packet) => {
      if (client.socket.destroyed) return
      if (client.first !== 'connack') flapping.connackLate += 1
      flapping.take(packet)
      left -= 1
      if (packet.id !== undefined && left > patience) client.send(packets.puback(packet.id))
      if (left <= 0) client.close()
      check()
    }
    client.socket.once('close', () => {
      if (!stopped) flap()
    })
  }
  let stopped = false
  flap()
  await present!.next('suback')

  const before = performance.now()
  await Promise.all(Array.from({ length: publishers }, (_, publisher) => publishAll(port, publisher, each)))
  const rate = Math.round(count / ((performance.now() - before) / 1000))
  // When nothing more comes for a while, what has not come is lost.
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 1000)
    check = () => {
      timer.refresh()
      if (steady.qos1 < wanted || flapping.qos1 < wanted) return
      clearTimeout(timer)
      resolve()
    }
    check()
  })
  stopped = true
  online.close()
  present!.close()
  return {
    lost: 2 * wanted - steady.qos1 - flapping.qos1,
    reordered: steady.reordered + flapping.reordered,
    plainCopies: steady.plainCopies + flapping.plainCopies,
    connackLate: flapping.connackLate,
    reconnects,
    rate
  }
}

async function gateway(): Promise<Examined> {
  const running = await start('devices: {}')
  return { port: running.mqttPort, stop: () => running.stop() }
}

/** Aedes without our stages: with its own store or with ours. */
async function aedes(persistence: Store | undefined): Promise<Examined> {
  const broker = await Aedes.createBroker({ concurrency: 0, ...(persistence ? { persistence } : {}) })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)))
    broker.handle(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      await new Promise<void>((resolve) => broker.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

describe('order under load', function () {
  this.timeout(30_000 + total)
  let examined: Examined | undefined
  // oxlint-disable-next-line typescript/unbound-method -- only put back
  const { publish } = OrderedAedes.prototype

  afterEach(async () => {
    OrderedAedes.prototype.publish = publish
    await examined?.stop()
  })

  async function result(broker: Promise<Examined>, count: number): Promise<Result> {
    examined = await broker
    const found = await examine(examined.port, count, total)
    if (env['LABGATE_MESSAGES'] !== undefined) console.log(found)
    return found
  }

  it(`${total} messages: none lost, none out of order, DUP on every copy, CONNACK first`, async () => {
    const { lost, reordered, plainCopies, connackLate, reconnects } = await result(gateway(), total)
    assert.deepEqual({ lost, reordered, plainCopies, connackLate }, { lost: 0, reordered: 0, plainCopies: 0, connackLate: 0 })
    assert.ok(reconnects > 10, `${reconnects} reconnects`)
  })

  it('the same finds out bare Aedes', async () => {
    const { lost, reordered, plainCopies } = await result(aedes(undefined), Math.min(total, 5000))
    assert.ok(lost + reordered > 0)
    assert.ok(plainCopies > 0)
  })

  it('the same finds out our store without the order stage', async () => {
    const { reordered } = await result(aedes(new Store()), Math.min(total, 5000))
    assert.ok(reordered > 0)
  })
  it('the same finds out the gateway without the order stage', async () => {
    // Messages are published when Aedes asks for it, no longer in the order in which they came. All the rest is as it is sold.
    // oxlint-disable-next-line typescript/unbound-method -- becomes a method again
    OrderedAedes.prototype.publish = Aedes.prototype.publish
    const { lost, reordered } = await result(gateway(), Math.min(total, 5000))
    assert.ok(reordered > 0)
    assert.equal(lost, 0)
  })
})
