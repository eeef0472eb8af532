import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { MemoryDisk } from '../support/memory-disk.js'
import type { TestClient } from '../support/mqtt.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

describe('a dead letter', () => {
  let lab: Lab
  let client: TestClient
  let dead: TestClient

  before(async () => {
    lab = await startLab()
    client = await lab.connect({ clientId: 'sender' })
    dead = await lab.connect()
    await dead.subscribe('lab-dead/#')
  })

  after(() => lab.stop())

  it('tells what was refused, from whom, by which rule and why', async () => {
    await client.publish('lab/weather/wind', '101', { qos: 1 })
    const { time, ...letter } = await dead.nextJson('lab-dead/lab/weather/wind')
    assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/)
    assert.deepEqual(letter, {
      class: 'RangeError',
      client: 'sender',
      payload: '101',
      qos: 1,
      reason: 'value must be <= 100 (got 101)',
      retain: false,
      rule: 'maximum',
      topic: 'lab/weather/wind'
    })
  })

  it('comes for QoS 0, 1 and 2 alike, and the sender gets its acknowledgement and stays connected', async () => {
    for (const qos of [0, 1, 2] as const) {
      await client.publish('lab/weather/wind', 'no number', { qos, retain: qos === 2 })
      const letter = await dead.nextJson('lab-dead/lab/weather/wind')
      assert.deepEqual([letter['class'], letter['qos'], letter['retain']], ['WrongType', qos, qos === 2])
    }
    assert.ok(client.client.connected)
  })

  it('gives what is no UTF-8 in base64', async () => {
    const payload = Buffer.from([0xc3, 0x28, 0xff])
    await client.publish('lab/weather/free', payload)
    const letter = await dead.nextJson('lab-dead/lab/weather/free')
    assert.deepEqual([letter['rule'], letter['encoding'], letter['payload']], ['utf-8', 'base64', payload.toString('base64')])
    assert.equal(letter['bytes'], undefined, 'it is whole')
  })

  it('is cut at 4096 bytes, between two characters, and says how long it was', async () => {
    const long = 'x'.repeat(4095) + '°'.repeat(10)
    await client.publish('lab/weather/wind', long)
    const letter = await dead.nextJson('lab-dead/lab/weather/wind')
    assert.deepEqual([letter['payload'], letter['bytes'], letter['encoding']], ['x'.repeat(4095), 4115, undefined])
    await client.publish('lab/weather/wind', Buffer.alloc(5000, 0xff))
    const binary = await dead.nextJson('lab-dead/lab/weather/wind')
    assert.deepEqual([Buffer.from(String(binary['payload']), 'base64').length, binary['bytes']], [4096, 5000])
  })

  it('is counted, and the log says so once per client and while, not once per message', async () => {
    const noisy = await lab.connect({ clientId: 'noisy' })
    const before = lab.log.lines.length
    for (let i = 0; i < 50; i++) await noisy.publish('lab/weather/wind', 'x')
    const lines = lab.log.lines.slice(before).filter(({ message }) => message === 'a message was refused')
    assert.equal(lines.length, 1)
    assert.deepEqual([lines[0]?.level, lines[0]?.fields['client'], lines[0]?.fields['class']], ['warn', 'noisy', 'WrongType'])
  })
})

describe('dead letters', () => {
  let lab: Running
  const raw: RawClient[] = []

  const open = async (...args: Parameters<typeof start>): Promise<void> => {
    lab = await start(...args)
  }

  const connect = async (...[id, options]: [string, ({ clean: boolean } | undefined)?]): Promise<RawClient> => {
    const client = await RawClient.connect(lab.mqttPort, id, options)
    raw.push(client)
    return client
  }

  /** Nobody but the gateway writes there. */
  const refused = (count: number, from = 1): Buffer[] =>
    Array.from({ length: count }, (_, at) => packets.publish('lab-dead/x', 'junk', { qos: 1 + (at % 2), id: from + at }))

  afterEach(async () => {
    for (const client of raw.splice(0)) client.close()
    await lab.stop()
  })

  for (const where of ['in memory', 'on disk'])
    it(`wait for nobody who is absent, and take no room from what does: ${where}`, async () => {
      const disk = new MemoryDisk()
      await open('broker: { tcp: { port: 0 }, limits: { maxQueued: 10 } }\n', where === 'on disk' ? { openDisk: disk.open } : {})
      const absent = await connect('absent', { clean: false })
      absent.send(packets.subscribe(1, ['lab-dead/#', 2], ['alarm', 2]))
      await absent.next('suback')
      absent.close()
      await absent.closed()
      const here = await connect('here')
      here.send(packets.subscribe(1, ['lab-dead/#', 2]))
      await here.next('suback')
      const sender = await connect('sender')
      sender.send(...refused(20), packets.publish('alarm', 'fire', { qos: 1, id: 100 }))
      // Each is acknowledged as it was sent.
      for (let at = 0; at < 11; at += 1) await sender.next('puback')
      for (let at = 0; at < 10; at += 1) await sender.next('pubrec')
      assert.deepEqual(new Set((await here.has(20)).map(({ qos, retain }) => `${qos} ${retain}`)), new Set(['0 false']))
      const back = await connect('absent', { clean: false })
      assert.deepEqual(
        (await back.has(1)).map(({ text }) => text),
        ['fire']
      )
      await back.settled()
      assert.equal(back.received.length, 1)
    })

  it('are 200 of one client at once; those beyond are counted, told in the log, and acknowledged', async () => {
    const clock = new FakeClock()
    await open('', { clock })
    const here = await connect('here')
    here.send(packets.subscribe(1, ['#', 0]))
    await here.next('suback')
    const sender = await connect('sender')
    sender.send(...refused(250))
    for (let at = 0; at < 125; at += 1) {
      await sender.next('puback')
      await sender.next('pubrec')
    }
    const other = await connect('other')
    other.send(packets.publish('lab-dead/y', 'junk', { qos: 1 }))
    await other.next('puback')
    await here.settled()
    const counts = new Map<string, number>()
    for (const { topic } of here.received) counts.set(topic, (counts.get(topic) ?? 0) + 1)
    assert.deepEqual([counts.get('lab-dead/lab-dead/x'), counts.get('lab-dead/lab-dead/y')], [200, 1])
    const lines = lab.log.lines.filter(({ message }) => message.startsWith('a message was refused; of so many'))
    assert.deepEqual(
      lines.map(({ fields }) => fields['client']),
      ['sender']
    )
    await clock.pass(11)
    const answer = await fetch(`http://127.0.0.1:${lab.httpPort}/api/devices/gateway/limits`)
    const { reading } = (await answer.json()) as { reading: { value: { deadLetters: number } } }
    assert.equal(reading.value.deadLetters, 50)
  })
})
