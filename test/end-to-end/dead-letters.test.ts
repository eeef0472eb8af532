import assert from 'node:assert/strict'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'

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
