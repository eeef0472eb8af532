import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Adapter, Device } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { simulator } from './simulator.js'
import { command, FakeHost, schemaOf, settle, toPlain } from './test-support/fake-host.js'
import { allModels, configure } from './test-support/settings.js'
import type { SimulatorConfig } from './types.js'

const never = new AbortController().signal

function config(instruments: Record<string, object>): SimulatorConfig {
  const checked = configure(instruments)
  assert.ok(checked !== undefined)
  return checked
}

async function started(instruments: Record<string, object> = allModels): Promise<{ fake: FakeHost; adapter: Adapter }> {
  const fake = new FakeHost()
  const adapter = simulator.create(config(instruments), fake.host)
  await adapter.start(never)
  return { fake, adapter }
}

function execute(adapter: Adapter, ...asked: Parameters<typeof command>): Promise<unknown> {
  assert.ok(adapter.execute !== undefined)
  return adapter.execute(command(...asked), never)
}

describe('simulator configuration', () => {
  it('needs nothing but names and models', () => {
    assert.deepEqual(config({ oven: { model: 'laser' } }).instruments, {
      oven: { model: 'laser', period: 1, seed: 1, maximum: 300, rearm: 2, noise: 0.01 }
    })
  })

  it('refuses unknown models, parameters of another model, bad names and an empty map', () => {
    for (const wrong of [{}, { a: { model: 'toaster' } }, { a: {} }, { a: { model: 'laser', ambient: 20 } }, { 'a/b': { model: 'laser' } }])
      assert.equal(configure(wrong), undefined, JSON.stringify(wrong))
  })
})

describe('simulator plan', () => {
  const { devices = new Map<string, Device>(), feeds, executes, problems } = simulator.plan(config(allModels), { devices: new Map() })

  it('declares each instrument as a device and takes both rights on it', () => {
    assert.deepEqual([...devices.keys()], Object.keys(allModels))
    const rights = Object.keys(allModels).map((device) => ({ device }))
    assert.deepEqual({ feeds, executes, problems }, { feeds: rights, executes: rights, problems: undefined })
  })

  it('gives each reading a schema and an age of four periods, each call a time limit', () => {
    for (const { codenames } of devices.values())
      for (const { schema, maxAge, callable } of codenames.values()) {
        if (callable === undefined) assert.deepEqual([typeof schema, maxAge], ['object', 4])
        else assert.ok(callable.timeout !== undefined)
      }
  })

  it('declares nothing but what JSON can carry in meta', () => {
    for (const { codenames } of devices.values())
      for (const meta of codenames.values()) assert.deepEqual(JSON.parse(JSON.stringify(meta)), meta)
  })
})

