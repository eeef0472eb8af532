import { Ajv2020 } from 'ajv/dist/2020.js'
import { instanceSchema } from '../../../schemas/instance.js'
import { simulator } from '../simulator.js'
import type { ModelName, SettingsOf } from '../settings.js'
import type { SimulatorConfig } from '../types.js'

/** Checks a configuration as the gateway does, and fills in the defaults. `undefined` when it is refused. */
export function configure(instruments: Record<string, object>): SimulatorConfig | undefined {
  const config: unknown = { id: 'sim', type: 'simulator', instruments: structuredClone(instruments) }
  return validate(config) ? config : undefined
}

const ajv = new Ajv2020({ strict: true, useDefaults: true, discriminator: true })
const validate = ajv.compile<SimulatorConfig>(instanceSchema(simulator.type, simulator.configSchema))

/** Settings of one model, defaults filled in. */
export function settings<M extends ModelName>(model: M, more: object = {}): SettingsOf<M> {
  const filled = configure({ it: { model, ...more } })?.instruments['it']
  if (filled === undefined) throw new Error(`the schema refuses ${JSON.stringify({ model, ...more })}`)
  return filled as SettingsOf<M>
}

/** One of each, all defaults. */
export const allModels = {
  furnace: { model: 'furnace' },
  chamber: { model: 'pressure-gauge' },
  laser: { model: 'laser' },
  balance: { model: 'balance' },
  spectrometer: { model: 'spectrometer' }
}
