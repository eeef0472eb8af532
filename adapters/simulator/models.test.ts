import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Exact } from '../../gateway/adapter.js'
import { modelOf } from './models/index.js'
import type { Model, Readings } from './models/model.js'
import { createRandom } from './random.js'
import { schemaOf, toPlain } from './test-support/fake-host.js'
import type { ModelName, Settings } from './settings.js'
import { allModels, settings } from './test-support/settings.js'

/** A model that is stepped by a second, and its random numbers. */
function switchedOn(instrument: Settings, seed = 1): { model: Model; run: (seconds: number, step?: number) => Readings[] } {
  const model = modelOf(instrument)
  const random = createRandom(seed)
  const run = (seconds: number, step = 1): Readings[] => Array.from({ length: Math.round(seconds / step) }, () => model.step(step, random))
  return { model, run }
}

const column = (readings: readonly Readings[], codename: string): number[] => readings.map((reading) => Number(reading[codename]))
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length
const deviation = (numbers: readonly number[]): number => Math.sqrt(mean(numbers.map((n) => (n - mean(numbers)) ** 2)))
const locked = { class: 'Locked', code: 'interlock' }
const fire = (duration: number): Exact => new Map([['duration', duration]])

describe('simulated furnace', () => {
  it('reaches a setpoint within about its time constant and stays there', () => {
    const { model, run } = switchedOn(settings('furnace'))
    model.set('setpoint', 250)
    const readings = column(run(300), 'temperature')
    assert.ok(Math.abs((readings[75] ?? 0) - 250) < 5, `${readings[75]} °C after 75 s`)
    assert.ok(readings.slice(120).every((temperature) => Math.abs(temperature - 250) < 1.5))
    assert.ok(Math.max(...readings) < 250 * 1.03, `overshoot to ${Math.max(...readings)} °C`)
  })

  it('does not overshoot after a long time at full power', () => {
    const { model, run } = switchedOn(settings('furnace', { noise: 0 }))
    model.set('setpoint', 1100)
    const readings = run(600)
    assert.ok(column(readings, 'power').filter((power) => power === 100).length > 30)
    assert.ok(Math.max(...column(readings, 'temperature')) < 1100 * 1.02, `${Math.max(...column(readings, 'temperature'))} °C`)
  })

  it('takes a setpoint as ints too, as MQTT clients write them', () => {
    const { model, run } = switchedOn(settings('furnace'))
    model.set('setpoint', 250n)
    assert.equal(run(1)[0]?.['setpoint'], 250)
  })

  it('shows nothing of the heater until the dead time is over', () => {
    const { model, run } = switchedOn(settings('furnace', { deadTime: 5, noise: 0 }))
    model.set('setpoint', 500)
    const readings = column(run(10), 'temperature')
    assert.deepEqual(readings.slice(0, 4), [20, 20, 20, 20])
    assert.ok((readings[9] ?? 0) > 25)
  })

  it('cools by itself with the time constant, and faster with the fan', () => {
    const hot = (): ReturnType<typeof switchedOn> => {
      const it = switchedOn(settings('furnace', { noise: 0, deadTime: 0 }))
      it.model.set('setpoint', 520)
      it.run(600)
      return it
    }
    const alone = hot()
    alone.model.set('setpoint', 20)
    const after = column(alone.run(60), 'temperature').at(-1) ?? 0
    assert.ok(Math.abs(after - (20 + 500 / Math.E)) < 3, `${after} °C`)
    const fanned = hot()
    assert.deepEqual(fanned.model.call('cool', null).outcome, { value: 'cooling from 520 °C to 20 °C with the fan' })
    const faster = fanned.run(60).at(-1)
    assert.ok(Number(faster?.['temperature']) < 20 + 500 * Math.exp(-2.9))
    assert.equal(faster?.['fan'], true)
    assert.equal(faster?.['setpoint'], 20)
    fanned.model.set('setpoint', 100)
    assert.equal(fanned.run(1)[0]?.['fan'], false)
  })

  it('never leaves its limits, whatever is asked and however it is built', () => {
    const building = fc.record({
      timeConstant: fc.double({ min: 1, max: 36000, noNaN: true }),
      deadTime: fc.double({ min: 0, max: 60, noNaN: true }),
      maximum: fc.double({ min: 100, max: 2000, noNaN: true })
    })
    const talk = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0.1, max: 60, noNaN: true })), {
      maxLength: 10
    })
    fc.assert(
      fc.property(building, talk, (parameters, commands) => {
        const { model, run } = switchedOn(settings('furnace', { ...parameters, noise: 0 }))
        for (const [part, seconds] of commands) {
          model.set('setpoint', part * parameters.maximum)
          for (const { power, temperature } of run(seconds * 3, seconds)) {
            assert.ok(Number(power) >= 0 && Number(power) <= 100)
            assert.ok(Number(temperature) >= 19.99 && Number(temperature) <= 20 + 1.25 * (parameters.maximum - 20) + 0.01)
          }
        }
      }),
      { numRuns: 40 }
    )
  })
})

