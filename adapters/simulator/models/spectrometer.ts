import type { Exact } from '../../../gateway/adapter.js'
import { GatewayError } from '../../../gateway/errors.js'
import type { Random } from '../random.js'
import type { SettingsOf } from '../settings.js'
import { lamps } from './lamps.js'
import { argument, busy, instant, readOnly, round } from './model.js'
import type { Model, Readings, Task } from './model.js'

/** Longest acquisition in seconds: integration time by averages. */
const longest = 60
/** Counts at which a pixel is full. */
const full = 65535
/** Counts that a pixel shows in the dark, and counts per second and strength of light; noise of the electronics in counts. */
const dark = 100
const brightness = 30000
const readout = 5

interface Acquisition {
  readonly task: Task
  readonly integration: number
  readonly averages: number
}

/** A detector with shot noise in front of a lamp. Longer integration gives more light until the pixels are full; averages give less noise. */
export function spectrometer(settings: SettingsOf<'spectrometer'>): Model {
  const { pixels, from, to, resolution } = settings
  const wavelength = Array.from({ length: pixels }, (_, i) => round(from + ((to - from) * i) / (pixels - 1), 2))
  let lamp = 'mercury'
  let running: Acquisition | undefined
  let acquired = 0n

  const expected = (nm: number, integration: number): number => {
    const { lines, continuum } = lamps[lamp] ?? { lines: [], continuum: () => 0 }
    // 2.3548 standard deviations are the full width at half maximum.
    const sigma = resolution / 2.3548
    const light = lines.reduce((sum, line) => sum + line.strength * Math.exp(-(((nm - line.nm) / sigma) ** 2) / 2), continuum(nm))
    return dark + brightness * integration * light
  }

  const spectrum = (integration: number, averages: number, random: Random): Exact => {
    const intensity = wavelength.map((nm) => {
      const counts = expected(nm, integration)
      const noise = Math.sqrt((counts + readout ** 2) / averages)
      return round(Math.min(full, Math.max(0, counts + noise * random.normal())), 1)
    })
    return new Map<string, Exact>([
      ['wavelength', wavelength],
      ['intensity', intensity]
    ])
  }

  const advance = (seconds: number, random: Random): void => {
    if (running === undefined) return
    running.task.remaining -= seconds
    if (running.task.remaining > instant) return
    acquired += 1n
    running.task.outcome = { value: spectrum(running.integration, running.averages, random) }
    running = undefined
  }

  const progress = (): number => {
    if (running === undefined) return 0
    return round(100 * (1 - running.task.remaining / (running.integration * running.averages)), 1)
  }

  const points = { type: 'array', items: { type: 'number' } }
  return {
    codenames: {
      lamp: { description: 'Lamp in front of the slit', settable: true, schema: { type: 'string', enum: Object.keys(lamps) } },
      progress: {
        description: 'Part of the acquisition that is done; 0 when none runs',
        unit: '%',
        digits: 0,
        schema: { type: 'number', minimum: 0, maximum: 100 }
      },
      acquired: { description: 'Spectra that were completed', schema: { type: 'integer', minimum: 0 } },
      acquire: {
        description: `Takes a spectrum in integration by averages seconds (at most ${longest}); returns wavelengths in nm and counts`,
        callable: {
          arguments: {
            type: 'object',
            properties: {
              integration: { type: 'number', minimum: 0.001, maximum: 10, description: `seconds; ${settings.integration} when left out` },
              averages: { type: 'integer', minimum: 1, maximum: 100, description: `${settings.averages} when left out` }
            },
            additionalProperties: false
          },
          returns: { type: 'object', properties: { wavelength: points, intensity: points }, required: ['wavelength', 'intensity'] },
          timeout: longest + 5
        }
      }
    },
    step(seconds: number, random: Random): Readings {
      advance(seconds, random)
      return { lamp, progress: progress(), acquired }
    },
    set(codename: string, value: Exact): void {
      if (codename !== 'lamp') throw readOnly(codename)
      if (running !== undefined) throw busy('an acquisition runs')
      if (typeof value === 'string') lamp = value
    },
    call(codename: string, args: Exact): Task {
      if (codename !== 'acquire') throw readOnly(codename)
      if (running !== undefined) throw busy('an acquisition runs')
      const integration = argument(args, 'integration', settings.integration)
      const averages = argument(args, 'averages', settings.averages)
      const seconds = integration * averages
      if (seconds > longest)
        throw new GatewayError('RangeError', `integration × averages is ${seconds} s; at most ${longest} s`, { code: 'too-long' })
      running = { task: { remaining: seconds }, integration, averages }
      return running.task
    },
    cancel(task: Task): void {
      if (running?.task === task) running = undefined
    }
  }
}
