import type { Exact } from '../../../gateway/adapter.js'
import type { Random } from '../random.js'
import type { SettingsOf } from '../settings.js'
import { done, readOnly } from './model.js'
import type { Model, Readings, Task } from './model.js'

/** mbar */
const atmosphere = 1000
/** Seconds in which an opened vent valve lets in 63 % of the air that is missing. */
const ventTime = 2

/** Pumping goes by decades (the logarithm of the pressure tends to that of the base); venting lets air in linearly. */
export function pressureGauge({ timeConstant, base, noise }: SettingsOf<'pressure-gauge'>): Model {
  const bottom = Math.log10(base)
  /** log10 of the pressure in mbar. */
  let level = Math.log10(atmosphere)
  let pump = true

  const advance = (seconds: number): void => {
    if (pump) level = bottom + (level - bottom) * Math.exp(-seconds / timeConstant)
    else level = Math.log10(atmosphere + (10 ** level - atmosphere) * Math.exp(-seconds / ventTime))
  }

  return {
    codenames: {
      pressure: { description: 'Pressure in the chamber', unit: 'mbar', schema: { type: 'number', exclusiveMinimum: 0 } },
      pump: { description: 'Whether the pump runs; setting it true closes the vent valve', settable: true, schema: { type: 'boolean' } },
      vent: { description: 'Stops the pump and lets air in; returns what it does', callable: { returns: { type: 'string' }, timeout: 5 } }
    },
    step(seconds: number, random: Random): Readings {
      advance(seconds)
      return { pressure: Number((10 ** (level + noise * random.normal())).toPrecision(3)), pump }
    },
    set(codename: string, value: Exact): void {
      if (codename !== 'pump') throw readOnly(codename)
      pump = value === true
    },
    call(codename: string): Task {
      if (codename !== 'vent') throw readOnly(codename)
      pump = false
      return done(`venting from ${(10 ** level).toExponential(1)} mbar`)
    },
    cancel(): void {
      // Nothing here takes time.
    }
  }
}
