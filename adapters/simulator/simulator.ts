import type { Adapter, AdapterType, Command, Device, Exact, Host, Plan } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import schema from './config.schema.json' with { type: 'json' }
import { codenamesOf, Instrument } from './instrument.js'
import type { ModelName } from './settings.js'
import type { SimulatorConfig } from './types.js'

const descriptions: Record<ModelName, string> = {
  furnace: 'Simulated furnace with a temperature controller',
  'pressure-gauge': 'Simulated vacuum chamber with a pressure gauge and a pump',
  laser: 'Simulated laser behind a door with an interlock',
  balance: 'Simulated laboratory balance',
  spectrometer: 'Simulated spectrometer in front of a lamp'
}

/** Instruments without hardware, for the demo, for teaching and for tests. Each is a device; it feeds and executes all of it. */
export const simulator: AdapterType<SimulatorConfig> = {
  type: 'simulator',
  configSchema: schema.$defs.simulator,

  plan(config: SimulatorConfig): Plan {
    const devices = new Map<string, Device>()
    for (const [name, settings] of Object.entries(config.instruments)) {
      devices.set(name, { description: descriptions[settings.model], codenames: codenamesOf(settings) })
    }
    const rights = [...devices.keys()].map((device) => ({ device }))
    return { devices, feeds: rights, executes: rights }
  },

  create(config: SimulatorConfig, host: Host): Adapter {
    const instruments = new Map(Object.entries(config.instruments).map(([name, settings]) => [name, new Instrument(name, settings, host)]))
    return {
      async start(signal: AbortSignal): Promise<void> {
        signal.throwIfAborted()
        await Promise.all([...instruments.values()].map((instrument) => instrument.start()))
      },
      stop(): Promise<void> {
        for (const instrument of instruments.values()) instrument.stop()
        return Promise.resolve()
      },
      execute(command: Command, signal: AbortSignal): Promise<Exact> {
        const instrument = instruments.get(command.device)
        if (instrument === undefined)
          return Promise.reject(new GatewayError('UnknownDevice', `no simulated instrument is called ${command.device}`))
        return instrument.execute(command, signal)
      }
    }
  }
}