describe('simulated pressure gauge', () => {
  it('pumps down over twelve decades, always downwards but for the noise', () => {
    const readings = column(switchedOn(settings('pressure-gauge')).run(900), 'pressure')
    assert.ok((readings[0] ?? 0) > 500)
    assert.ok(Math.abs(Math.log10(readings.at(-1) ?? 1) + 9) < 0.1, `${readings.at(-1)} mbar`)
    const levels = readings.map(Math.log10)
    const smooth = levels.slice(0, -30).map((_, i) => mean(levels.slice(i, i + 30)))
    assert.ok(smooth.every((level, i) => i === 0 || level < (smooth[i - 1] ?? 0) + 0.01))
  })

  it('has the same noise in every decade', () => {
    const { run } = switchedOn(settings('pressure-gauge', { noise: 0.02, timeConstant: 1 }))
    run(100)
    assert.ok(Math.abs(deviation(column(run(2000), 'pressure').map(Math.log10)) - 0.02) < 0.002)
  })

  it('vents to the atmosphere and pumps again when told to', () => {
    const { model, run } = switchedOn(settings('pressure-gauge', { noise: 0 }))
    run(600)
    model.call('vent', null)
    const vented = run(30).at(-1)
    assert.equal(vented?.['pressure'], 1000)
    assert.equal(vented?.['pump'], false)
    model.set('pump', true)
    assert.ok(Number(run(60).at(-1)?.['pressure']) < 1)
  })
})

describe('simulated laser', () => {
  it('refuses as Locked while the door is open and until the interlock has closed', () => {
    const { model, run } = switchedOn(settings('laser', { rearm: 2 }))
    model.set('power', 100)
    model.set('door', 'open')
    assert.deepEqual([run(1)[0]?.['interlock'], run(1)[0]?.['power']], ['open', 0])
    assert.throws(() => model.set('power', 100), locked)
    assert.throws(() => model.call('fire', fire(1)), locked)
    model.set('door', 'closed')
    assert.equal(run(1)[0]?.['interlock'], 'open')
    assert.throws(() => model.set('power', 100), locked)
    assert.equal(run(1)[0]?.['interlock'], 'closed')
    model.set('power', 100)
  })

  it('stops its emission at once when the door opens', () => {
    const { model, run } = switchedOn(settings('laser'))
    model.set('power', 100)
    const shot = model.call('fire', fire(5))
    const firing = run(1)[0]
    assert.equal(firing?.['emission'], true)
    assert.ok(Math.abs(Number(firing['output']) - 100) < 6)
    model.set('door', 'open')
    assert.ok(shot.outcome !== undefined && 'error' in shot.outcome)
    assert.equal(shot.outcome.error.class, 'Locked')
    assert.equal(shot.outcome.error.code, 'interlock')
    assert.equal(shot.outcome.error.maybeExecuted, true)
    assert.match(shot.outcome.error.message, /stopped after 1\.0 s of 5 s/)
    const after = model.step(0, createRandom(1))
    assert.deepEqual([after['emission'], after['output'], after['shots']], [false, 0, 0n])
  })

  it('fires for the duration, says what came out and counts the shot', () => {
    const { model, run } = switchedOn(settings('laser'))
    model.set('power', 50)
    const shot = model.call('fire', fire(2))
    assert.throws(() => model.call('fire', fire(2)), { class: 'Busy' })
    run(1.9, 0.1)
    assert.equal(shot.outcome, undefined)
    const last = run(0.1, 0.1)[0]
    assert.deepEqual(shot.outcome, { value: 'fired 2 s: 100.0 J' })
    assert.deepEqual([last?.['emission'], last?.['shots']], [false, 1n])
  })

  it('does not fire without power', () => {
    assert.throws(() => switchedOn(settings('laser')).model.call('fire', fire(2)), { class: 'DeviceError', code: 'no-power' })
  })
})

