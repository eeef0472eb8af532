import assert from 'node:assert/strict'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

/** MQTT 3.1.1 as a client sees it, where Aedes alone does otherwise or could. */
describe('the protocol', () => {
  let lab: Running
  let dots: RawClient
  let clients: RawClient[] = []

  const raw = async (id: string, clean = true): Promise<RawClient> => {
    const client = await RawClient.connect(lab.mqttPort, id, { clean })
    clients.push(client)
    client.onPublish = (packet) => {
      client.received.push(packet)
      if (packet.qos === 1) client.send(packets.puback(packet.id ?? 0))
    }
    return client
  }

  before(async () => {
    lab = await start('gateway: { name: protocol }')
    dots = await RawClient.connect(lab.mqttPort, 'dots')
  })

  afterEach(() => {
    for (const client of clients) client.close()
    clients = []
  })

  after(async () => {
    dots.close()
    await lab.stop()
  })

  /** Publishes, and returns when it was handed out. */
  const say = async (topic: string, text: string, options: { qos?: number; retain?: boolean } = {}): Promise<void> => {
    dots.send(packets.publish(topic, text, { qos: 1, id: 7, ...options }))
    await dots.next(options.qos === 2 ? 'pubrec' : 'puback')
    if (options.qos === 2) {
      dots.send(packets.pubrel(7))
      await dots.next('pubcomp')
    }
    await dots.settled()
  }

  for (const clean of [true, false]) {
    const kind = clean ? 'a clean' : 'a lasting'
    it(`UNSUBSCRIBE with SUBSCRIBE of the same filter right behind it, ${kind} session: it is subscribed`, async () => {
      const client = await raw(`again-${clean}`, clean)
      client.send(packets.subscribe(1, ['a/b', 1], ['c/#', 1], ['d/+', 0]))
      await client.next('suback')
      for (let round = 0; round < 20; round += 1) {
        client.send(
          packets.unsubscribe(2, 'a/b', 'c/#', 'd/+'),
          packets.subscribe(3, ['a/b', 1]),
          packets.subscribe(4, ['c/#', 1], ['d/+', 0])
        )
        await client.next('unsuback')
        await client.next('suback')
        await client.next('suback')
        for (const topic of ['a/b', 'c/d', 'd/e']) await say(topic, String(round))
        await client.settled()
        assert.deepEqual(
          client.received.splice(0).map(({ topic, text }) => [topic, text]),
          ['a/b', 'c/d', 'd/e'].map((topic) => [topic, String(round)])
        )
      }
    })

    it(`what ends with UNSUBSCRIBE is not subscribed, however often it went to and fro, ${kind} session`, async () => {
      const client = await raw(`to-and-fro-${clean}`, clean)
      for (let round = 0; round < 20; round += 1) {
        const parts = [
          packets.subscribe(1, ['e/f', 1]),
          packets.unsubscribe(2, 'e/f'),
          packets.subscribe(3, ['e/f', 1]),
          packets.unsubscribe(4, 'e/f')
        ]
        client.send(...parts, packets.subscribe(5, ['g', 1]), packets.unsubscribe(6, 'g'), packets.subscribe(7, ['g', 1]))
        for (let i = 0; i < 4; i += 1) await client.next('suback')
        for (let i = 0; i < 3; i += 1) await client.next('unsuback')
        await say('e/f', 'no')
        await say('g', 'yes')
        await client.settled()
        assert.deepEqual(
          client.received.splice(0).map(({ text }) => text),
          ['yes']
        )
      }
    })
  }

  it('the filters of a lasting session that came and went are those that are there when it returns', async () => {
    const client = await raw('returns', false)
    client.send(packets.subscribe(1, ['h/1', 1], ['h/2', 1]), packets.unsubscribe(2, 'h/1', 'h/2'), packets.subscribe(3, ['h/2', 1]))
    await client.next('unsuback')
    await client.settled()
    client.close()
    await client.closed()
    await say('h/1', 'no')
    await say('h/2', 'yes')
    const again = await raw('returns', false)
    await again.settled()
    assert.deepEqual([again.sessionPresent, again.received.map(({ text }) => text)], [true, ['yes']])
  })

  it('a filter again: retained messages come again, and the QoS is the new one; once', async () => {
    await say('k/1', 'kept', { retain: true })
    const client = await raw('twice')
    client.send(packets.subscribe(1, ['k/#', 0]))
    await client.has(1)
    client.send(packets.subscribe(2, ['k/#', 1]))
    await client.has(2)
    await say('k/1', 'live')
    await client.settled()
    assert.deepEqual(
      client.received.map(({ text, qos, retain }) => [text, qos, retain]),
      [
        ['kept', 0, true],
        ['kept', 1, true],
        ['live', 1, false]
      ]
    )
    client.send(packets.subscribe(3, ['k/#', 0]))
    await client.has(4)
    await say('k/1', 'lower')
    await client.settled()
    assert.deepEqual([client.received.length, client.received.at(-1)?.qos], [5, 0])
  })

  for (const clean of [true, false])
    it(`a filter twice in one SUBSCRIBE is answered twice, the last one counts; ${clean ? 'a clean' : 'a lasting'} session`, async () => {
      const client = await raw(`twins-${clean}`, clean)
      client.send(packets.subscribe(1, ['l/1', 0], ['l/2', 2], ['l/1', 1], ['$share/g/l', 0], ['$share/g/l', 1]))
      await client.next('suback')
      assert.deepEqual(client.granted, [1, 2, 1, 0x80, 0x80])
      await say('l/1', 'x', { qos: 2 })
      await client.settled()
      assert.deepEqual(
        client.received.map(({ qos }) => qos),
        [1]
      )
      client.send(packets.subscribe(2, ...Array.from({ length: 200 }, (_, i): [string, number] => [`m/${i % 199}`, 1])))
      await client.next('suback')
      assert.deepEqual(
        client.granted,
        Array.from({ length: 200 }, () => 1)
      )
    })

  it('$share/… is refused with 0x80, and the log says why', async () => {
    const client = await raw('sharing')
    client.send(packets.subscribe(1, ['$share/g/t', 1], ['t', 1]))
    await client.next('suback')
    assert.deepEqual(client.granted, [0x80, 1])
    assert.ok(lab.log.lines.some(({ message, fields }) => /shared subscriptions/.test(message) && fields['filter'] === '$share/g/t'))
  })

  it('topics with $ are seen by no wildcard at their beginning, and written by nobody: a dead letter', async () => {
    const client = await raw('dollar')
    client.send(packets.subscribe(1, ['#', 1], ['+/labgate/+', 1], ['lab-dead/#', 0]))
    await client.next('suback')
    await client.settled()
    client.received.length = 0
    await say('$SYS/labgate/x', 'x')
    await say('$other/x', 'x')
    await client.settled()
    assert.deepEqual(
      client.received.filter(({ topic }) => topic.includes('$')).map(({ topic }) => topic),
      ['lab-dead/$SYS/labgate/x', 'lab-dead/$other/x']
    )
  })

  it('PUBREL for what nobody knows any more is answered', async () => {
    const client = await raw('pubrel')
    client.send(packets.pubrel(77))
    await client.next('pubcomp')
    await client.settled()
  })

  it('a second CONNECT, QoS 3 of a will, a password without a user, a topic without a name: cut', async () => {
    const second = await raw('second')
    second.send(packets.connect('second'))
    await second.closed()
    const empty = await raw('empty')
    empty.send(packets.publish('', 'x'))
    await empty.closed()
    for (const options of [{ will: { topic: 'w', payload: 'x', qos: 3 } }, { password: 'x' }]) {
      const client = RawClient.open(lab.mqttPort, 'wrong', options)
      clients.push(client)
      await client.closed()
      assert.equal(client.code, undefined)
    }
  })

  it('an empty client id: a name is given to a clean session, a lasting one is refused with 2', async () => {
    const nameless = await raw('')
    await nameless.settled()
    const lasting = RawClient.open(lab.mqttPort, '', { clean: false })
    clients.push(lasting)
    await lasting.closed()
    assert.equal(lasting.code, 2)
  })

  it('more than 100 levels: the sender is cut, 100 are fine', async () => {
    const deep = (levels: number): string => Array.from({ length: levels }, () => 'n').join('/')
    const client = await raw('deep')
    client.send(packets.subscribe(1, [deep(100), 1]))
    await client.next('suback')
    await say(deep(100), 'x')
    await client.has(1)
    client.send(packets.subscribe(2, [deep(101), 1]))
    await client.closed()
  })

  it('in MQTT 3.1 a client id has 1 to 23 characters: others are refused with 2', async () => {
    for (const [id, code] of [
      ['a'.repeat(23), 0],
      ['a'.repeat(24), 2],
      ['', 2]
    ] as const) {
      const client = RawClient.open(lab.mqttPort, id, { level: 3 })
      clients.push(client)
      await client.next('connack')
      assert.equal(client.code, code, id)
    }
  })
})
