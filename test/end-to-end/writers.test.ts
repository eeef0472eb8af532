import assert from 'node:assert/strict'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { TestClient } from '../support/mqtt.js'

describe('who may write what', () => {
  let lab: Lab
  let client: TestClient
  let driver: TestClient
  let watcher: TestClient

  before(async () => {
    lab = await startLab()
    client = await lab.connect({ clientId: 'somebody' })
    driver = await lab.connect({ clientId: 'driver' })
    watcher = await lab.connect({ clientId: 'watcher' })
    await watcher.subscribe('#', 'lab-dead/#')
    await watcher.settled()
  })

  after(() => lab.stop())

  /** Publishes, waits for the acknowledgement; the dead letter, or undefined when the message went through. */
  async function refusal(
    from: TestClient,
    topic: string,
    payload: string | object,
    retain = false
  ): Promise<Record<string, unknown> | undefined> {
    watcher.drop()
    await from.publish(topic, payload, { retain })
    await from.settled()
    await watcher.settled()
    const letter = watcher.left.find((message) => message.topic === `lab-dead/${topic}`)
    // What is retained comes in its own time after SUBSCRIBE.
    const through = watcher.left.some((message) => message.topic === topic && !message.retain)
    assert.equal(through, letter === undefined, watcher.left.map((message) => `${message.topic} ${message.text}`).join('\n'))
    assert.ok(from.client.connected, 'the sender stays connected')
    return letter && (JSON.parse(letter.text) as Record<string, unknown>)
  }

  type Row = [who: 'somebody' | 'driver', topic: string, payload: string | object, expected: string]
  const state = { state: 'online', reason: 'well' }
  const rows: Row[] = [
    ['somebody', 'lab/weather/wind', '1', 'passes'],
    ['somebody', 'lab/weather', state, 'passes'],
    ['driver', 'lab/stage/position', '1', 'passes'],
    ['driver', 'lab/stage', state, 'passes'],
    ['somebody', 'lab/stage/position', '1', 'Forbidden client'],
    ['somebody', 'lab/stage', state, 'Forbidden client'],
    ['somebody', 'lab/stage/position/reply', { id: '1', value: 1 }, 'Forbidden client'],
    ['somebody', 'lab/furnace/temperature', '1', 'Forbidden writer'],
    ['somebody', 'lab/furnace/undeclared', '1', 'Forbidden writer'],
    ['somebody', 'lab/furnace', state, 'Forbidden writer'],
    ['somebody', 'lab/furnace/setpoint/reply', { id: '1', value: 1 }, 'Forbidden writer'],
    ['somebody', 'lab/gateway', state, 'Forbidden writer'],
    ['somebody', 'lab/gateway/uptime', '1', 'Forbidden writer'],
    ['somebody', 'lab/gateway/mine', '1', 'Forbidden writer'],
    ['somebody', 'lab/gateway/uptime/reply', { id: '1' }, 'Forbidden writer'],
    ['driver', 'lab/stage/position/meta', '{}', 'Forbidden writer'],
    ['driver', 'lab/stage/position/value', '1', 'Forbidden writer'],
    ['somebody', 'lab/furnace/temperature/meta', '{}', 'Forbidden writer'],
    ['somebody', 'lab/gateway/uptime/value', '1', 'Forbidden writer'],
    ['somebody', 'lab/new-device/x', '1', 'passes'],
    ['somebody', 'lab/newer-device', state, 'passes'],
    ['somebody', 'lab/strict/level', '1', 'passes'],
    ['somebody', 'lab/strict/levle', '1', 'UnknownCodename undeclared'],
    ['somebody', 'lab-dead', 'x', 'Forbidden reserved'],
    ['somebody', 'lab-dead/lab/weather/wind', 'x', 'Forbidden reserved'],
    ['somebody', 'lab', 'x', 'BadPayload topic'],
    ['somebody', 'lab/', 'x', 'BadPayload topic'],
    ['somebody', 'lab//wind', 'x', 'BadPayload topic'],
    ['somebody', 'lab/weather/wind/', 'x', 'BadPayload topic'],
    ['somebody', 'lab/weather/wind/speed', 'x', 'BadPayload topic'],
    ['somebody', 'lab/weather/wind/set/now', 'x', 'BadPayload topic'],
    ['somebody', 'lab/weather/w%zz', 'x', 'BadPayload topic'],
    ['somebody', 'lab/weather/w%69nd', 'x', 'BadPayload topic'],
    ['somebody', 'lab/weather/%e2%82%ac', 'x', 'BadPayload topic'],
    ['somebody', 'lab/weather/wind speed', 'x', 'BadPayload topic'],
    ['somebody', 'lab/weather/%E2%82%AC', '1', 'passes'],
    ['somebody', 'laboratory/x', 'x', 'passes'],
    ['somebody', 'tele/sonoff/SENSOR', '{"not": "ours', 'passes']
  ]
  for (const [who, topic, payload, expected] of rows)
    it(`${topic} from ${who}: ${expected}`, async () => {
      const letter = await refusal(who === 'driver' ? driver : client, topic, payload)
      assert.equal(letter === undefined ? 'passes' : `${String(letter['class'])} ${String(letter['rule'])}`, expected)
    })

  it('$SYS is the broker’s own: a message there becomes a dead letter and reaches nobody', async () => {
    const spy = await lab.connect()
    await spy.subscribe('$SYS/#')
    await spy.settled()
    spy.drop()
    for (const topic of ['$SYS/labgate/fake', '$share/x', '$anything']) {
      const letter = await refusal(client, topic, 'x', true)
      assert.deepEqual([letter?.['class'], letter?.['rule'], letter?.['topic']], ['Forbidden', 'reserved', topic])
    }
    await spy.settled()
    assert.deepEqual(
      spy.left.filter(({ text }) => text === 'x').map(({ topic }) => topic),
      []
    )
  })

  it('no refused message is retained, also when it was meant to be', async () => {
    for (const topic of ['lab/furnace/temperature', 'lab/weather/wind/meta', 'lab/furnace/setpoint/set', 'lab-dead/x', 'lab/x/y/z'])
      assert.ok((await refusal(client, topic, '"never kept"', true)) !== undefined, topic)
    const late = await lab.connect()
    const kept = await late.retained('lab-dead/#', '#')
    assert.deepEqual(
      kept.filter(({ topic, text }) => topic.startsWith('lab-dead') || text.includes('never kept')),
      []
    )
    assert.ok(kept.length > 10)
  })

  it('the reason names who holds the right', async () => {
    assert.equal((await refusal(client, 'lab/furnace/temperature', '1'))?.['reason'], 'furnace/temperature is written by the instance oven')
    assert.equal((await refusal(client, 'lab/stage/position', '1'))?.['reason'], 'stage is written by the client "driver" alone')
  })

  it('the same holds over WebSocket', async () => {
    const page = await TestClient.connect(lab.httpPort, { clientId: 'page' }, `ws://127.0.0.1:${lab.httpPort}/mqtt`)
    assert.equal((await refusal(page, 'lab/furnace/temperature', '1'))?.['client'], 'page')
    assert.equal(await refusal(page, 'lab/weather/wind', '2'), undefined)
    await page.close()
  })

  it('topics outside the root keep payload, QoS and retain flag', async () => {
    const payload = Buffer.from([0xff, 0, 0xfe])
    for (const qos of [0, 1, 2] as const) {
      const topic = `other/tree/${qos}`
      const reader = await lab.connect()
      await reader.client.subscribeAsync(topic, { qos: 2 })
      await client.publish(topic, payload, { qos, retain: true })
      const live = await reader.next(topic)
      assert.deepEqual([live.qos, live.retain, live.payload], [qos, false, payload])
      const late = await lab.connect()
      await late.client.subscribeAsync(topic, { qos: 2 })
      const kept = await late.next(topic)
      assert.deepEqual([kept.qos, kept.retain, kept.payload], [qos, true, payload])
    }
  })
})
