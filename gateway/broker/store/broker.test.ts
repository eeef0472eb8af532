import assert from 'node:assert/strict'
import { type EventEmitter, once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes'
import { connect, connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { Store } from './store.js'

const limit = 5000

/** Resolves when `met()` holds; asked after each message, so nothing sleeps. */
async function until(client: MqttClient, met: () => boolean, what: () => string): Promise<void> {
  const signal = AbortSignal.timeout(limit)
  try {
    while (!met()) await once(client as unknown as EventEmitter, 'message', { signal })
  } catch (error) {
    throw new Error(`waited ${limit} ms: ${what()}`, { cause: error })
  }
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i))

const textOf = ({ payload }: IPublishPacket): string => payload.toString()

/** What the types of Aedes do not tell of its Client. */
type Inner = Client & { deliverQoS(packet: object, done: () => void): void; duplicates: Record<string, number> }

class Inbox {
  readonly client: MqttClient
  readonly packets: IPublishPacket[] = []

  constructor(client: MqttClient) {
    this.client = client
    client.on('message', (_topic, _payload, packet) => this.packets.push(packet))
  }

  get texts(): string[] {
    return this.packets.map(textOf)
  }

  has(count: number): Promise<void> {
    return until(
      this.client,
      () => this.packets.length >= count,
      () => `${this.packets.length} of ${count} messages came`
    )
  }
}

describe('store under a real Aedes and a real client', function () {
  // Above the limit of a single wait, which can say what it waited for.
  this.timeout(3 * limit)
  let broker: Aedes
  let store: Store
  let server: Server
  let sockets: Set<Socket>
  let clients: MqttClient[]

  async function listen(options: AedesOptions = {}): Promise<void> {
    store = new Store()
    sockets = new Set()
    clients = []
    broker = await Aedes.createBroker({ ...options, persistence: store })
    server = createServer((socket) => {
      sockets.add(socket.once('close', () => sockets.delete(socket)))
      broker.handle(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
  }

  const url = (): string => `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`

  async function join(options: IClientOptions = {}): Promise<MqttClient> {
    const client = await connectAsync(url(), { reconnectPeriod: 0, connectTimeout: limit, ...options })
    clients.push(client)
    return client
  }

  /** The session's return: listens before CONNECT, since what is queued comes with the CONNACK. */
  function rejoin(options: IClientOptions, withhold?: (packet: IPublishPacket) => boolean): Inbox {
    const client = connect(url(), { reconnectPeriod: 0, connectTimeout: limit, clean: false, ...options })
    if (withhold) client.handleMessage = (packet, done) => void (withhold(packet) || done())
    clients.push(client)
    return new Inbox(client)
  }

  /** Resolves when every subscriber's packet was handed to its socket. */
  const publish = (packet: Partial<PublishPacket>): Promise<void> =>
    new Promise((resolve, reject) =>
      broker.publish({ cmd: 'publish', topic: 't', payload: '', qos: 0, retain: false, dup: false, ...packet }, (error) =>
        error ? reject(error) : resolve()
      )
    )

  const gone = (): Promise<unknown> => once(broker, 'clientDisconnect', { signal: AbortSignal.timeout(limit) })

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.endAsync(true)))
    await new Promise<void>((resolve) => broker.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  it('retained and not, published in one tick: all arrive, in order', async () => {
    await listen()
    const inbox = new Inbox(await join())
    await inbox.client.subscribeAsync('#', { qos: 1 })
    const expected: string[] = []
    for (let i = 0; i < 100; i++) {
      void publish({ topic: `r/${i}`, payload: `retained ${i}`, retain: true })
      void publish({ topic: `n/${i}`, payload: `plain ${i}` })
      expected.push(`retained ${i}`, `plain ${i}`)
    }
    await inbox.has(200)
    assert.deepEqual(inbox.texts, expected)
    assert.equal(store.retainedCount(), 100)
  })

  for (const clean of [true, false]) {
    const session = clean ? 'clean' : 'persistent'

    it(`3000 of QoS 0 and 1, retained and not, from inside to a ${session} session: all arrive, in order`, async () => {
      await listen()
      const inbox = new Inbox(await join({ clean, clientId: 'subscriber' }))
      await inbox.client.subscribeAsync('#', { qos: 1 })
      for (let i = 0; i < 3000; i++) void publish({ topic: `m/${i % 7}`, payload: String(i), qos: i % 2 ? 1 : 0, retain: i % 3 === 0 })
      await inbox.has(3000)
      assert.deepEqual(inbox.texts, numbers(3000))
    })

    it(`the same from a client to a ${session} session: all arrive, in order for each QoS`, async () => {
      await listen()
      const inbox = new Inbox(await join({ clean, clientId: 'subscriber' }))
      await inbox.client.subscribeAsync('#', { qos: 1 })
      const publisher = await join()
      const sent = numbers(3000).map((text, i) => publisher.publishAsync(`m/${i % 7}`, text, { qos: i % 2 ? 1 : 0, retain: i % 3 === 0 }))
      await Promise.all(sent)
      await inbox.has(3000)
      // Between the two there is no order [MQTT-4.6.0-6]: Aedes publishes a QoS 1 message only when its PUBACK is out.
      for (const odd of [0, 1]) {
        const ofQos = (text: string): boolean => Number(text) % 2 === odd
        assert.deepEqual(inbox.texts.filter(ofQos), numbers(3000).filter(ofQos))
      }
    })
  }

  it('two overlapping QoS 1 filters on a persistent session: stays connected, everything arrives, nothing stays queued', async () => {
    await listen()
    const inbox = new Inbox(await join({ clean: false, clientId: 'overlap' }))
    await inbox.client.subscribeAsync({ 'l/#': { qos: 1 }, 'l/+/x': { qos: 1 } })
    const emptied = new Promise<void>((resolve, reject) => {
      AbortSignal.timeout(limit).addEventListener('abort', () => reject(new Error(`${store.queued('overlap')} messages stayed queued`)))
      broker.on('ack', () => void (store.queued('overlap') === 0 && resolve()))
    })
    for (let i = 0; i < 1000; i++) void publish({ topic: `l/${i % 5}/x`, payload: String(i), qos: 1 })
    await Promise.all([inbox.has(1000), emptied])
    assert.deepEqual([...new Set(inbox.texts)], numbers(1000))
    assert.equal(inbox.client.connected, true)
  })

  it('a session that returns gets its queue in order, with DUP on what was sent before', async () => {
    await listen()
    const options = { clean: false, clientId: 'returns' }
    const setup = await join(options)
    await setup.subscribeAsync('q/#', { qos: 1 })
    await Promise.all([gone(), setup.endAsync()])

    const withheld = rejoin(options, (packet) => textOf(packet) === '2')
    await once(broker, 'clientReady', { signal: AbortSignal.timeout(limit) })
    for (let i = 0; i < 5; i++) await publish({ topic: `q/${i}`, payload: String(i), qos: 1, retain: i === 3 })
    await withheld.has(3)
    await Promise.all([gone(), withheld.client.endAsync(true)])
    for (let i = 5; i < 8; i++) await publish({ topic: `q/${i}`, payload: String(i), qos: 1 })
    assert.equal(store.queued('returns'), 6)

    const returned = rejoin(options)
    await returned.has(6)
    assert.deepEqual(
      returned.packets.map((packet) => [textOf(packet), packet.dup, packet.retain]),
      [
        ['2', true, false],
        ['3', true, false],
        ['4', true, false],
        ['5', false, false],
        ['6', false, false],
        ['7', false, false]
      ]
    )
  })

  it('a clean connection ends a session with a long queue', async () => {
    await listen()
    const setup = await join({ clean: false, clientId: 'ends' })
    await setup.subscribeAsync('q', { qos: 1 })
    await Promise.all([gone(), setup.endAsync()])
    for (let i = 0; i < 100; i++) await publish({ topic: 'q', payload: String(i), qos: 1 })
    const ready = once(broker, 'clientReady', { signal: AbortSignal.timeout(limit) })
    await join({ clean: true, clientId: 'ends' })
    await ready
    assert.equal(store.queued('ends'), 0)
  })

  it('live messages held back until the queue is out: no inversion over 12 reconnects in a stream of 2000', async () => {
    // The recipe for the gateway: Aedes sends live messages between CONNECT and the end of the replay; authorizeForward can say
    // "not yet" (a live packet has no id, one of the replay has), and what was held back is sent at `clientReady`.
    await listen({
      authorizeForward: (client, packet) =>
        client.connecting && !client.clean && packet.qos > 0 && packet.messageId === undefined ? null : packet
    })
    broker.on('clientReady', (client: Client) => {
      if (client.clean) return
      const inner = client as Inner
      for (const brokerId of Object.keys(inner.duplicates)) delete inner.duplicates[brokerId]
      for (const packet of store.unsent(client.id)) inner.deliverQoS(packet, () => {})
    })
    const options = { clean: false, clientId: 'flaps' }
    const setup = await join(options)
    await setup.subscribeAsync('f/#', { qos: 1 })
    await Promise.all([gone(), setup.endAsync()])

    const total = 2000
    let sent = 0
    const more = (count: number): void => {
      for (let i = 0; i < count && sent < total; i++, sent++) void publish({ topic: 'f/x', payload: String(sent), qos: 1 })
    }
    const first: number[] = []
    const plainCopies: number[] = []
    const seen = new Set<number>()
    more(200)
    for (let round = 0; round < 13; round++) {
      const inbox = rejoin(options)
      inbox.client.on('message', (_topic, payload, { dup }) => {
        const number = Number(payload)
        if (!seen.has(number)) first.push(number)
        else if (!dup) plainCopies.push(number)
        seen.add(number)
        more(1)
      })
      if (round < 12) {
        await inbox.has(50)
        await Promise.all([gone(), inbox.client.endAsync(true)])
        more(20)
      } else {
        await until(
          inbox.client,
          () => seen.size === total,
          () => `${seen.size} of ${total} came`
        )
      }
    }
    assert.deepEqual(
      first,
      Array.from({ length: total }, (_, i) => i)
    )
    assert.deepEqual(plainCopies, [], 'copies without DUP')
  })
})
