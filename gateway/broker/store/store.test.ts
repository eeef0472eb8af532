import assert from 'node:assert/strict'
import type { PacketLike, Publish, Qos } from './packet.js'
import { Store } from './store.js'

const session = 's'

function publish(brokerCounter: number, qos: Qos = 1, more: PacketLike = {}): PacketLike {
  return { cmd: 'publish', brokerId: 'b', brokerCounter, topic: 't', payload: String(brokerCounter), qos, ...more }
}

/** The packet as Aedes would write it: given an id, then shown to the store. */
async function send(store: Store, client: { id: string }, brokerCounter: number, messageId: number, qos: Qos = 1): Promise<PacketLike> {
  const packet = publish(brokerCounter, qos, { messageId })
  await store.outgoingUpdate(client, packet)
  return packet
}

async function queueOf(store: Store, client = { id: session }): Promise<Publish[]> {
  return (await store.outgoingStream(client).toArray()) as Publish[]
}

async function retained(store: Store, ...filters: string[]): Promise<unknown[]> {
  const packets = (await store.createRetainedStreamCombi(filters).toArray()) as PacketLike[]
  return packets.map(({ topic }) => topic)
}

describe('store', () => {
  let store: Store
  beforeEach(() => (store = new Store()))

  it('keeps of a small payload no more than itself, whatever it was read with', async () => {
    const chunk = Buffer.alloc(65_536, 'x')
    const held = (packet: PacketLike | undefined): number => (packet as { payload: Buffer }).payload.buffer.byteLength
    await store.storeRetained(publish(1, 1, { payload: chunk.subarray(10, 14), retain: true }))
    await store.addSubscriptions({ id: session }, [{ topic: 't', qos: 1 }])
    await store.outgoingEnqueueCombi(await store.subscriptionsByTopic('t'), publish(1, 1, { payload: chunk.subarray(10, 14) }))
    assert.deepEqual([held(store.retained('t')), held((await queueOf(store))[0])], [4, 4])
  })

  it('keeps of a large QoS 2 message the id alone, and of a small one all', async () => {
    await store.incomingStorePacket({ id: session }, publish(1, 2, { messageId: 1, payload: Buffer.alloc(1_000_000, 'x') }))
    await store.incomingStorePacket({ id: session }, publish(2, 2, { messageId: 2 }))
    const found = await Promise.all([1, 2].map((messageId) => store.incomingGetPacket({ id: session }, { messageId })))
    assert.deepEqual(
      found.map(({ payload }) => payload.length),
      [0, 1]
    )
    assert.deepEqual([store.hasIncoming(session, 1), store.incoming(session)], [true, 2])
  })

  it('knows what the filters of all sessions take', async () => {
    await store.addSubscriptions({ id: session }, [{ topic: 'a/b', qos: 1 }])
    const { cost } = store.filters
    assert.ok(cost > 'a/b'.length)
    await store.addSubscriptions({ id: session }, [{ topic: 'a/b', qos: 0 }])
    await store.addSubscriptions({ id: 'other' }, [{ topic: 'a/b', qos: 0 }])
    assert.equal(store.filters.cost, 2 * cost)
    assert.deepEqual([store.filters.has('other', 'a/b'), store.filters.has('other', 'a')], [true, false])
    await store.removeSubscriptions({ id: session }, ['a/b', 'c'])
    store.endSession('other')
    assert.equal(store.filters.cost, 0)
  })

  it('knows what the queues of all sessions take', () => {
    const asked: number[] = []
    store.bound = (_client, _queued, _bytes, all) => {
      asked.push(all)
      return true
    }
    void store.outgoingEnqueueCombi([{ clientId: 'a' }, { clientId: 'b' }], publish(1, 1, { payload: 'x'.repeat(1000) }))
    assert.ok((asked[1] ?? 0) > (asked[0] ?? 0) + 1000)
    store.endSession('a')
    store.endSession('b')
    void store.outgoingEnqueueCombi([{ clientId: 'a' }], publish(2, 1, { payload: 'x'.repeat(1000) }))
    assert.equal(asked[2], asked[0])
  })

  it('queues a message once per session, at the highest QoS that was granted and published', async () => {
    await store.addSubscriptions({ id: session }, [
      { topic: 't', qos: 1 },
      { topic: '#', qos: 2 },
      { topic: '+', qos: 0 }
    ])
    await store.outgoingEnqueueCombi(await store.subscriptionsByTopic('t'), publish(1, 2))
    await store.outgoingEnqueueCombi(await store.subscriptionsByTopic('t'), publish(2, 1))
    await store.removeSubscriptions({ id: session }, ['#'])
    await store.outgoingEnqueueCombi(await store.subscriptionsByTopic('t'), publish(3, 2))
    const queue = await queueOf(store)
    assert.deepEqual(
      queue.map(({ payload, qos }) => [payload, qos]),
      [
        ['1', 2],
        ['2', 1],
        ['3', 1]
      ]
    )
  })

  it('touches nothing for a packet without message id', async () => {
    const client = { id: session }
    await store.outgoingEnqueue({ clientId: session }, publish(1))
    await store.outgoingEnqueue({ clientId: session }, publish(2))
    assert.equal(await store.outgoingClearMessageId(client, publish(1)), undefined)
    await store.outgoingUpdate(client, publish(2))
    assert.equal(store.queued(session), 2)
    assert.equal(store.unsent(session).length, 2)
  })

  it('gives another id when the one that Aedes counted is still open', async () => {
    const client = { id: session }
    for (const counter of [1, 2, 3]) await store.outgoingEnqueue({ clientId: session }, publish(counter))
    assert.equal((await send(store, client, 1, 65535)).messageId, 65535)
    assert.equal((await send(store, client, 2, 65535)).messageId, 1)
    assert.equal((await send(store, client, 3, 1)).messageId, 2)
    assert.equal((await store.outgoingClearMessageId(client, { messageId: 1 }))?.cmd, 'publish')
    const queue = await queueOf(store)
    assert.deepEqual(
      queue.map(({ payload }) => payload),
      ['1', '3']
    )
  })

  it('refuses to send when all 65,535 ids are open', async () => {
    const client = { id: session }
    for (let counter = 1; counter <= 65536; counter++) void store.outgoingEnqueue({ clientId: session }, publish(counter))
    for (let counter = 1; counter <= 65535; counter++) void store.outgoingUpdate(client, publish(counter, 1, { messageId: counter }))
    await assert.rejects(send(store, client, 65536, 1), /all packet ids are open/)
  })

  it('sets DUP on what was sent on another connection, and only there', async () => {
    const [first, second] = [{ id: session }, { id: session }]
    for (const counter of [1, 2, 3]) await store.outgoingEnqueue({ clientId: session }, publish(counter, 2))
    await send(store, first, 1, 7)
    await send(store, first, 2, 8)
    await store.outgoingUpdate(first, { cmd: 'pubrel', messageId: 7 })
    const dups = (packets: Publish[]): unknown[] => packets.map(({ cmd, messageId, dup }) => [cmd, messageId, dup ?? false])
    const before = [
      ['pubrel', 7, false],
      ['publish', 8, false],
      ['publish', undefined, false]
    ]
    assert.deepEqual(dups(await queueOf(store, first)), before)
    assert.deepEqual(dups(await queueOf(store, second)), [before[0], ['publish', 8, true], before[2]])
  })

  it('leaves out of a replay what was acknowledged or sent before its turn', async () => {
    const client = { id: session }
    for (const counter of [1, 2, 3, 4]) await store.outgoingEnqueue({ clientId: session }, publish(counter))
    const stream = store.outgoingStream(client)
    await send(store, client, 2, 2)
    await store.outgoingClearMessageId(client, { messageId: 2 })
    await send(store, client, 3, 3)
    assert.deepEqual(
      ((await stream.toArray()) as Publish[]).map(({ payload }) => payload),
      ['1', '4']
    )
  })

  it('keeps the PUBREL of a QoS 2 message that never was in the queue', async () => {
    const client = { id: session }
    await store.outgoingUpdate(client, { cmd: 'pubrel', messageId: 5 })
    assert.deepEqual(await queueOf(store, { id: session }), [{ cmd: 'pubrel', messageId: 5 }])
    await store.outgoingClearMessageId(client, { messageId: 5 })
    assert.equal(store.queued(session), 0)
  })

  it('queues without the retain flag', async () => {
    await store.outgoingEnqueue({ clientId: session }, publish(1, 1, { retain: true }))
    assert.equal((await queueOf(store))[0]?.retain, false)
  })

  it('gives each retained topic once, and an exact filter its own', async () => {
    for (const topic of ['a', 'a/b', 'a/c', 'x/', '$SYS/up']) await store.storeRetained({ topic, payload: '1', retain: true })
    await store.storeRetained({ topic: 'a/c', payload: '', retain: true })
    assert.deepEqual(await retained(store, '#', 'a/+', 'a', 'a/b'), ['a', 'a/b', 'x/'])
    assert.deepEqual(await retained(store, 'a/b'), ['a/b'])
    assert.deepEqual(await retained(store, 'x/+'), ['x/'])
    assert.deepEqual(await retained(store, '$SYS/#'), ['$SYS/up'])
    assert.equal(store.retainedCount(), 4)
    assert.equal(store.retained('a/b')?.payload, '1')
  })

  it('knows a QoS 2 repetition until its PUBREL', async () => {
    await store.incomingStorePacket({ id: session }, publish(1, 2, { messageId: 9 }))
    assert.equal(store.hasIncoming(session, 9), true)
    assert.equal(store.hasIncoming('other', 9), false)
    await store.incomingDelPacket({ id: session }, { messageId: 9 })
    assert.equal(store.hasIncoming(session, 9), false)
    await assert.rejects(store.incomingDelPacket({ id: session }, { messageId: 9 }), /no open QoS 2 message 9/)
  })

  it('forgets a session entirely, and knows one without subscriptions', async () => {
    assert.equal(store.openSession(session), false)
    assert.equal(store.openSession(session), true)
    await store.addSubscriptions({ id: session }, [{ topic: 't', qos: 1 }])
    await store.outgoingEnqueue({ clientId: session }, publish(1))
    await store.outgoingEnqueue({ clientId: session }, publish(2))
    await store.incomingStorePacket({ id: session }, publish(3, 2, { messageId: 1 }))
    assert.equal(store.forget(session, publish(1)), true)
    assert.deepEqual(store.sessions(), { sessions: 1, subscriptions: 1, queued: 1, incoming: 1, retained: 0 })
    await store.cleanSubscriptions({ id: session })
    assert.equal(store.hasSession(session), false)
    assert.deepEqual(store.sessions(), { sessions: 0, subscriptions: 0, queued: 0, incoming: 0, retained: 0 })
  })
})
