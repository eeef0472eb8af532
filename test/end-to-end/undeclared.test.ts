import assert from 'node:assert/strict'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'

const devices = 'devices:\n  known: { codenames: { x: {} } }\n'

describe('what nothing declares', () => {
  let lab: Lab
  let client: TestClient

  afterEach(() => lab.stop())

  async function run(yaml: string): Promise<void> {
    lab = await startLab({}, yaml)
    client = await lab.connect()
    await client.subscribe('lab/#', 'lab-dead/#')
    await client.settled()
    client.drop()
  }

  it('is taken in: any JSON value, with declared: false and the name in its meta, and the device is online', async () => {
    await run(devices)
    await client.publish('lab/esp-7/Temp%20%C2%B0C', '[1, "a"]')
    assert.deepEqual((await client.nextJson('lab/esp-7/Temp%20%C2%B0C'))['value'], [1, 'a'])
    assert.deepEqual(await client.nextJson('lab/esp-7/Temp%20%C2%B0C/meta'), { declared: false, name: 'Temp °C', settable: false })
    assert.equal((await client.nextJson('lab/esp-7'))['state'], 'online')
  })

  it('takes no commands', async () => {
    await run(devices)
    await client.publish('lab/known/y', '1')
    await client.publish('lab/known/y/set', '{"id": "1", "value": 2}')
    const reply = await client.nextJson('lab/known/y/reply')
    assert.deepEqual([reply['phase'], (reply['error'] as { class: string }).class], ['failed', 'UnknownCodename'])
  })

  it('is capped, codenames per device and devices; beyond, it is RateLimited', async () => {
    await run(`${devices}broker: { tcp: { port: 0 }, limits: { maxUndeclared: 2 } }\n`)
    for (const topic of ['known/a', 'known/b', 'known/c', 'new-1/x', 'new-2/x', 'new-3/x']) await client.publish(`lab/${topic}`, '1')
    for (const topic of ['known/c', 'new-3/x']) {
      const letter = await client.nextJson(`lab-dead/lab/${topic}`)
      assert.deepEqual([letter['class'], letter['rule']], ['RateLimited', 'maxUndeclared'], topic)
    }
    await client.publish('lab/new-4', 'online')
    assert.equal((await client.nextJson('lab-dead/lab/new-4'))['rule'], 'maxUndeclared', 'states count as well')
  })

  it('leaves room again when it is forgotten, and its meta and state go with it', async () => {
    await run(`${devices}broker: { tcp: { port: 0 }, limits: { maxUndeclared: 1 } }\n`)
    await client.publish('lab/new-1', 'online')
    await client.publish('lab/new-1', '', { retain: true })
    await client.publish('lab/new-2/x', '1')
    assert.equal((await client.nextJson('lab/new-2/x'))['value'], 1)
    await client.publish('lab/new-2/x', '', { retain: true })
    await client.publish('lab/new-3/x', '2')
    assert.equal((await client.nextJson('lab/new-3/x'))['value'], 2)
    const late = await lab.connect()
    assert.deepEqual(await late.retained('lab/new-1/#', 'lab/new-2/#'), [])
  })

  it('is refused with the nearest name where the configuration says so', async () => {
    await run(`${devices}broker: { tcp: { port: 0 }, undeclared: refuse }\n`)
    await client.publish('lab/knwon/x', '1')
    assert.match(String((await client.nextJson('lab-dead/lab/knwon/x'))['reason']), /no device is called "knwon"; did you mean "known"\?/)
    await client.publish('lab/known/y', '1')
    const letter = await client.nextJson('lab-dead/lab/known/y')
    assert.deepEqual([letter['class'], letter['rule']], ['UnknownCodename', 'undeclared'])
  })
})