describe('simulated balance', () => {
  it('shows its noise about zero with nothing on it', () => {
    const masses = column(switchedOn(settings('balance', { loadEvery: 0, noise: 0.01, drift: 0 })).run(2000), 'mass')
    assert.ok(Math.abs(mean(masses)) < 0.001)
    assert.ok(Math.abs(deviation(masses) - 0.01) < 0.001)
  })

  it('drifts without bound, but slowly', () => {
    const masses = column(switchedOn(settings('balance', { loadEvery: 0, noise: 0, drift: 1 })).run(36000, 60), 'mass')
    assert.ok(deviation(masses) > 0.1)
    assert.ok(masses.every((mass, i) => i === 0 || Math.abs(mass - (masses[i - 1] ?? 0)) < 1))
  })

  it('gets a new load now and then, up to its capacity', () => {
    const readings = switchedOn(settings('balance', { loadEvery: 20, noise: 0, drift: 0 })).run(4000)
    const settled = new Set(
      column(
        readings.filter((reading) => reading['stable'] === true),
        'mass'
      ).map((mass) => mass.toFixed(1))
    )
    assert.ok(settled.size > 50, `${settled.size} loads`)
    assert.ok(column(readings, 'mass').every((mass) => mass >= -0.01 && mass <= 200.01))
    assert.ok(readings.some((reading) => reading['stable'] === false))
  })

  it('tares: waits until the pan is at rest, then shows zero', () => {
    const { model, run } = switchedOn(settings('balance', { loadEvery: 20, noise: 0, drift: 0 }), 3)
    while (run(1)[0]?.['stable'] === true);
    const tare = model.call('tare', null)
    assert.ok(tare.remaining > 0)
    model.step(0, createRandom(1))
    assert.ok(tare.remaining > 0, 'it still waits')
    run(10, 0.05)
    assert.ok(tare.outcome !== undefined && 'value' in tare.outcome)
    assert.ok(Number(tare.outcome.value) > 0.1)
  })

  it('shows about zero right after a tare', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const { model, run } = switchedOn(settings('balance', { loadEvery: 5, noise: 0, drift: 1 }), seed)
        run(100)
        const tare = model.call('tare', null)
        const random = createRandom(seed)
        let mass = NaN
        for (let i = 0; i < 600 && tare.outcome === undefined; i += 1) mass = Number(model.step(0.02, random)['mass'])
        assert.ok(tare.outcome !== undefined)
        if ('value' in tare.outcome) assert.equal(mass, 0)
      })
    )
  })
})