describe('simulator', () => {
  it('opens nothing before start and leaves no timer after stop', async () => {
    const fake = new FakeHost()
    const adapter = simulator.create(config(allModels), fake.host)
    await adapter.stop()
    assert.deepEqual([fake.clock.timers, fake.published.length], [0, 0])
    await adapter.start(never)
    assert.equal(fake.clock.timers, 5)
    await adapter.stop()
    await adapter.stop()
    assert.equal(fake.clock.timers, 0)
    const before = fake.published.length
    await fake.clock.pass(100)
    assert.equal(fake.published.length, before)
  })

  it('publishes everything right at start, simulated, with units, as the schemas say', async () => {
    const { fake, adapter } = await started()
    const { devices = new Map<string, Device>() } = simulator.plan(config(allModels), { devices: new Map() })
    const expected = [...devices].flatMap(([device, { codenames }]) =>
      [...codenames].flatMap(([codename, meta]) => (meta.callable === undefined ? [`${device}/${codename} ${meta.unit}`] : []))
    )
    assert.deepEqual(
      fake.published.map(({ device, codename, unit }) => `${device}/${codename} ${unit}`),
      expected
    )
    await fake.clock.pass(60)
    const ajv = new Ajv2020({ strict: true })
    for (const { device, codename, value, source } of fake.published) {
      assert.equal(source, 'simulated')
      assert.ok(ajv.validate(schemaOf((devices.get(device) as Device).codenames, codename), toPlain(value)), `${device}/${codename}`)
    }
    await adapter.stop()
  })

  it('keeps its beat, also with a period that has no exact double', async () => {
    const { fake, adapter } = await started({ oven: { model: 'furnace', period: 0.1 } })
    await fake.clock.pass(1000.05)
    const times = fake.published.filter(({ codename }) => codename === 'power').map(({ at }) => at)
    assert.equal(times.length, 10001)
    assert.ok(times.every((time, i) => Math.abs(time - i / 10) < 1e-6))
    await adapter.stop()
  })

  it('does not drift when its timers come late, and leaves out what it missed', async () => {
    for (const [lateness, seconds, count] of [
      [0.03, 100, 1000],
      [0.25, 300.1, 1000]
    ] as const) {
      const fake = new FakeHost()
      fake.clock.lateness = lateness
      const adapter = simulator.create(config({ oven: { model: 'furnace', period: 0.1 } }), fake.host)
      await adapter.start(never)
      await fake.clock.pass(seconds + 0.05)
      const times = fake.published.filter(({ codename }) => codename === 'power').map(({ at }) => at)
      assert.equal(times.length, 1 + count, `${times.length} readings`)
      assert.ok(times.slice(1).every((time) => Math.abs((((time - lateness) * 10 + 0.5) % 1) - 0.5) < 1e-6))
      await adapter.stop()
    }
  })

  it('publishes the same under the same seed, and other noise for another device', async () => {
    const noise = async (name: string): Promise<unknown> => {
      const { fake, adapter } = await started({ [name]: { model: 'furnace' } })
      await fake.clock.pass(50)
      await adapter.stop()
      return fake.values(name, 'temperature')
    }
    assert.deepEqual(await noise('one'), await noise('one'))
    assert.notDeepEqual(await noise('one'), await noise('two'))
  })

  it('answers a set with what the device reports, after publishing it', async () => {
    const { fake, adapter } = await started()
    assert.equal(await execute(adapter, 'set', 'furnace', 'setpoint', 250n), 250)
    assert.equal(fake.last('furnace', 'setpoint'), 250)
    await fake.clock.pass(120)
    assert.ok(Math.abs(Number(fake.last('furnace', 'temperature')) - 250) < 2)
    await adapter.stop()
  })

  it('answers a get with a reading taken now', async () => {
    const { fake, adapter } = await started()
    await fake.clock.pass(0.5)
    const mass = await execute(adapter, 'get', 'balance', 'mass')
    assert.equal(fake.last('balance', 'mass'), mass)
    assert.equal(fake.published.at(-1)?.at, 0.5)
    await assert.rejects(execute(adapter, 'get', 'balance', 'tare'), { class: 'ReadOnly' })
    await adapter.stop()
  })

  it('carries refusals of the instrument to the asker', async () => {
    const { fake, adapter } = await started()
    await execute(adapter, 'set', 'laser', 'door', 'open')
    await assert.rejects(execute(adapter, 'set', 'laser', 'power', 100), { class: 'Locked', code: 'interlock' })
    assert.equal(fake.last('laser', 'power'), 0)
    await assert.rejects(execute(adapter, 'set', 'toaster', 'power', 100), { class: 'UnknownDevice' })
    await adapter.stop()
  })

  it('ends a shot at once when somebody opens the door', async () => {
    const { fake, adapter } = await started()
    await execute(adapter, 'set', 'laser', 'power', 100)
    const shot = execute(adapter, 'call', 'laser', 'fire', new Map([['duration', 5]]))
    const refused = assert.rejects(shot, { class: 'Locked', code: 'interlock' })
    await fake.clock.pass(1.5)
    assert.equal(fake.last('laser', 'emission'), true)
    await execute(adapter, 'set', 'laser', 'door', 'open')
    await refused
    assert.equal(fake.clock.monotonic(), 1.5)
    assert.equal(fake.last('laser', 'emission'), false)
    assert.equal(fake.clock.timers, 5)
    await adapter.stop()
  })

  it('returns a spectrum when its time has passed, not earlier and not a period later', async () => {
    const { fake, adapter } = await started()
    let isOver = false
    const call = execute(adapter, 'call', 'spectrometer', 'acquire', new Map([['integration', 2.5]])).finally(() => (isOver = true))
    await fake.clock.pass(2.4)
    assert.equal(isOver, false)
    assert.equal(fake.last('spectrometer', 'progress'), 80)
    await fake.clock.pass(0.2)
    assert.equal(isOver, true)
    const spectrum = await call
    assert.ok(spectrum instanceof Map)
    assert.equal((spectrum.get('wavelength') as []).length, (spectrum.get('intensity') as []).length)
    assert.equal(fake.last('spectrometer', 'acquired'), 1n)
    await adapter.stop()
  })

  it('breaks a call off when its signal aborts, and can take the next', async () => {
    const { fake, adapter } = await started()
    const abort = new AbortController()
    const call = adapter.execute?.(command('call', 'spectrometer', 'acquire'), abort.signal)
    const refused = assert.rejects(call ?? Promise.resolve(), { class: 'Timeout', maybeExecuted: true })
    await fake.clock.pass(0.5)
    abort.abort()
    await refused
    assert.equal(fake.clock.timers, 5)
    const next = execute(adapter, 'call', 'spectrometer', 'acquire')
    await fake.clock.pass(1)
    await next
    assert.equal(fake.last('spectrometer', 'acquired'), 1n)
    await adapter.stop()
  })

  it('breaks calls off at stop and refuses further ones', async () => {
    const { fake, adapter } = await started()
    const refused = assert.rejects(execute(adapter, 'call', 'spectrometer', 'acquire'), { class: 'Unreachable', maybeExecuted: true })
    await settle()
    await adapter.stop()
    const before = fake.published.length
    await refused
    await assert.rejects(execute(adapter, 'set', 'furnace', 'setpoint', 20), { class: 'Unreachable', maybeExecuted: false })
    assert.deepEqual([fake.clock.timers, fake.published.length], [0, before])
  })

  it('starts again after a stop', async () => {
    const { fake, adapter } = await started()
    await adapter.stop()
    await adapter.start(never)
    await fake.clock.pass(2)
    assert.equal(fake.values('furnace', 'power').length, 4)
    await adapter.stop()
  })

  it('survives refused readings: says so once, counts them, goes on', async () => {
    const { fake, adapter } = await started({ oven: { model: 'furnace' } })
    fake.refusal = new GatewayError('RateLimited', 'the queue is full')
    await fake.clock.pass(10)
    assert.equal(await execute(adapter, 'set', 'oven', 'setpoint', 100), 100)
    assert.deepEqual([fake.warnings.length, fake.counted.get('dropped')], [1, 44])
    fake.refusal = undefined
    await fake.clock.pass(1)
    assert.equal(fake.last('oven', 'setpoint'), 100)
    await adapter.stop()
  })
})
