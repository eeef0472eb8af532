import assert from 'node:assert/strict'
import { FastClock } from '../support/fast-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Mosquitto } from '../support/mosquitto.js'
import type { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { until } from '../support/until.js'

describe('upstream: commands from a real Mosquitto', function () {
  let mosquitto: Mosquitto
  let lab: Lab
  let there: TestClient

  before(async function () {
    needs(this, 'mosquitto')
    mosquitto = await Mosquitto.start()
    const bridge = `{ id: faculty, servers: [{ host: 127.0.0.1, port: ${mosquitto.port} }], topic: site/lab-a, up: ["+/+", "!weather/wind"], down: ["weather/+/get", "weather/+/history", "furnace/+/set", "stage/+/set", "!furnace/mode/set"] }`
    lab = await startLab({ clock: new FastClock(5) }, `upstream:\n  - ${bridge}\n${labYaml}`)
    await until(() => lab.gateway.upstream.get('faculty')?.state === 'connected', 'the bridge does not connect')
    there = await mosquitto.watch('site/#')
  })

  after(async () => {
    await there?.vanish()
    await lab?.stop()
    await mosquitto?.gone()
  })

  it('are carried out by the device, and answered there, although replies do not go up', async () => {
    await there.publish('site/lab-a/furnace/setpoint/set', '{"id":"one","value":300}')
    const reply = await there.nextJson('site/lab-a/furnace/setpoint/reply')
    assert.deepEqual([reply['id'], reply['phase'], reply['client']], ['one', 'done', 'upstream:faculty'])
    assert.deepEqual(
      lab.scripted.commands.map(({ codename, value, client }) => [codename, value, client]),
      [['setpoint', 300, 'upstream:faculty']]
    )
  })

  it('of others are not answered there', async () => {
    const client = await lab.connect()
    await client.publish('lab/furnace/setpoint/set', '{"id":"ours","value":301}')
    await client.publish('lab/weather/sky', '1')
    await there.next('site/lab-a/weather/sky')
    assert.deepEqual(
      there.left.filter(({ text }) => text.includes('ours')),
      []
    )
  })

  it('that the contract refuses are answered with the reason, and are dead letters', async () => {
    const client = await lab.connect()
    await client.subscribe('lab-dead/#')
    await there.publish('site/lab-a/furnace/setpoint/set', '{"id":"two","value":5000}')
    const reply = await there.nextJson('site/lab-a/furnace/setpoint/reply')
    assert.deepEqual([reply['id'], reply['phase']], ['two', 'failed'])
    assert.equal((reply['error'] as { class: string }).class, 'RangeError')
    assert.equal((await client.nextJson('lab-dead/lab/furnace/setpoint/set'))['client'], 'upstream:faculty')
  })

  it('with an id that stands for another command are refused, and the same once more is answered and not carried out', async () => {
    const before = lab.scripted.commands.length
    const ask = async (value: number): Promise<Record<string, unknown>> => {
      await there.publish('site/lab-a/furnace/setpoint/set', JSON.stringify({ id: '1', value }))
      return await there.nextJson('site/lab-a/furnace/setpoint/reply')
    }
    assert.equal((await ask(10))['phase'], 'done')
    const other = await ask(250)
    assert.deepEqual([other['id'], other['phase'], other['client'], other['value']], ['1', 'failed', 'upstream:faculty', undefined])
    assert.match(JSON.stringify(other['error']), /BadPayload.*another command upstream has the id/)
    assert.equal((await ask(10))['phase'], 'done')
    assert.equal(lab.scripted.commands.length, before + 1)
  })

  it('that ask for what does not go up are refused', async () => {
    for (const op of ['get', 'history']) {
      await there.publish(`site/lab-a/weather/wind/${op}`, `{"id":"${op}"}`)
      const reply = await there.nextJson('site/lab-a/weather/wind/reply')
      assert.deepEqual([reply['id'], reply['op'], (reply['error'] as { class: string }).class], [op, op, 'Forbidden'])
      await there.publish(`site/lab-a/weather/rain/${op}`, `{"id":"${op}"}`)
      const allowed = await there.nextJson('site/lab-a/weather/rain/reply')
      assert.notEqual((allowed['error'] as { class?: string } | undefined)?.class, 'Forbidden')
    }
  })

  it('that have expired are refused', async () => {
    await there.publish('site/lab-a/furnace/setpoint/set', '{"id":"three","value":300,"expires":"2020-01-01T00:00:00Z"}')
    const reply = await there.nextJson('site/lab-a/furnace/setpoint/reply')
    assert.equal((reply['error'] as { class: string }).class, 'Expired')
  })

  it('that were retained there are refused at each connection', async () => {
    await there.publish('site/lab-a/furnace/count/set', '3', { retain: true })
    await there.next(({ topic, text }) => topic === 'site/lab-a/furnace/count/reply' && text.includes('done'))
    const before = lab.scripted.commands.length
    await mosquitto.kick('labgate-lab-gateway-faculty')
    const reply = await there.nextJson(({ topic, text }) => topic === 'site/lab-a/furnace/count/reply' && text.includes('failed'))
    assert.equal((reply['error'] as { class: string }).class, 'Retained')
    assert.equal(lab.scripted.commands.length, before)
    await there.publish('site/lab-a/furnace/count/set', '', { retain: true })
  })

  it('that no filter lets in do nothing, and a filter takes away', async () => {
    const before = lab.scripted.commands.length
    await there.publish('site/lab-a/furnace/cool/call', '{}')
    await there.publish('site/lab-a/furnace/mode/set', 'heat')
    await there.publish('site/lab-a/furnace/setpoint/set', '{"id":"five","value":305}')
    await there.next(({ topic, text }) => topic === 'site/lab-a/furnace/setpoint/reply' && text.includes('five'))
    assert.equal(lab.scripted.commands.length, before + 1)
    assert.ok((lab.gateway.upstream.get('faculty')?.refused ?? 0) >= 1)
  })

  it('reach a native device, and its reply goes up', async () => {
    const driver = await lab.connect({ clientId: 'driver' })
    await driver.subscribe('lab/stage/position/set')
    await there.publish('site/lab-a/stage/position/set', '{"id":"six","value":12}')
    const command = await driver.nextJson('lab/stage/position/set')
    assert.deepEqual([command['id'], command['value']], ['six', 12])
    await driver.publish('lab/stage/position/reply', '{"id":"six","value":12}')
    const reply = await there.nextJson('site/lab-a/stage/position/reply')
    assert.deepEqual([reply['id'], reply['phase'], reply['client']], ['six', 'done', 'upstream:faculty'])
  })
})