describe('simulated spectrometer', () => {
  const acquire = (integration: number, averages: bigint, more: object = {}): { wavelength: number[]; intensity: number[] } => {
    const { model, run } = switchedOn(settings('spectrometer', more))
    const args = new Map<string, Exact>([
      ['integration', integration],
      ['averages', averages]
    ])
    const task = model.call('acquire', args)
    run(task.remaining, task.remaining / 4)
    assert.ok(task.outcome !== undefined && 'value' in task.outcome)
    return toPlain(task.outcome.value) as { wavelength: number[]; intensity: number[] }
  }

  it('returns as many intensities as wavelengths, with the lines of the lamp', () => {
    const { wavelength, intensity } = acquire(1, 4n)
    assert.equal(wavelength.length, 256)
    assert.equal(intensity.length, 256)
    assert.deepEqual([wavelength[0], wavelength.at(-1)], [350, 850])
    const strongest = wavelength[intensity.indexOf(Math.max(...intensity))] ?? 0
    assert.ok(Math.abs(strongest - 546.07) < 3, `${strongest} nm`)
  })

  it('gets more light by longer integration until it is full, and less noise by averages', () => {
    const dark = (averages: bigint): number => deviation(acquire(0.5, averages).intensity.slice(-100))
    assert.ok(Math.max(...acquire(0.2, 1n).intensity) < 10000)
    assert.equal(Math.max(...acquire(10, 1n).intensity), 65535)
    assert.ok(dark(100n) < dark(1n) / 5)
  })

  it('shows how far it is and refuses a second acquisition meanwhile', () => {
    const { model, run } = switchedOn(settings('spectrometer', { integration: 4 }))
    model.call('acquire', null)
    assert.deepEqual(column(run(3), 'progress'), [25, 50, 75])
    assert.throws(() => model.call('acquire', null), { class: 'Busy' })
    assert.throws(() => model.set('lamp', 'sodium'), { class: 'Busy' })
    const last = run(1)[0]
    assert.deepEqual([last?.['progress'], last?.['acquired']], [0, 1n])
  })

  it('is free again after a cancel', () => {
    const { model, run } = switchedOn(settings('spectrometer'))
    model.cancel(model.call('acquire', null))
    assert.deepEqual([run(5).at(-1)?.['progress'], run(1)[0]?.['acquired']], [0, 0n])
  })

  it('refuses what would take more than a minute', () => {
    const { model } = switchedOn(settings('spectrometer', { integration: 10, averages: 10 }))
    assert.throws(() => model.call('acquire', null), { class: 'RangeError', code: 'too-long' })
  })
})

describe('simulated instruments, all of them', () => {
  for (const { model: name } of Object.values(allModels)) {
    const instrument = settings(name as ModelName)

    it(`${name}: the same seed gives the same readings, another seed others`, () => {
      const readings = (seed: number): unknown => switchedOn(instrument, seed).run(200)
      assert.deepEqual(readings(7), readings(7))
      if (name !== 'spectrometer' && name !== 'laser') assert.notDeepEqual(readings(7), readings(8))
    })

    it(`${name}: every reading keeps to its schema, in declared order`, () => {
      const ajv = new Ajv2020({ strict: true })
      const { model, run } = switchedOn(instrument)
      const readable = Object.entries(model.codenames).filter(([, meta]) => meta.callable === undefined)
      const checks = new Map(
        readable.map(([codename]) => [codename, ajv.compile(schemaOf(new Map(Object.entries(model.codenames)), codename))])
      )
      for (const reading of run(300)) {
        assert.deepEqual(
          Object.keys(reading),
          readable.map(([codename]) => codename)
        )
        for (const [codename, value] of Object.entries(reading)) assert.ok(checks.get(codename)?.(toPlain(value)), codename)
      }
    })

    it(`${name}: refuses to set or call what it only reports`, () => {
      const { model } = switchedOn(instrument)
      for (const [codename, meta] of Object.entries(model.codenames)) {
        if (meta.settable !== true) assert.throws(() => model.set(codename, 1), { class: 'ReadOnly' })
        if (meta.callable === undefined) assert.throws(() => model.call(codename, null), { class: 'ReadOnly' })
      }
    })
  }
})
