import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { until } from '../support/until.js'
import { UdpClient } from '../support/udp.js'
import { Machine } from './machine.js'

/** Begins the rows of subscriptions: see record.ts. */
const filterRow = 'f'

describe('a disk that takes its time', function () {
  this.timeout(10_000)
  const running: Running[] = []
  const udp: UdpClient[] = []
  let disk: MemoryDisk

  beforeEach(() => void (disk = new MemoryDisk()))
  afterEach(async () => {
    await Promise.all(udp.splice(0).map((client) => client.close()))
    await Promise.all(running.splice(0).map((gateway) => gateway.stop()))
  })

  async function lab(yaml: string, machine = new Machine()): Promise<Running> {
    const gateway = await start(yaml, { openDisk: disk.open, types: [machine.type] })
    running.push(gateway)
    return gateway
  }

  function old(): UdpClient {
    const client = new UdpClient()
    udp.push(client)
    return client
  }

  const queued =
    'adapters: [{ id: laser, type: machine }, { id: push, type: data-push-server, port: 0, accept: commands, as: set, device: laser, action: enqueue }]'
  const pushes = 'devices: { furnace: { codenames: {} } }\nadapters: [{ id: push, type: data-push-server, port: 0, device: furnace'

  it('a push has its ACK# when it is written, not before; what the same client asks then is answered after it', async () => {
    const gateway = await lab(`${pushes}, name: Furnace }]`)
    const watcher = await gateway.connect()
    await watcher.subscribe('lab/furnace/power')
    const release = disk.hold()
    const client = old()
    await client.send(gateway.port('push'), 'json_wn#{"power": 1}')
    await client.send(gateway.port('push'), 'name')
    assert.equal((await watcher.nextJson('lab/furnace/power'))['value'], 1)
    // Whoever asks for it on MQTT sees it; but it would not survive.
    await watcher.settled()
    await assert.rejects(client.receive(50), /no answer/)
    release()
    assert.deepEqual([String(await client.receive()), String(await client.receive())], ["ACK#{'power': 1}", 'RET#Furnace'])
    assert.ok([...disk.copy().rows].some(([key, value]) => key.includes('lab/furnace/power') && value.includes('"value":1')))
  })

  it('who says goodbye behind much that waits for the disk has not crashed: no will, and nothing is lost', async () => {
    const gateway = await lab('devices: {}')
    const watcher = await gateway.connect()
    await watcher.subscribe('z/#')
    const client = await RawClient.connect(gateway.mqttPort, 'hasty', { will: { topic: 'z/will', payload: 'crashed' } })
    const release = disk.hold()
    const kept = Array.from({ length: 400 }, (_, i) => packets.publish(`z/${i}`, 'x'.repeat(100), { qos: 1, retain: true, id: i + 1 }))
    const quick = Array.from({ length: 100 }, (_, i) => packets.publish('z/quick', String(i)))
    client.socket.end(Buffer.concat([...kept, ...quick, Buffer.from([0xe0, 0])]))
    await watcher.settled()
    release()
    await client.closed()
    await until(() => watcher.left.length >= 500, 'not all came')
    await watcher.settled()
    const topics = watcher.left.map(({ topic }) => topic)
    assert.equal(topics.filter((topic) => topic === 'z/quick').length, 100)
    assert.deepEqual([new Set(topics).size, topics.includes('z/will')], [401, false])
  })

  it('a push that cannot be written in time is told so, and its late ACK# never comes', async () => {
    const gateway = await lab(`${pushes}, answerWithin: 0.1 }]`)
    const release = disk.hold()
    const client = old()
    assert.equal(
      await client.ask(gateway.port('push'), 'json_wn#{"power": 1}'),
      'EXCEP#the push is not on disk yet and would not survive a crash'
    )
    release()
    assert.equal(await client.ask(gateway.port('push'), 'json_wn#{"power": 2}'), "ACK#{'power': 2}")
  })

  it('a push that waits for the disk holds up its own client, and no other', async () => {
    const gateway = await lab(`${pushes}, name: Furnace }]`)
    const release = disk.hold()
    const [one, other] = [old(), old()]
    await one.send(gateway.port('push'), 'json_wn#{"power": 1}')
    assert.equal(await other.ask(gateway.port('push'), 'name'), 'RET#Furnace')
    release()
    assert.equal(String(await one.receive()), "ACK#{'power': 1}")
  })

  it('a push is told at once that the disk refuses', async () => {
    const gateway = await lab(`${pushes}, answerWithin: 1000 }]`)
    const client = await gateway.connect()
    await client.subscribe('lab/gateway/disk_failures')
    disk.failure = Object.assign(new Error('no'), { code: 'EIO' })
    const held = client.publish('kept', 'x', { retain: true })
    await client.nextJson(({ retain }) => !retain)
    assert.match(await old().ask(gateway.port('push'), 'json_wn#{"power": 1}'), /^EXCEP#the push is not on disk/)
    disk.failure = undefined
    await held
  })

  it('a push that waits for the disk when its socket is stopped is given up, and not carried out', async () => {
    const machine = new Machine()
    const gateway = await lab(queued, machine)
    const watcher = await gateway.connect()
    await watcher.subscribe('lab/push/last', 'lab-dead/#')
    const release = disk.hold()
    await old().send(gateway.port('push'), 'raw_wn#power:int:1')
    await watcher.nextJson(({ topic, text }) => topic === 'lab/push/last' && text.includes('power'))
    const stopped = gateway.gateway.stop()
    release()
    await stopped
    assert.deepEqual([machine.said, [...disk.rows.keys()].filter((key) => key.includes('instance:push:'))], [[], []])
    assert.ok(!watcher.left.some(({ topic }) => topic.startsWith('lab-dead')))
  })

  it('a command that expires meanwhile is not carried out', async () => {
    const machine = new Machine()
    machine.at = { value: null }
    const clock = new FakeClock()
    const gateway = await start('adapters: [{ id: laser, type: machine }]', { openDisk: disk.open, types: [machine.type], clock })
    running.push(gateway)
    const client = await gateway.connect()
    await client.subscribe('lab/laser/power/reply')
    const release = disk.hold()
    await client.publish('lab/laser/power/set', { id: 'late', value: 1, expires: new Date((clock.now() + 2) * 1000).toISOString() })
    await clock.pass(3)
    release()
    const reply = await client.nextJson(({ text }) => !text.includes('accepted'))
    assert.deepEqual([reply['phase'], (reply['error'] as Record<string, unknown>)['class'], machine.said], ['failed', 'Expired', []])
  })

  it('QoS 2 that is sent again on a new connection meanwhile comes once, also after a crash', async () => {
    const gateway = await lab('devices: {}')
    const subscriber = await RawClient.connect(gateway.mqttPort, 'subscriber', { clean: false })
    subscriber.send(packets.subscribe(1, ['exact', 2]))
    await subscriber.next('suback')
    subscriber.close()
    const before = await RawClient.connect(gateway.mqttPort, 'publisher', { clean: false })
    await (await gateway.connect()).publish('written', 'x', { retain: true })
    const release = disk.hold()
    before.send(packets.publish('exact', 'once', { qos: 2, id: 5 }))
    await before.settled()
    const after = await RawClient.connect(gateway.mqttPort, 'publisher', { clean: false })
    after.send(packets.publish('exact', 'once', { qos: 2, id: 5, dup: true }))
    release()
    await after.next('pubrec')
    await (await gateway.connect()).publish('written', 'y', { retain: true })
    // Nothing of it waits to be published again.
    assert.deepEqual(
      [...disk.rows].filter(([key, value]) => key.startsWith('i') && value.includes('exact')),
      []
    )
    disk = disk.copy()
    const second = await lab('devices: {}')
    const back = await RawClient.connect(second.mqttPort, 'subscriber', { clean: false })
    await back.has(1)
    await back.settled()
    assert.deepEqual(
      back.received.map(({ text }) => text),
      ['once']
    )
    for (const each of [before, after, back]) each.close()
  })

  it('QoS 2 of a clean client that goes meanwhile leaves nothing behind', async () => {
    const gateway = await lab('devices: {}')
    const client = await RawClient.connect(gateway.mqttPort, 'clean')
    const release = disk.hold()
    client.send(...Array.from({ length: 20 }, (_, i) => packets.publish('exact', 'x', { qos: 2, id: i + 1, retain: true })))
    await client.settled()
    const taker = await RawClient.connect(gateway.mqttPort, 'clean')
    await client.closed()
    release()
    await (await gateway.connect()).publish('written', 'x', { retain: true })
    await (await gateway.connect()).publish('written', 'y', { retain: true })
    assert.deepEqual(
      [...disk.rows].filter(([key, value]) => /^[mi]/.test(key) && value.includes('exact')),
      []
    )
    taker.close()
  })

  it('acknowledged pushes that waited at a crash are told of, and not carried out any more', async () => {
    const first = await lab(queued)
    const client = old()
    assert.equal(await client.ask(first.port('push'), 'json_wn#{}'), 'ACK#{}')
    for (const value of [1, 2, 3])
      assert.equal(await client.ask(first.port('push'), `raw_wn#power:int:${value}`), `ACK#{'power': ${value}}`)
    disk = disk.copy()
    const machine = new Machine()
    const second = await lab(queued, machine)
    const told = second.log.lines.filter(({ message }) => message === 'the gateway ended before an acknowledged push was carried out')
    assert.deepEqual(
      told.map(({ fields }) => [fields['device'], fields['codename'], fields['value']]),
      [
        ['laser', 'power', '2'],
        ['laser', 'power', '3']
      ]
    )
    assert.deepEqual(machine.said, [])
    const watcher = await second.connect()
    await watcher.publish('written', 'x', { retain: true })
    assert.ok(![...disk.rows.keys()].some((key) => key.includes('instance:push:')))
  })

  it('a clean CONNECT ends a session whose SUBSCRIBE is being written', async () => {
    const gateway = await lab('devices: {}')
    const before = await RawClient.connect(gateway.mqttPort, 'same', { clean: false })
    const release = disk.hold()
    before.send(packets.subscribe(1, ['some/topic', 1]))
    await before.settled()
    const clean = await RawClient.connect(gateway.mqttPort, 'same')
    release()
    const client = await gateway.connect()
    await client.publish('some/topic', 'x', { retain: true })
    assert.deepEqual(
      [...disk.rows.keys()].filter((key) => key.startsWith(filterRow)),
      []
    )
    const again = await RawClient.connect(gateway.mqttPort, 'same', { clean: false })
    await again.settled()
    assert.deepEqual([again.sessionPresent, again.received], [false, []])
    for (const each of [before, clean, again]) each.close()
  })

  it('an UNSUBSCRIBE comes after the SUBSCRIBE before it', async () => {
    const gateway = await lab('devices: {}')
    const client = await gateway.connect({ clean: false, clientId: 'changes' })
    const release = disk.hold()
    const subscribed = client.client.subscribeAsync('some/topic', { qos: 1 })
    const unsubscribed = client.client.unsubscribeAsync('some/topic')
    release()
    await Promise.all([subscribed, unsubscribed])
    await client.publish('other', 'x', { retain: true })
    assert.deepEqual(
      [...disk.rows.keys()].filter((key) => key.startsWith(filterRow)),
      []
    )
  })

  it('a client whose messages wait for the disk is told that we are there, and is not cut', async () => {
    const gateway = await lab('devices: {}')
    const release = disk.hold()
    const watcher = await gateway.connect()
    await watcher.subscribe('will')
    const client = await RawClient.connect(gateway.mqttPort, 'patient', { keepalive: 1, will: { topic: 'will', payload: 'gone' } })
    let acked = 0
    client.onPuback = () => (acked += 1)
    client.send(...Array.from({ length: 20 }, (_, i) => packets.publish('kept', String(i), { qos: 1, retain: true, id: i + 1 })))
    // More than the second and a half after which it would be cut.
    for (let i = 0; i < 3; i++) await client.settled()
    assert.equal(acked, 0)
    release()
    await client.settled()
    assert.deepEqual([acked, client.socket.destroyed, watcher.left], [20, false, []])
    client.close()
  })

  it('a message whose client went while it waited for room is not published at the next start', async () => {
    const yaml = 'broker: { tcp: { port: 0 }, limits: { maxPacket: 2000000, maxRetainedBytes: 100000000 } }'
    const gateway = await lab(yaml)
    const release = disk.hold()
    const flood = await gateway.connect()
    const megabyte = Buffer.alloc(1_000_000, 'x')
    for (let i = 0; i < 70; i++) await flood.publish(`flood/${i}`, megabyte, { qos: 0, retain: true })
    await flood.settled()
    const hasty = await RawClient.connect(gateway.mqttPort, 'hasty')
    hasty.send(packets.publish('hasty', 'x', { qos: 1, retain: true }))
    await hasty.settled()
    const taker = await RawClient.connect(gateway.mqttPort, 'hasty')
    await hasty.closed()
    release()
    await flood.publish('flood/end', 'x', { retain: true })
    disk = disk.copy()
    const second = await lab(yaml)
    const client = await second.connect()
    assert.deepEqual(await client.retained('hasty'), [])
    assert.equal((await client.retained('flood/end')).length, 1)
    taker.close()
  })
})
