import assert from 'node:assert/strict'
import { formatTime } from '../../gateway/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { Scripted, hang } from '../support/scripted.js'
import { UdpClient } from '../support/udp.js'

const yaml = `
devices:
  rig: { codenames: { a: {}, b: {}, c: { settable: true } } }
  weather: { codenames: { wind: {}, rain: { maxAge: 10 } } }
  stage: { client: driver, codenames: { position: {} } }
adapters:
  - { id: one, type: scripted, feeds: [rig/a] }
  - { id: two, type: scripted, feeds: [rig/b], executes: [rig/c] }
  - { id: pull-rig, type: data-pull-server, port: 0, device: rig }
  - { id: pull-stage, type: data-pull-server, port: 0, device: stage }
`

describe('device states', () => {
  let clock: FakeClock
  let lab: Lab
  let client: TestClient
  let udp: UdpClient

  async function run(scripted = new Scripted()): Promise<void> {
    clock = new FakeClock()
    lab = await startLab({ clock }, yaml, scripted)
    client = await lab.connect({ clientId: 'reader' })
    await client.subscribe('lab/+', 'lab/rig/+', 'lab/stage/+', 'lab/gateway/instances')
    udp = new UdpClient()
  }

  afterEach(async () => {
    await udp.close()
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  /** The next state of the device that reads `state`. */
  async function state(device: string, is: string): Promise<Record<string, unknown>> {
    return await client.nextJson(({ topic, text }) => topic === `lab/${device}` && text.includes(`"state":"${is}"`))
  }

  it('of a held device is the worst of its instances, with reason, time and the instance', async () => {
    await run()
    await state('rig', 'online')
    const since = formatTime(clock.now())
    lab.scripted.host('two').report('degraded', 'two of three sensors answer')
    assert.deepEqual(await state('rig', 'degraded'), { state: 'degraded', reason: 'two of three sensors answer', via: 'two', since })
    await clock.pass(5)
    lab.scripted.start = () => Promise.reject(new Error('no route to host'))
    lab.scripted.host('one').failed(new Error('cable cut'))
    assert.deepEqual(await state('rig', 'offline'), { state: 'offline', reason: 'cable cut', via: 'one', since: formatTime(clock.now()) })
    lab.scripted.host('two').report('online', 'all three')
    await clock.pass(2)
    const later = await state('rig', 'offline')
    assert.deepEqual(
      [later['reason'], later['since']],
      ['no route to host', formatTime(clock.now() - 2)],
      'another reason, but offline all the time'
    )
    lab.scripted.start = () => Promise.resolve()
    await clock.pass(10)
    assert.equal((await state('rig', 'online'))['reason'], 'started at attempt 3')
  })

  it('is offline when its instance says so, which makes its readings stale, and is back when that says so', async () => {
    await run()
    const one = lab.scripted.host('one')
    await one.publish({ device: 'rig', codename: 'a', value: 1, time: clock.now() })
    one.report('offline', 'no answer')
    assert.equal((await state('rig', 'offline'))['reason'], 'no answer')
    await client.next(({ topic, text }) => topic === 'lab/rig/a' && text.includes('"quality":"stale"'), 'rig/a stale')
    assert.match(await udp.ask(lab.port('pull-rig'), 'a#raw'), /^OLD_DATA$/)
    one.report('online', 'it answers')
    await state('rig', 'online')
    assert.match(await udp.ask(lab.port('pull-rig'), 'a#raw'), /^OLD_DATA$/, 'until the next reading')
    assert.deepEqual(lab.scripted.starts.filter((id) => id === 'one').length, 1)
  })

  it('lab/gateway is degraded and names the instance that fails, and why; its instances are a reading', async () => {
    await run()
    await state('gateway', 'online')
    lab.scripted.start = () => Promise.reject(new Error('no route to host'))
    lab.scripted.host('one').failed(new Error('cable cut'))
    assert.equal((await state('gateway', 'degraded'))['reason'], 'one is offline: cable cut')
    const { value } = await client.nextJson(({ topic, text }) => topic === 'lab/gateway/instances' && text.includes('cable cut'))
    assert.deepEqual((value as Record<string, unknown>)['one'], { state: 'offline', reason: 'cable cut' })
    lab.scripted.start = () => Promise.resolve()
    await clock.pass(10)
    assert.equal((await state('gateway', 'online'))['reason'], 'all instances work')
  })

  it('an instance that has not started yet is offline, and the gateway says so', async () => {
    const scripted = new Scripted()
    scripted.start = (id) => (id === 'one' ? hang() : Promise.resolve())
    await run(scripted)
    assert.equal((await state('rig', 'offline'))['reason'], 'not started yet')
    assert.equal((await state('gateway', 'degraded'))['reason'], 'one is offline: not started yet')
  })

  it('lab/gateway is offline when it stops', async () => {
    await run()
    void lab.gateway.stop('maintenance')
    const { reason, via } = await state('gateway', 'offline')
    assert.deepEqual([reason, via], ['maintenance', 'gateway'])
  })

  it('a native device is offline until it is heard, online from its first reading', async () => {
    await run()
    assert.equal((await state('weather', 'offline'))['reason'], 'nothing heard from it yet')
    const sensor = await lab.connect({ clientId: 'esp' })
    await sensor.publish('lab/weather/wind', '1')
    const { reason, via } = await state('weather', 'online')
    assert.deepEqual([reason, via], ['it gives readings', 'esp'])
    client.drop()
    await sensor.publish('lab/weather/wind', '2')
    await client.settled()
    assert.deepEqual(
      client.left.filter(({ topic }) => topic === 'lab/weather'),
      []
    )
  })

  it('a native device with a client of its own is offline when that client goes, and online with its next reading', async () => {
    await run()
    await state('stage', 'offline')
    const driver = await lab.connect({ clientId: 'driver' })
    await driver.publish('lab/stage/position', '1')
    await state('stage', 'online')
    driver.kill()
    const { reason, via } = await state('stage', 'offline')
    assert.deepEqual([reason, via], ['its client driver disconnected', 'driver'])
    const again = await lab.connect({ clientId: 'driver' })
    await again.publish('lab/stage/position', '2')
    await state('stage', 'online')
  })

  it('a native device may say it itself, in one word or as JSON; what it leaves out is filled in', async () => {
    await run()
    const driver = await lab.connect({ clientId: 'driver' })
    await driver.publish('lab/stage', 'degraded')
    assert.deepEqual(await state('stage', 'degraded'), {
      state: 'degraded',
      reason: 'it says so',
      via: 'driver',
      since: formatTime(clock.now())
    })
    await driver.publish('lab/stage', { state: 'disabled', reason: 'lunch', via: 'somebody else' })
    const { reason, via } = await state('stage', 'disabled')
    assert.deepEqual([reason, via], ['lunch', 'driver'])
  })

  it('a state that is none is refused', async () => {
    await run()
    const driver = await lab.connect({ clientId: 'driver' })
    await client.subscribe('lab-dead/#')
    for (const payload of ['asleep', '', '42', '{"state": "online", "mood": "good"}', '{"reason": "x"}', '[]']) {
      await driver.publish('lab/stage', payload)
      assert.equal((await client.nextJson('lab-dead/lab/stage'))['class'], 'BadPayload', payload)
    }
  })

  it('offline makes the readings of the device stale, also without maxAge, and pull sockets answer OLD_DATA', async () => {
    await run()
    const driver = await lab.connect({ clientId: 'driver' })
    await driver.publish('lab/stage/position', '1')
    await lab.scripted.host('one').publish({ device: 'rig', codename: 'a', value: 2 })
    assert.match(await udp.ask(lab.port('pull-stage'), 'position#raw'), /,1$/)
    assert.match(await udp.ask(lab.port('pull-rig'), 'a#raw'), /,2\.0$/)
    await driver.publish('lab/stage', 'offline')
    lab.scripted.host('two').failed(new Error('broken'))
    for (const topic of ['lab/stage/position', 'lab/rig/a'])
      await client.next((message) => message.topic === topic && message.text.includes('"stale"'), topic)
    assert.equal(await udp.ask(lab.port('pull-stage'), 'position#raw'), 'OLD_DATA')
    assert.equal(await udp.ask(lab.port('pull-rig'), 'a#raw'), 'OLD_DATA')
  })

  it('a state forgotten by an empty retained message comes back with the next reading', async () => {
    await run()
    const driver = await lab.connect({ clientId: 'driver' })
    await driver.publish('lab/stage/position', '1')
    await state('stage', 'online')
    await driver.publish('lab/stage', '', { retain: true })
    await driver.publish('lab/stage/position', '2')
    await state('stage', 'online')
  })
})
