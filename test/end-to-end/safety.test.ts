import assert from 'node:assert/strict'
import { checkConfig } from '../../gateway/config.js'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Scripted } from '../support/scripted.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UdpClient } from '../support/udp.js'

/** What would hurt most: a value that looks fresh and is not, a command that is lost. */
describe('a value that must not look fresh', () => {
  let running: Running
  let udp: UdpClient

  beforeEach(() => {
    udp = new UdpClient()
  })

  afterEach(async () => {
    await udp.close()
    await running.stop()
  })

  const weather = `
devices: { weather: { codenames: { wind: { maxAge: 10, schema: { type: number } }, rain: {} } } }
adapters: [{ id: pull, type: data-pull-server, port: 0, device: weather }]
`
  const asked = async (codename: string): Promise<string> => await udp.ask(running.port('pull'), `${codename}#raw`)

  it('is OLD_DATA to old clients when its source calls it bad, or gives null; a get fails with the reason', async () => {
    running = await start(weather)
    const client = await running.connect()
    await client.subscribe('lab/weather/wind/reply')
    for (const payload of [
      '{"value":25,"quality":"bad","error":{"class":"DeviceError","message":"thermocouple broke","retryable":true}}',
      'null'
    ]) {
      await client.publish('lab/weather/wind', payload)
      assert.equal(await asked('wind'), 'OLD_DATA', payload)
    }
    await client.publish(
      'lab/weather/wind',
      '{"value":25,"quality":"bad","error":{"class":"DeviceError","message":"thermocouple broke","retryable":true}}'
    )
    await client.publish('lab/weather/wind/get', '')
    const { phase, error } = await client.nextJson('lab/weather/wind/reply')
    assert.equal(phase, 'failed')
    assert.match((error as { message: string }).message, /thermocouple broke/)
  })

  it('is OLD_DATA when its device says that it is disabled, even if readings go on', async () => {
    running = await start(weather)
    const client = await running.connect()
    await client.publish('lab/weather', 'disabled', { retain: true })
    await client.publish('lab/weather/rain', '7')
    assert.equal(await asked('rain'), 'OLD_DATA')
  })

  it('ages from its arrival too: a source whose clock is 50 s ahead is not fresh for 50 s longer', async () => {
    const clock = new FakeClock()
    running = await start(weather, { clock })
    const client = await running.connect()
    await client.publish('lab/weather/wind', { value: 3, time: new Date((clock.now() + 50) * 1000).toISOString() })
    await clock.pass(10)
    assert.match(await asked('wind'), /,3\.0$/)
    await clock.pass(0.1)
    assert.equal(await asked('wind'), 'OLD_DATA')
  })

  it('is published as stale even when the queue to the broker is full', async () => {
    const clock = new FakeClock()
    const codenames = Array.from({ length: 200 }, (_, i) => `c${i}: { maxAge: 5, retainMirror: true }`).join(', ')
    const scripted = new Scripted()
    running = await start(
      `broker: { tcp: { port: 0 }, limits: { maxQueue: 500 } }\ndevices: { rig: { codenames: { ${codenames}, busy: {} } } }\nadapters:\n  - { id: one, type: scripted, feeds: [rig] }\n  - { id: pull, type: data-pull-server, port: 0, device: rig }`,
      { clock, types: [scripted.type] }
    )
    const one = scripted.host('one')
    for (let i = 0; i < 200; i++) await one.publish({ device: 'rig', codename: `c${i}`, value: i })
    // A subscriber that does not read holds up the queue.
    const frozen = await running.connect()
    await frozen.subscribe('lab/rig/busy')
    const socket = (frozen.client as unknown as { stream: { pause(): void } }).stream
    socket.pause()
    const big = 'x'.repeat(100_000)
    for (let full = false; !full;)
      await one.publish({ device: 'rig', codename: 'busy', value: big }).catch(() => {
        full = true
      })
    await clock.pass(6)
    frozen.kill()
    const reader = await running.connect()
    await reader.subscribe('lab/rig/+', 'lab/rig/+/value')
    for (let i = 0; i < 200; i++) {
      const message = await reader.next(({ topic, text }) => topic === `lab/rig/c${i}` && text.includes('"stale"'))
      assert.ok(message.text.includes('"quality":"stale"'))
    }
    await reader.settled()
    assert.deepEqual(
      reader.left.filter(({ topic, text }) => /^lab\/rig\/c\d+\/value$/.test(topic) && text !== ''),
      []
    )
  }).timeout(15_000)
})

describe('readings of an instance that is not there', () => {
  let lab: Lab

  afterEach(() => lab.stop())

  it('are old: published while starting, when the start then fails', async () => {
    const scripted = new Scripted()
    scripted.start = async (id) => {
      await scripted.host(id).publish({ device: 'furnace', codename: 'temperature', value: 800 })
      throw new Error('no answer from the controller')
    }
    lab = await startLab({}, undefined, scripted)
    const udp = new UdpClient()
    assert.equal(await udp.ask(lab.port('pull-furnace'), 'temperature#raw'), 'OLD_DATA')
    await udp.close()
    const client = await lab.connect()
    await client.subscribe('lab/furnace/temperature')
    assert.equal((await client.nextJson('lab/furnace/temperature'))['quality'], 'stale')
  })

  it('are refused once it has failed', async () => {
    lab = await startLab()
    const client = await lab.connect()
    await client.subscribe('lab/furnace')
    await client.next(({ text }) => text.includes('"online"'))
    const oven = lab.scripted.host('oven')
    oven.failed(new Error('cable out'))
    await assert.rejects(oven.publish({ device: 'furnace', codename: 'temperature', value: 800 }), /is not running/)
  })
})

