import assert from 'node:assert/strict'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'

describe('a will', () => {
  let lab: Lab
  let client: TestClient

  before(async () => {
    lab = await startLab()
    client = await lab.connect()
    await client.subscribe('#', 'lab-dead/#')
    await client.settled()
  })

  beforeEach(() => client.drop())

  after(() => lab.stop())

  /** A client that dies at once. */
  async function dies(topic: string, payload: string, retain = false, clientId = 'mortal'): Promise<void> {
    const mortal = await lab.connect({ clientId, will: { topic, payload: Buffer.from(payload), qos: 1, retain } })
    mortal.kill()
  }

  it('that is a good reading is one', async () => {
    await dies('lab/weather/wind', '7')
    const { value, source, quality } = await client.nextJson('lab/weather/wind')
    assert.deepEqual([value, source, quality], [7, 'client', 'good'])
  })

  it('that is a bad reading is a dead letter, and nothing else', async () => {
    await dies('lab/weather/wind', 'calm', true)
    const letter = await client.nextJson('lab-dead/lab/weather/wind')
    assert.deepEqual([letter['class'], letter['client'], letter['payload'], letter['retain']], ['WrongType', 'mortal', 'calm', true])
    await client.settled()
    assert.ok(!client.left.some(({ topic }) => topic === 'lab/weather/wind'))
  })

  it('that the client may not write is a dead letter', async () => {
    for (const topic of ['lab/furnace', 'lab/stage/position', 'lab/gateway', 'lab-dead/x', 'lab/a/b/c/d']) {
      await dies(topic, 'online')
      assert.equal((await client.nextJson(`lab-dead/${topic}`))['client'], 'mortal', topic)
    }
  })

  it('whose topic is no name of a topic is refused with its CONNECT', async () => {
    for (const topic of ['w/#', '+/x', '#']) await assert.rejects(dies(topic, 'x'), /closed the connection/)
    await client.settled()
    assert.deepEqual(
      client.left.filter(({ topic, text }) => text === 'x' || topic.startsWith('lab-dead/')),
      []
    )
    const told = lab.log.lines.filter(({ fields }) => String(fields['reason']).startsWith('will: a wildcard'))
    assert.equal(told.length, 1, 'one line, as it is always the same')
  })

  it('that says offline makes the readings of its device stale', async () => {
    const driver = await lab.connect({
      clientId: 'driver',
      will: { topic: 'lab/stage', payload: Buffer.from('offline'), qos: 1, retain: true }
    })
    await driver.publish('lab/stage/position', '1')
    await client.nextJson('lab/stage/position')
    client.drop()
    driver.kill()
    const { state, reason } = await client.nextJson('lab/stage')
    assert.deepEqual([state, reason], ['offline', 'it says so'])
    const { quality, value } = await client.nextJson('lab/stage/position')
    assert.deepEqual([quality, value], ['stale', 1])
    await client.settled()
    assert.ok(!client.left.some(({ topic }) => topic === 'lab/stage'), 'said once')
  })

  it('outside the root passes untouched', async () => {
    await dies('tele/lamp/LWT', 'Offline', true)
    assert.equal((await client.next('tele/lamp/LWT')).text, 'Offline')
    const late = await lab.connect()
    await late.subscribe('tele/#')
    assert.equal((await late.next('tele/lamp/LWT')).retain, true)
  })

  it('with a hundred levels in its topic harms nobody', async () => {
    await dies('lab/' + 'a/'.repeat(150), 'x', true)
    await dies('lab/weather/wind', '8')
    assert.equal((await client.nextJson('lab/weather/wind'))['value'], 8)
  })
})
