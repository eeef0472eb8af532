import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { type Change, type Disk, openLevel } from './disk.js'
import { formatKey, rowOf } from './format.js'
import { Journal } from './journal.js'
import type { PacketLike, Qos } from './packet.js'
import { decodePacket, encodePacket } from './record.js'
import { Store } from './store.js'

/** A disk in memory that fails on demand. What tells its format is not among its rows. */
class FakeDisk implements Disk {
  rows = new Map<string, Buffer>()
  batches: (readonly Change[])[] = []
  syncs: boolean[] = []
  opens = 0
  failure: Error | undefined
  hold: Promise<void> | undefined

  readonly open = async (): Promise<Disk> => {
    this.opens++
    return this
  }

  async *read(): AsyncGenerator<[string, Buffer]> {
    yield [formatKey, rowOf(1)]
    yield* [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  async write(changes: readonly Change[], sync: boolean): Promise<void> {
    await this.hold
    if (this.failure !== undefined) throw this.failure
    this.batches.push(changes)
    this.syncs.push(sync)
    for (const { key, value } of changes) {
      if (value === undefined) this.rows.delete(key)
      else this.rows.set(key, value)
    }
  }

  async close(): Promise<void> {}
}

const bytes = (text: string) => () => Buffer.from(text)

async function opened(disk: FakeDisk, options: { maxBytes?: number; states?: unknown[]; durability?: 'strict' } = {}): Promise<Journal> {
  const journal = new Journal({
    open: disk.open,
    durability: options.durability ?? 'fast',
    state: (failure) => options.states?.push(failure?.message),
    ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes })
  })
  await journal.open(() => {})
  return journal
}

describe('journal', () => {
  it('writes one batch at a time, with all that gathered meanwhile, the last change of a row only', async () => {
    const disk = new FakeDisk()
    const journal = await opened(disk)
    const order: string[] = []
    journal.put('a', bytes('1'), 1)
    journal.whenCommitted(() => order.push('first'))
    let release = (): void => {}
    disk.hold = new Promise((resolve) => (release = resolve))
    await new Promise((resolve) => setImmediate(resolve))
    journal.put('a', bytes('2'), 1)
    journal.put('b', bytes('3'), 1)
    journal.put('a', bytes('4'), 1)
    journal.del('b')
    journal.whenCommitted(() => order.push('second'))
    const third = journal.committed().then(() => order.push('third'))
    assert.deepEqual(order, [])
    release()
    await third
    assert.deepEqual(order, ['first', 'second', 'third'])
    assert.deepEqual(
      disk.batches.map((batch) => batch.map(({ key, value }) => `${key}=${String(value)}`)),
      [['a=1'], ['a=4', 'b=undefined']]
    )
    await journal.close()
  })

  it('writes what nobody waits for within a second, and at close', async () => {
    const disk = new FakeDisk()
    const journal = await opened(disk)
    journal.put('a', bytes('1'), 1)
    await journal.close()
    assert.equal(String(disk.rows.get('a')), '1')
    await journal.close()
  })

  it('syncs when it is strict', async () => {
    for (const durability of ['strict', undefined] as const) {
      const disk = new FakeDisk()
      const journal = await opened(disk, durability === undefined ? {} : { durability })
      journal.put('a', bytes('1'), 1)
      await journal.committed()
      assert.deepEqual(disk.syncs, [durability === 'strict'])
      await journal.close()
    }
  })

  it('tells nobody while writing fails, says so once, opens afresh, and recovers with all of it', async () => {
    const disk = new FakeDisk()
    const states: unknown[] = []
    const journal = await opened(disk, { states })
    disk.failure = new Error('ENOSPC')
    let told = false
    const failed = new Promise<void>((resolve) => {
      const look = (): void => void (states.length > 0 ? resolve() : setImmediate(look))
      look()
    })
    journal.put('a', bytes('1'), 1)
    const committed = journal.committed().then(() => (told = true))
    await failed
    journal.put('a', bytes('2'), 1)
    journal.put('b', bytes('3'), 1)
    assert.equal(told, false)
    assert.equal(journal.failure?.message, 'ENOSPC')
    disk.failure = undefined
    await committed
    assert.deepEqual([...new Set(states)], ['ENOSPC', undefined])
    assert.equal(disk.opens, 2)
    assert.deepEqual([...disk.rows].map(([key, value]) => key + String(value)).sort(), ['a2', 'b3'])
    await journal.close()
  })

  it('is full beyond its bytes, and tells when there is room', async () => {
    const disk = new FakeDisk()
    const journal = await opened(disk, { maxBytes: 100 })
    journal.put('a', bytes('1'), 60)
    journal.put('a', bytes('2'), 60)
    assert.equal(journal.full, false)
    journal.put('b', bytes('2'), 60)
    assert.equal(journal.full, true)
    await new Promise<void>((resolve) => journal.whenRoom(resolve))
    assert.equal(journal.full, false)
    await journal.close()
  })
})

