import type { Exact } from '../../../gateway/adapter.js'
import type { Random } from '../random.js'
import type { SettingsOf } from '../settings.js'
import { done, readOnly, round } from './model.js'
import type { Model, Readings, Task } from './model.js'

/** Longest step of the integration in seconds. */
const longest = 0.1
/** How much faster the furnace loses heat while the fan runs. */
const fanFactor = 3
/** With full power the furnace would end this much hotter than its highest setpoint, as a part of the rise. */
const reserve = 1.25

/**
 * First order with dead time: C dT/dt = P(t - deadTime) - losses, where the losses are in proportion to T - ambient.
 * A PI controller steers the heater, tuned for a closed loop that is five times as fast as the furnace alone.
 */
export function furnace({ timeConstant, deadTime, ambient, maximum, noise }: SettingsOf<'furnace'>): Model {
  /** Final rise in °C per % of power. */
  const gain = (reserve * (maximum - ambient)) / 100
  const closedLoop = Math.max(timeConstant / 5, 3 * deadTime)
  const proportional = timeConstant / (gain * (closedLoop + deadTime))
  const lowest = Math.min(0, ambient)

  let temperature = ambient
  let setpoint = ambient
  let power = 0
  let integral = 0
  let fan = false
  /** Power that has not reached the furnace yet: how long it lasts (s) and how much it is (%). */
  let delayed: { seconds: number; power: number }[] = [{ seconds: deadTime, power: 0 }]

  const control = (seconds: number): void => {
    const error = setpoint - temperature
    const wanted = proportional * error + integral
    power = fan ? 0 : Math.min(100, Math.max(0, wanted))
    // The integral stands still while the heater can give no more (or no less), else it would overshoot later.
    if (fan) integral = 0
    else if (wanted === power || Math.sign(error) !== Math.sign(wanted - power)) integral += (proportional * error * seconds) / timeConstant
  }

  /** Puts the power into the line and takes out what arrives: its mean over `seconds`. */
  const delay = (seconds: number): number => {
    if (deadTime === 0) return power
    delayed.push({ seconds, power })
    let left = seconds
    let sum = 0
    while (left > 0 && delayed[0] !== undefined) {
      const first = delayed[0]
      const taken = Math.min(first.seconds, left)
      sum += first.power * taken
      first.seconds -= taken
      left -= taken
      if (first.seconds <= 0) delayed.shift()
    }
    return sum / seconds
  }

  const advance = (seconds: number): void => {
    control(seconds)
    const losses = fan ? fanFactor : 1
    const end = ambient + (gain * delay(seconds)) / losses
    temperature = end + (temperature - end) * Math.exp((-seconds * losses) / timeConstant)
  }

  const target = { type: 'number', minimum: lowest, maximum }
  return {
    codenames: {
      temperature: { description: 'Temperature of the thermocouple', unit: '°C', digits: 1, schema: { type: 'number', minimum: -273.15 } },
      setpoint: {
        description: 'Temperature that the controller holds; setting it stops the fan',
        unit: '°C',
        digits: 1,
        settable: true,
        schema: target
      },
      power: { description: 'Heater power', unit: '%', digits: 1, schema: { type: 'number', minimum: 0, maximum: 100 } },
      fan: { description: 'Whether the fan runs', schema: { type: 'boolean' } },
      cool: {
        description: 'Heater off, fan on, setpoint to ambient; returns what it does',
        callable: { returns: { type: 'string' }, timeout: 5 }
      }
    },
    step(seconds: number, random: Random): Readings {
      const steps = Math.ceil(seconds / longest)
      for (let i = 0; i < steps; i += 1) advance(seconds / steps)
      return { temperature: round(temperature + noise * random.normal(), 2), setpoint, power: round(power, 2), fan }
    },
    set(codename: string, value: Exact): void {
      if (codename !== 'setpoint') throw readOnly(codename)
      setpoint = Number(value)
      fan = false
    },
    call(codename: string): Task {
      if (codename !== 'cool') throw readOnly(codename)
      setpoint = ambient
      fan = true
      power = 0
      return done(`cooling from ${temperature.toFixed(0)} °C to ${ambient.toFixed(0)} °C with the fan`)
    },
    cancel(): void {
      // Nothing here takes time.
    }
  }
}
