import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { AedesPublishPacket, Client } from 'aedes'
import { RawClient, packets } from '../../test/support/raw-mqtt.js'
import type { ConnectOptions, Received } from '../../test/support/raw-mqtt.js'
import { Delivery } from './delivery.js'
import { Emitter } from './emitter.js'
import { OrderedAedes } from './order.js'
import { Store } from './store/store.js'

const window = 32

describe('delivery', () => {
  let server: Server
  let store: Store
  let broker: OrderedAedes
  let port: number
  let shed: number
  let errors: string[]
  const sockets = new Set<Socket>()

  beforeEach(async () => {
    store = new Store()
    shed = 0
    errors = []
    const mq = new Emitter<AedesPublishPacket>((error) => assert.fail(String(error)))
    broker = new OrderedAedes({ id: 'labgate', persistence: store, mq, drainTimeout: 0 }, ({ id }, messageId) =>
      store.hasIncoming(id, messageId)
    )
    new Delivery(broker, store, { window, shed: () => shed++, mayHave: () => true })
    broker.on('clientError', (_client, error) => errors.push(error.message))
    await broker.listen()
    server = createServer((socket) => {
      sockets.add(socket.once('close', () => sockets.delete(socket)))
      broker.handle(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    port = (server.address() as AddressInfo).port
  })

  afterEach(async () => {
    await new Promise<void>((resolve) => broker.close(resolve))
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  const publish = (topic: string, payload: string, qos: 0 | 1 | 2 = 1, retain = false): Promise<void> =>
    new Promise((resolve) => broker.publish({ cmd: 'publish', topic, payload, qos, retain, dup: false }, () => resolve()))

  const texts = (received: readonly Received[]): string[] => received.map(({ text }) => text)
  const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i))

  /** A client of a persistent session with filters. */
  async function join(
    clientId: string,
    filters: Record<string, number> = {},
    options: ConnectOptions = { clean: false }
  ): Promise<RawClient> {
    const client = await RawClient.connect(port, clientId, options)
    const entries = Object.entries(filters)
    if (entries.length > 0) {
      client.send(packets.subscribe(1, ...entries))
      await client.next('suback')
    }
    return client
  }

  async function leave(client: RawClient): Promise<void> {
    const gone = once(broker, 'clientDisconnect')
    client.close()
    await gone
  }

  it('a persistent session has no more than the window unacknowledged; the rest comes with the acknowledgements, QoS 0 in its place', async () => {
    const client = await join('slow', { 'w/#': 1 })
    for (let i = 0; i < 100; i++) await publish(`w/${i % 3}`, String(i), i % 10 === 9 ? 0 : 1)
    await client.settled()
    // 32 of QoS 1, and the 3 of QoS 0 among them.
    assert.deepEqual(texts(client.received), numbers(0, 35))
    const ids = client.received.flatMap(({ id }) => id ?? [])
    client.send(packets.puback(ids[0] as number), packets.puback(ids[1] as number))
    await client.has(37)
    await client.settled()
    assert.deepEqual(texts(client.received), numbers(0, 37))
    client.onPublish = undefined
    for (const id of ids.slice(2)) client.send(packets.puback(id))
    await client.has(70)
    assert.deepEqual(texts(client.received), numbers(0, client.received.length))
  })

  it('is bounded for who does not acknowledge: QoS 0 is left out and counted, QoS 1 comes from the store', async () => {
    const client = await join('never', { 'w/#': 1 })
    const total = 5000
    for (let i = 0; i < total; i++) await publish('w/x', String(i), i >= 1500 && i % 2 ? 0 : 1)
    await client.settled()
    assert.equal(client.received.length, window)
    assert.ok(shed > 500, `${shed} left out`)
    const got = texts(client.received)
    client.onPublish = ({ id, text }) => {
      got.push(text)
      if (id !== undefined) client.send(packets.puback(id))
    }
    const last = new Promise<void>((resolve) => broker.on('ack', () => void (store.queued('never') === 0 && resolve())))
    for (const { id } of client.received) client.send(packets.puback(id as number))
    await last
    assert.deepEqual(
      got.map(Number),
      got.map(Number).toSorted((a, b) => a - b)
    )
    assert.equal(got.length, total - shed)
  })

  it('a session that returns: CONNACK first, then what was unacknowledged with DUP, then the rest, then what is published now', async () => {
    const first = await join('returns', { 'r/#': 1 })
    for (let i = 0; i < 50; i++) await publish('r/x', String(i))
    await first.has(window)
    first.send(packets.puback(first.received[1]?.id as number))
    await first.settled()
    await leave(first)
    for (let i = 50; i < 60; i++) await publish('r/x', String(i))

    const back = RawClient.open(port, 'returns', { clean: false })
    const opened = once(broker, 'client')
    await opened
    await publish('r/x', '60', 0)
    await publish('r/x', '61', 1)
    const got: Received[] = []
    back.onPublish = (packet) => {
      got.push(packet)
      if (packet.id !== undefined) back.send(packets.puback(packet.id))
    }
    const all = new Promise<void>((resolve) => broker.on('ack', () => void (store.queued('returns') === 0 && resolve())))
    await all
    await back.settled()
    assert.equal(back.first, 'connack')
    assert.equal(back.sessionPresent, true)
    assert.deepEqual(texts(got), ['0', ...numbers(2, 62)])
    const again = first.received.filter((_, i) => i !== 1).map(({ text, id }) => [text, id])
    assert.deepEqual(
      got.filter(({ dup }) => dup).map(({ text, id }) => [text, id]),
      again.slice(0, got.filter(({ dup }) => dup).length)
    )
    assert.equal(got.filter(({ dup }) => dup).length, window)
  })

  it('gives no packet id twice while it is open: 70,000 unacknowledged, a clean session is cut, a persistent one waits', async function () {
    this.timeout(20_000)
    const clean = await join('clean', { 'i/#': 1 }, {})
    const kept = await join('kept', { 'i/#': 1 })
    const ids: number[] = []
    clean.onPublish = ({ id }) => ids.push(id as number)
    for (let i = 0; i < 70_000; i++) void publish('i/x', '', 1)
    await clean.closed()
    await kept.settled()
    assert.equal(new Set(ids).size, ids.length)
    assert.ok(ids.length <= 65_535)
    assert.deepEqual(errors, ['it has left 65535 messages unacknowledged'])
    assert.equal(kept.received.length, window)
    assert.equal(store.queued('kept'), 70_000)
  })

  for (const clean of [true, false]) {
    it(`overlapping filters of a ${clean ? 'clean' : 'persistent'} session: each message once, with the highest QoS`, async () => {
      const filters = [
        { 'o/#': 0, 'o/x': 1, '+/x': 0 },
        { 'o/x': 1, 'o/#': 0, '#': 1 }
      ]
      for (const [at, one] of filters.entries()) {
        const client = await join(`overlap-${at}`, one, { clean })
        for (let i = 0; i < 20; i++) await publish('o/x', String(i), (i % 2) as 0 | 1)
        await client.has(20)
        await client.settled()
        assert.deepEqual(texts(client.received), numbers(0, 20))
        assert.deepEqual(
          client.received.map(({ qos }) => qos),
          numbers(0, 20).map((i) => Number(i) % 2)
        )
      }
    })
  }

  it('a retained message that is older than what came live is left out', async () => {
    await publish('r/old', '1', 1, true)
    const original = store.createRetainedStreamCombi.bind(store)
    store.createRetainedStreamCombi = (filters) => {
      const found = original(filters)
      // Published after the retained messages were looked up.
      found.once('data', () => {})
      void publish('r/old', '2', 1, true)
      return found
    }
    const client = await join('late', { 'r/#': 1 }, {})
    await client.has(1)
    await client.settled()
    assert.deepEqual(texts(client.received), ['2'])
  })

  it('retained messages to a persistent session keep to the window and are kept until they are acknowledged', async () => {
    for (let i = 0; i < 50; i++) await publish(`k/${i}`, String(i), 1, true)
    const client = await join('retains', { 'k/#': 1 })
    await client.has(window)
    await client.settled()
    assert.equal(client.received.length, window)
    assert.ok(client.received.every(({ retain, dup }) => retain && !dup))
    const [one] = client.received
    client.send(packets.puback(one?.id as number))
    await client.has(window + 1)
    await leave(client)
    const back = await join('retains')
    await back.has(window)
    assert.deepEqual(texts(back.received), texts(client.received).slice(1))
    assert.ok(back.received.every(({ retain, dup }) => retain && dup))
  })

  it('a session without subscriptions is present, until a clean connection ends it', async () => {
    const first = await join('plain')
    assert.equal(first.sessionPresent, false)
    await leave(first)
    const second = await join('plain')
    assert.equal(second.sessionPresent, true)
    await leave(second)
    await leave(await join('plain', {}, { clean: true }))
    assert.equal((await join('plain')).sessionPresent, false)
  })

  it('a client that takes over brings its own will, and it stays', async () => {
    const watcher = await join('watcher', { 'will/#': 0 })
    const will = (payload: string): ConnectOptions => ({ will: { topic: 'will/x', payload } })
    const old = await join('same', {}, will('old'))
    const next = await join('same', {}, will('new'))
    await old.closed()
    await watcher.has(1)
    assert.equal((await store.getWill({ id: 'same' }))?.payload?.toString(), 'new')
    next.close()
    await watcher.has(2)
    assert.deepEqual(texts(watcher.received), ['old', 'new'])
    await watcher.settled()
    assert.equal(await store.getWill({ id: 'same' }), undefined)
  })

  it('a subscriber that is gone holds nobody up', async () => {
    const client = await join('gone', { 'g/#': 1 })
    const waits = Array.from({ length: 200 }, (_, i) => publish('g/x', String(i), (i % 2) as 0 | 1))
    client.close()
    await Promise.all(waits)
    const first = Object.values((broker as unknown as { clients: Record<string, Client> }).clients)
    assert.ok(first.length <= 1)
  })
})
