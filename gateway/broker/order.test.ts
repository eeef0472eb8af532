import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { Aedes } from 'aedes'
import type { AedesOptions, Client, PublishPacket } from 'aedes'
import { RawClient, packets } from '../../test/support/raw-mqtt.js'
import { OrderedAedes } from './order.js'
import { Store } from './store/store.js'

type Callback = (error?: Error | null) => void

/** A broker on a socket, and what it published, in order. */
interface Bench {
  readonly broker: Aedes
  readonly published: string[]
  readonly port: number
  readonly has: (count: number) => Promise<void>
}

describe('order of what a client publishes', () => {
  let server: Server
  let broker: Aedes
  const sockets = new Set<Socket>()

  async function open(authorizePublish: AedesOptions['authorizePublish'], ordered = true): Promise<Bench> {
    const store = new Store()
    const options: AedesOptions = { persistence: store, concurrency: 0, ...(authorizePublish ? { authorizePublish } : {}) }
    broker = ordered ? new OrderedAedes(options, ({ id }, messageId) => store.hasIncoming(id, messageId)) : new Aedes(options)
    await broker.listen()
    const published: string[] = []
    let met = (): void => {}
    broker.subscribe(
      't/#',
      (packet, done) => {
        published.push(packet.payload.toString())
        met()
        done()
      },
      () => {}
    )
    server = createServer((socket) => {
      sockets.add(socket.once('close', () => sockets.delete(socket)))
      broker.handle(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const has = (count: number): Promise<void> =>
      new Promise((resolve) => {
        met = () => void (published.length >= count && resolve())
        met()
      })
    return { broker, published, port: (server.address() as AddressInfo).port, has }
  }

  afterEach(async () => {
    await new Promise<void>((resolve) => broker.close(resolve))
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  /** 600 packets of all QoS in a few writes. */
  async function send(port: number): Promise<string[]> {
    const client = await RawClient.connect(port, 'publisher')
    const sent: string[] = []
    const bytes: Buffer[] = []
    for (let i = 0; i < 600; i++) {
      sent.push(String(i))
      bytes.push(packets.publish(`t/${i % 3}`, String(i), { qos: (i * 7) % 3, retain: i % 5 === 0, id: i + 1 }))
    }
    client.send(...bytes.slice(0, 200))
    client.send(...bytes.slice(200))
    return sent
  }

  /** Answers late, the later packets often before the earlier ones. */
  const late = (_client: Client | null, packet: PublishPacket, callback: Callback): void => {
    if (packet.qos === 0) callback()
    else setTimeout(callback, (Number(packet.payload.toString()) * 7) % 5)
  }

  it('is kept between QoS 0, 1 and 2', async () => {
    const { published, port, has } = await open(undefined)
    const sent = await send(port)
    await has(600)
    assert.deepEqual(published, sent)
  })

  it('is kept when judgements are late and out of order, and they go on at the same time', async () => {
    let [underway, most] = [0, 0]
    const { published, port, has } = await open((client, packet, callback) => {
      most = Math.max(most, ++underway)
      late(client, packet, (error) => {
        underway--
        callback(error)
      })
    })
    const sent = await send(port)
    await has(600)
    assert.deepEqual(published, sent)
    assert.ok(most > 50, `${most} at a time`)
  })

  it('is lost in bare Aedes, at once or with late judgements', async () => {
    for (const authorizePublish of [undefined, late]) {
      const { published, port, has } = await open(authorizePublish, false)
      const sent = await send(port)
      await has(600)
      assert.notDeepEqual(published, sent)
      await new Promise<void>((resolve) => broker.close(resolve))
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
    await open(undefined)
  })

  it('holds for a will, and what a client sent before it died is published', async () => {
    const { published, port, has } = await open(late)
    const client = await RawClient.connect(port, 'mortal', { will: { topic: 't/will', payload: 'will', qos: 1 } })
    client.send(...[0, 1, 2, 3].map((i) => packets.publish('t/a', String(i), { qos: i === 1 ? 2 : 0, id: 9 })))
    await client.next('pubrec')
    client.close()
    await has(5)
    assert.deepEqual(published, ['0', '1', '2', '3', 'will'])
  })

  it('a QoS 2 packet sent again, also while the first copy is judged, is published and judged once', async () => {
    const judged: string[] = []
    const { published, port, has } = await open((_client, packet, callback) => {
      judged.push(packet.payload.toString())
      setTimeout(callback, 2)
    })
    const client = await RawClient.connect(port, 'again')
    const [first, again] = [false, true].map((dup) => packets.publish('t/a', 'once', { qos: 2, id: 5, dup })) as [Buffer, Buffer]
    client.send(first, again, packets.publish('t/a', 'next'))
    await client.next('pubrec')
    await client.next('pubrec')
    client.send(again, packets.publish('t/a', 'last'))
    await client.next('pubrec')
    await has(3)
    assert.deepEqual(published, ['once', 'next', 'last'])
    assert.deepEqual(judged, ['once', 'next', 'once', 'last'])
  })

  it('a packet that is refused ends the connection, and nothing waits for it', async () => {
    const { published, port, has } = await open((_client, packet, callback) =>
      setTimeout(callback, 1, packet.payload.toString() === 'bad' ? new Error('refused') : null)
    )
    const client = await RawClient.connect(port, 'refused')
    client.send(packets.publish('t/a', 'good'), packets.publish('t/a', 'bad', { qos: 1 }), packets.publish('t/a', 'late'))
    await client.closed()
    await has(2)
    assert.deepEqual(published, ['good', 'late'])
  })
})
