import type { SimulatorConfig } from './types.js'

/** What the configuration says of one instrument, defaults filled in. */
export type Settings = SimulatorConfig['instruments'][string]

export type ModelName = Settings['model']

export type SettingsOf<Name extends ModelName> = Extract<Settings, { model: Name }>
