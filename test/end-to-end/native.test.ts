import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'

type Reply = Record<string, unknown> & { error?: Record<string, unknown> }

describe('commands to a native MQTT device', () => {
  let clock: FakeClock
  let lab: Lab
  let device: TestClient
  let client: TestClient

  beforeEach(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock })
    device = await lab.connect({ clientId: 'driver' })
    await device.subscribe('lab/stage/+/set', 'lab/stage/+/call', 'lab/stage/+/get')
    client = await lab.connect({ clientId: 'nb7' })
    await client.subscribe('lab/stage/+/reply', 'lab-dead/#')
  })

  afterEach(async () => {
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  const reply = async (codename = 'position'): Promise<Reply> => (await client.nextJson(`lab/stage/${codename}/reply`)) as Reply

  async function nothingFor(who: TestClient): Promise<void> {
    await client.settled()
    await device.settled()
    assert.deepEqual(
      who.left.map(({ topic, text }) => `${topic} ${text}`),
      []
    )
  }

  it('arrive as JSON with an id, however they were sent, and not retained', async () => {
    await client.publish('lab/stage/position/set', '12.50')
    const { topic, text, retain } = await device.next('lab/stage/position/set')
    const { id, ...command } = JSON.parse(text) as Record<string, unknown>
    assert.deepEqual([topic, retain, command], ['lab/stage/position/set', false, { value: 12.5 }])
    await device.publish('lab/stage/position/reply', { id, value: 12.5 })
    const { time: _, ...done } = await reply()
    assert.deepEqual(done, { client: 'nb7', id, op: 'set', phase: 'done', value: 12.5 })
  })

  it('keep the id and the deadline of their envelope', async () => {
    await client.publish('lab/stage/home/call', { id: 'h1', arguments: { fast: true }, expires: '2100-01-01T01:00:00+01:00' })
    assert.deepEqual(await device.nextJson('lab/stage/home/call'), { id: 'h1', arguments: { fast: true }, expires: '2100-01-01T00:00:00Z' })
    await device.publish('lab/stage/home/reply', { id: 'h1', phase: 'failed', error: { message: 'limit switch', code: 'L1' } })
    const { op, client: who, phase, error } = await reply('home')
    assert.deepEqual([op, who, phase], ['call', 'nb7', 'failed'])
    assert.deepEqual(error, { class: 'DeviceError', code: 'L1', message: 'limit switch', retryable: true })
  })

  it('are accepted by the device itself or by the gateway, never by both', async () => {
    await client.publish('lab/stage/home/call', { id: 'h1' })
    await device.next('lab/stage/home/call')
    await device.publish('lab/stage/home/reply', { id: 'h1', phase: 'accepted' })
    const { time: _, ...accepted } = await reply('home')
    assert.deepEqual(accepted, { client: 'nb7', id: 'h1', op: 'call', phase: 'accepted' })
    await clock.pass(0.6)
    await device.publish('lab/stage/home/reply', { id: 'h1', value: 'there' })
    assert.equal((await reply('home'))['value'], 'there')
    await nothingFor(client)
  })

  it('that it does not answer fail with Timeout, and a late reply is a dead letter', async () => {
    await client.publish('lab/stage/position/set', { id: 's1', value: 1 })
    await device.next('lab/stage/position/set')
    await clock.pass(1)
    assert.equal((await reply())['phase'], 'accepted')
    const failed = await reply()
    assert.deepEqual([failed.error?.['class'], failed.error?.['maybeExecuted']], ['Timeout', true])
    await device.publish('lab/stage/position/reply', { id: 's1', value: 1 })
    const letter = await client.nextJson('lab-dead/lab/stage/position/reply')
    assert.deepEqual([letter['class'], letter['rule'], letter['client']], ['Timeout', 'late', 'driver'])
    await nothingFor(client)
  })

  it('are carried out once for the same id, and the device’s own reply is given again, byte by byte', async () => {
    await client.publish('lab/stage/position/set', { id: 's1', value: 1 })
    await device.next('lab/stage/position/set')
    await device.publish('lab/stage/position/reply', { id: 's1', value: 1.01 })
    const { text } = await client.next('lab/stage/position/reply')
    await clock.pass(5)
    await client.publish('lab/stage/position/set', { id: 's1', value: 1 })
    assert.equal((await client.next('lab/stage/position/reply')).text, text)
    await nothingFor(device)
  })

  it('of two clients are told apart: the second is Busy, each reply names who asked', async () => {
    const other = await lab.connect({ clientId: 'other' })
    await client.publish('lab/stage/position/set', { id: 'same', value: 1 })
    await device.next('lab/stage/position/set')
    await other.publish('lab/stage/position/set', { id: 'same', value: 2 })
    const busy = await reply()
    assert.deepEqual([busy['client'], busy.error?.['class']], ['other', 'Busy'])
    await device.publish('lab/stage/position/reply', { id: 'same', value: 1 })
    assert.equal((await reply())['client'], 'nb7')
    await nothingFor(device)
  })

  it('that are refused, mere checks, or gets answered from memory never reach it', async () => {
    await client.publish('lab/stage/position/set', { id: '1', value: 301 })
    assert.equal((await reply()).error?.['class'], 'RangeError')
    await client.publish('lab/stage/position/set', { id: '2', value: 1, check: true })
    assert.equal((await reply())['phase'], 'done')
    await device.publish('lab/stage/position', '7')
    await client.publish('lab/stage/position/get', { id: '3' })
    assert.equal((await reply())['value'], 7)
    await client.publish('lab/stage/position/set', { id: '4', value: 1, expires: '2001-01-01T00:00:00Z' })
    assert.equal((await reply()).error?.['class'], 'Expired')
    await nothingFor(device)
  })

  it('fail with Unreachable when it said that it is offline', async () => {
    await device.publish('lab/stage', { state: 'offline', reason: 'lunch' })
    await client.publish('lab/stage/position/set', { id: '1', value: 1 })
    assert.equal((await reply()).error?.['class'], 'Unreachable')
    await nothingFor(device)
  })

  const wrong: [what: string, payload: string | object, expected: string][] = [
    ['that is no JSON', 'done', 'BadPayload'],
    ['without an id', { value: 1 }, 'BadPayload'],
    ['with an id nobody waits for', { id: 'zzz', value: 1 }, 'Timeout'],
    ['with an error class of its own', { id: 's1', error: { class: 'Kaputt', message: 'x' } }, 'BadPayload'],
    ['failed, but without an error', { id: 's1', phase: 'failed' }, 'BadPayload']
  ]
  for (const [what, payload, expected] of wrong)
    it(`its reply ${what} is a dead letter, and the command goes on`, async () => {
      await client.publish('lab/stage/position/set', { id: 's1', value: 1 })
      await device.next('lab/stage/position/set')
      await device.publish('lab/stage/position/reply', payload)
      assert.equal((await client.nextJson('lab-dead/lab/stage/position/reply'))['class'], expected)
      await device.publish('lab/stage/position/reply', { id: 's1', value: 1 })
      assert.equal((await reply())['phase'], 'done')
    })

  it('come from legacy clients too: the asking instance gets the reply’s value', async () => {
    const asked = lab.scripted.host('oven').request({ device: 'stage', codename: 'position', op: 'set', value: 5n })
    const command = await device.nextJson('lab/stage/position/set')
    assert.equal(command['value'], 5)
    await device.publish('lab/stage/position/reply', { id: command['id'], value: 5 })
    assert.equal(await asked, 5n)
    assert.equal((await reply())['client'], 'oven')
  })
})