describe('a native device with a client of its own', () => {
  it('takes commands again when its client is connected again, without having to publish first', async () => {
    const lab = await startLab()
    try {
      const asker = await lab.connect()
      await asker.subscribe('lab/stage', 'lab/stage/position/reply')
      const driver = await lab.connect({ clientId: 'driver' })
      await driver.publish('lab/stage/position', '1')
      driver.kill()
      await asker.next(({ topic, text }) => topic === 'lab/stage' && text.includes('"offline"'))
      const again = await lab.connect({ clientId: 'driver' })
      await again.subscribe('lab/stage/position/set')
      await asker.next(({ topic, text }) => topic === 'lab/stage' && text.includes('"online"'))
      await asker.publish('lab/stage/position/set', '{"id":"p","value":2}')
      assert.match((await again.next('lab/stage/position/set')).text, /"value":2/)
    } finally {
      await lab.stop()
    }
  })
})

describe('a push that was acknowledged', () => {
  it('is carried out when the codename is free, though a command of somebody else runs', async () => {
    const scripted = new Scripted()
    const done: unknown[] = []
    let release = (): void => {}
    scripted.execute = async ({ value }) => {
      done.push(value)
      if (done.length === 1) await new Promise<void>((resolve) => (release = resolve))
      return value
    }
    const running = await start(
      'devices: { furnace: { codenames: { setpoint: { settable: true, schema: { type: number } } } } }\nadapters:\n  - { id: oven, type: scripted, executes: [furnace/setpoint] }\n  - { id: push, type: data-push-server, port: 0, accept: commands, as: set, device: furnace }',
      { types: [scripted.type] }
    )
    const udp = new UdpClient()
    try {
      const client = await running.connect()
      await client.subscribe('lab/furnace/setpoint/reply')
      await client.publish('lab/furnace/setpoint/set', '1')
      assert.equal(await udp.ask(running.port('push'), 'raw_wn#setpoint:float:2'), "ACK#{'setpoint': 2.0}")
      release()
      await client.next(({ text }) => text.includes('"value":2'))
      assert.deepEqual(done, [1, 2])
    } finally {
      await udp.close()
      await running.stop()
    }
  })
})

describe('the own device of a push socket', () => {
  it('answers a get of what it holds from memory, and a get of an action is no call', async () => {
    const running = await start('devices: { x: {} }\nadapters: [{ id: push, type: data-push-server, port: 0, device: x }]')
    const udp = new UdpClient()
    try {
      const client = await running.connect()
      await client.subscribe('lab/push/+/reply')
      await udp.ask(running.port('push'), 'raw_wn#a:int:1')
      await client.publish('lab/push/last/get', '')
      assert.deepEqual((await client.nextJson('lab/push/last/reply'))['value'], { a: 1 })
      await client.publish('lab/push/set_last_to_none/get', '')
      assert.equal(((await client.nextJson('lab/push/set_last_to_none/reply'))['error'] as { class: string }).class, 'ReadOnly')
      await client.publish('lab/push/last/get', '')
      assert.deepEqual((await client.nextJson('lab/push/last/reply'))['value'], { a: 1 })
    } finally {
      await udp.close()
      await running.stop()
    }
  })
})

describe('schemas of operators', () => {
  it('may compare objects: const, enum and uniqueItems', async () => {
    const running = await start(
      'devices: { d: { codenames: { e: { schema: { enum: [{ m: a }, { m: b }] } }, u: { schema: { type: array, uniqueItems: true } } } } }'
    )
    try {
      const client = await running.connect()
      await client.subscribe('lab/d/+', 'lab-dead/#')
      await client.publish('lab/d/e', '{"value":{"m":"a"}}')
      assert.deepEqual((await client.nextJson('lab/d/e'))['value'], { m: 'a' })
      await client.publish('lab/d/u', '[{"m":1},{"m":2}]')
      assert.equal((await client.nextJson('lab/d/u'))['quality'], 'good')
      await client.publish('lab/d/e', '{"value":{"m":"c"}}')
      assert.equal((await client.nextJson('lab-dead/lab/d/e'))['class'], 'RangeError')
      await client.publish('lab/d/e', '{"value":{"valueOf":1,"toString":2}}')
      await client.next('lab-dead/lab/d/e')
    } finally {
      await running.stop()
    }
  })

  it('cannot be asynchronous: everything would pass', () => {
    const yaml = 'devices: { d: { codenames: { e: { schema: { $async: true, maximum: 300 } } } } }'
    assert.throws(() => checkConfig(yaml, { file: 'x.yaml', types: [], env: {} }), /\$async: .*\[unknown-keyword\]/)
  })
})