describe('record', () => {
  const qos = fc.constantFrom<Qos[]>(0, 1, 2)
  it('gives back every packet', () => {
    const packet = fc.record(
      {
        cmd: fc.constant('publish'),
        brokerId: fc.constantFrom(undefined, 'broker'),
        brokerCounter: fc.constantFrom(undefined, 1, 1_763_000_000_000_000),
        topic: fc.string({ unit: 'grapheme', maxLength: 30 }),
        payload: fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.uint8Array().map((array) => Buffer.from(array))
        ),
        qos,
        retain: fc.boolean(),
        dup: fc.boolean(),
        messageId: fc.constantFrom(undefined, 1, 65535)
      },
      { noNullPrototype: true }
    )
    fc.assert(
      fc.property(packet, fc.boolean(), (given, sent) => {
        assert.deepEqual(decodePacket(encodePacket(given, sent)), { packet: given, sent })
        const more = { ...given, clientId: 'c', nl: true, properties: { a: 'b' } }
        assert.deepEqual(decodePacket(encodePacket(more)).packet, more)
      })
    )
  })
})

describe('store with a journal', function () {
  this.timeout(20_000)
  let folder: string
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'labgate-store-'))))
  afterEach(async () => await rm(folder, { recursive: true, force: true }))

  const make = async (): Promise<Store> => {
    const store = new Store(new Journal({ open: () => openLevel(folder), durability: 'fast' }))
    await store.setup({ id: 'broker' })
    return store
  }
  const dump = (store: Store): Record<string, string> =>
    Object.fromEntries(
      [...store.rows()].map(([key, value]): [string, string] => [key, value.toString('latin1')]).sort(([a], [b]) => (a < b ? -1 : 1))
    )

  const clients = fc.constantFrom('a', 'b', 'c/ü', '')
  const topics = fc.constantFrom('t', 't/u', 'x/y', '/', 'ü/€')
  const filters = fc.constantFrom('t', 't/#', '+/u', '#', 'ü/+')
  const ids = fc.integer({ min: 1, max: 5 })
  const qoses = fc.constantFrom<Qos[]>(0, 1, 2)
  const operation = fc.oneof(
    fc.record({ do: fc.constant('retain' as const), topic: topics, text: fc.constantFrom('', 'x', 'long text'), qos: qoses }),
    fc.record({ do: fc.constant('subscribe' as const), client: clients, filter: filters, qos: qoses }),
    fc.record({ do: fc.constant('unsubscribe' as const), client: clients, filter: filters }),
    fc.record({ do: fc.constant('publish' as const), topic: topics, text: fc.string(), qos: qoses }),
    fc.record({ do: fc.constant('send' as const), client: clients, id: ids }),
    fc.record({ do: fc.constant('pubrel' as const), client: clients, id: ids }),
    fc.record({ do: fc.constant('ack' as const), client: clients, id: ids }),
    fc.record({ do: fc.constant('receive' as const), client: clients, id: ids }),
    fc.record({ do: fc.constant('release' as const), client: clients, id: ids }),
    fc.record({ do: fc.constant('will' as const), client: clients, topic: topics }),
    fc.record({ do: fc.constant('unwill' as const), client: clients }),
    fc.record({ do: fc.constant('end' as const), client: clients }),
    fc.record({ do: fc.constant('note' as const), topic: topics, text: fc.constantFrom('', 'n') }),
    fc.record({ do: fc.constant('reopen' as const) })
  )

  it('is the same after close and reopen, whatever happened to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        await rm(folder, { recursive: true, force: true })
        let store = await make()
        let counter = 0
        for (const op of operations) {
          const ref = { id: 'client' in op ? op.client : '' }
          const packet = (more: PacketLike): PacketLike => ({ cmd: 'publish', brokerId: 'broker', brokerCounter: ++counter, ...more })
          if (op.do === 'retain') await store.storeRetained(packet({ topic: op.topic, payload: op.text, qos: op.qos, retain: true }))
          if (op.do === 'subscribe') await store.addSubscriptions(ref, [{ topic: op.filter, qos: op.qos }])
          if (op.do === 'unsubscribe') await store.removeSubscriptions(ref, [op.filter])
          if (op.do === 'publish')
            await store.outgoingEnqueueCombi(
              await store.subscriptionsByTopic(op.topic),
              packet({ topic: op.topic, payload: Buffer.from(op.text), qos: op.qos })
            )
          if (op.do === 'send')
            for (const unsent of store.unsent(op.client).slice(0, 1)) await store.outgoingUpdate(ref, { ...unsent, messageId: op.id })
          if (op.do === 'pubrel') await store.outgoingUpdate(ref, { cmd: 'pubrel', messageId: op.id })
          if (op.do === 'ack') await store.outgoingClearMessageId(ref, { messageId: op.id })
          // Of a client without a session nothing is kept.
          if (op.do === 'receive') store.openSession(op.client)
          if (op.do === 'receive') await store.incomingStorePacket(ref, packet({ topic: 't', payload: 'p', qos: 2, messageId: op.id }))
          if (op.do === 'release') await store.incomingDelPacket(ref, { messageId: op.id }).then(undefined, () => {})
          if (op.do === 'will') await store.putWill(ref, { topic: op.topic, payload: 'w', qos: 1, retain: false })
          if (op.do === 'unwill') await store.delWill(ref)
          if (op.do === 'end') await store.cleanSubscriptions(ref)
          if (op.do === 'note') store.note(op.topic, op.text === '' ? undefined : Buffer.from(op.text))
          if (op.do === 'reopen') {
            await store.destroy()
            store = await make()
          }
        }
        const before = dump(store)
        const counts = store.sessions()
        await store.destroy()
        store = await make()
        assert.deepEqual(dump(store), before)
        assert.deepEqual(store.sessions(), counts)
        assert.ok(store.highestCounter <= counter)
        await store.destroy()
      }),
      { numRuns: 40 }
    )
  })

  it('keeps the order of queues, and what was sent is sent again with DUP', async () => {
    let store = await make()
    await store.addSubscriptions({ id: 'a' }, [{ topic: '#', qos: 1 }])
    const send = async (number: number): Promise<void> =>
      await store.outgoingEnqueueCombi(await store.subscriptionsByTopic('t'), {
        brokerId: 'b',
        brokerCounter: number,
        topic: 't',
        payload: String(number),
        qos: 1
      })
    for (let i = 1; i <= 300; i++) await send(i)
    await store.outgoingUpdate({ id: 'a' }, { ...store.unsent('a')[0], messageId: 7 })
    await store.destroy()
    store = await make()
    await send(301)
    const found: PacketLike[] = []
    for await (const packet of store.outgoingStream({ id: 'a' })) found.push(packet as PacketLike)
    assert.deepEqual(
      found.map(({ payload }) => String(payload)),
      Array.from({ length: 301 }, (_, i) => String(i + 1))
    )
    assert.deepEqual([found[0]?.dup, found[0]?.messageId, found[1]?.dup], [true, 7, false])
    await store.destroy()
  })

  it('leaves exactly those inbound messages whose effects are not on disk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.oneof(fc.constant('take' as const), fc.nat(20)), { maxLength: 8 }), { maxLength: 8 }),
        async (turns) => {
          const disk = new FakeDisk()
          const journal = await opened(disk)
          const first = new Store(journal)
          await first.setup({ id: 'broker' })
          const inbound = first.inbound!
          const open = new Map<number, string>()
          const written: number[] = []
          let sent = 0
          for (const turn of turns) {
            const fresh: number[] = []
            for (const step of turn) {
              if (step === 'take') {
                const text = String(++sent)
                const seq = inbound.take({ topic: 't', payload: text, qos: 1 })
                open.set(seq, text)
                fresh.push(seq)
              } else {
                const seq = written[step % Math.max(written.length, 1)]
                if (seq === undefined) continue
                inbound.applied(seq)
                open.delete(seq)
              }
            }
            await journal.committed()
            written.push(...fresh)
            // Read by another store, as after a crash.
            const second = new Store(new Journal({ open: disk.open, durability: 'fast' }))
            await second.open()
            assert.deepEqual(
              second.inbound!.leftovers().map(({ packet }) => String(packet.payload)),
              [...open.values()]
            )
          }
          for (const seq of open.keys()) inbound.applied(seq)
          await journal.committed()
          assert.deepEqual([...disk.rows.keys()], [])
          await journal.close()
        }
      ),
      { numRuns: 200 }
    )
  })
})
