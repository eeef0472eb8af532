import assert from 'node:assert/strict'
import { startLab, labYaml } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { TestClient } from '../support/mqtt.js'
import { post, rest } from '../support/rest.js'
import { until } from '../support/until.js'

describe('over a listener that is read-only', () => {
  let lab: Lab
  let other: TestClient
  const clients: TestClient[] = []

  beforeEach(async () => {
    lab = await startLab({}, `http: { port: 0, readOnly: true }\n${labYaml}`)
    other = await lab.connect({ clientId: 'other' })
    await other.subscribe('#', 'lab-dead/#')
  })

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.vanish()))
    await lab.stop()
  })

  async function looker(options: object = {}): Promise<TestClient> {
    const client = await TestClient.connect(lab.httpPort, options, `ws://127.0.0.1:${lab.httpPort}/mqtt`)
    clients.push(client)
    return client
  }

  it('REST shows everything and does nothing', async () => {
    assert.deepEqual((await rest(lab.httpPort, '/api')).json['may'], { command: false })
    assert.equal((await rest(lab.httpPort, '/api/devices/furnace')).status, 200)
    for (const path of ['setpoint/set', 'setpoint/get', 'cool/call']) {
      const { status, json } = await post(lab.httpPort, `/api/devices/furnace/${path}`, {})
      assert.deepEqual([status, json['class'], json['rule']], [403, 'Forbidden', 'readOnly'])
    }
    assert.equal(lab.scripted.commands.length, 0)
  })

  it('MQTT clients see everything, and what they publish is a dead letter', async () => {
    const client = await looker({ clientId: 'tablet' })
    await client.subscribe('lab/furnace/temperature')
    void lab.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 5 })
    assert.equal((await client.nextJson('lab/furnace/temperature'))['value'], 5)
    for (const qos of [0, 1, 2] as const)
      for (const topic of ['lab/furnace/setpoint/set', 'lab/weather/wind', 'elsewhere/x']) {
        await client.publish(topic, '7', { qos, retain: topic.startsWith('else') })
        const { class: errorClass, rule, client: who } = await other.nextJson(`lab-dead/${topic}`)
        assert.deepEqual([errorClass, rule, who], ['Forbidden', 'readOnly', 'tablet'])
      }
    assert.ok(client.client.connected)
    assert.deepEqual(lab.scripted.commands, [])
    assert.deepEqual(
      other.left.filter(({ topic }) => /^(lab\/weather\/wind|lab\/furnace\/setpoint|elsewhere)/.test(topic)).map(({ topic }) => topic),
      []
    )
    // Others may act as before.
    await other.publish('lab/furnace/setpoint/set', '7')
    assert.equal((await other.nextJson('lab/furnace/setpoint/reply'))['phase'], 'done')
  })

  it('a client leaves nothing behind: no will, no session, no sign of the device that it is named after', async () => {
    // It was there, and has gone.
    const driver = await lab.connect({ clientId: 'driver' })
    await driver.publish('lab/stage', 'online')
    await driver.close()
    await other.next(({ topic, text }) => topic === 'lab/stage' && text.includes('disconnected'))
    const will = { topic: 'wills/x', payload: Buffer.from('gone'), qos: 1 as const, retain: true }
    const client = await looker({ clientId: 'driver', will, clean: false })
    await client.subscribe('lab/weather/wind')
    client.kill()
    await until(() => !lab.gateway.clientIds.includes('driver'), 'it is still there')
    const again = await looker({ clientId: 'driver', clean: false })
    await other.publish('lab/weather/wind', '1')
    await other.settled()
    // What waited for a session would have come before this is granted.
    await again.subscribe('round')
    assert.deepEqual(
      [...again.left, ...other.left].filter(({ topic }) => topic.endsWith('wills/x')).map(({ topic }) => topic),
      []
    )
    assert.ok(!again.left.some(({ topic }) => topic === 'lab/weather/wind'), 'a session was kept')
    assert.equal(((await rest(lab.httpPort, '/api/devices/stage')).json['state'] as { state: string }).state, 'offline')
  })

  it('a client does not get in by the id of another', async () => {
    await assert.rejects(looker({ clientId: 'other' }), /Identifier rejected|rejected/)
    await other.settled()
    const absent = await lab.connect({ clientId: 'absent', clean: false })
    await absent.subscribe('lab/weather/wind')
    await absent.vanish()
    await assert.rejects(looker({ clientId: 'absent' }), /rejected/)
    await other.publish('lab/weather/wind', '4')
    const back = await lab.connect({ clientId: 'absent', clean: false })
    assert.equal((await back.nextJson('lab/weather/wind'))['value'], 4)
    // But one who may do more gets in by the id of one who may not.
    await looker({ clientId: 'tablet' })
    await lab.connect({ clientId: 'tablet' })
  })
})
