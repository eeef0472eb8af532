import { Scripted } from './scripted.js'
import { start } from './start.js'
import type { Running, StartOptions } from './start.js'

/**
 * A small laboratory for the end-to-end tests: `furnace` is held by a scripted instance, `weather` and `stage` are native MQTT
 * devices, `stage` with a client of its own; everything else is undeclared. Two pull sockets show furnace and weather.
 */
export const labYaml = `
devices:
  furnace:
    description: Held by the instance "oven"
    codenames:
      temperature: { unit: C, maxAge: 10, digits: 1, schema: { type: number } }
      setpoint: { unit: C, settable: true, schema: { type: number, minimum: 0, maximum: 1200 } }
      count: { settable: true, timeout: 3, schema: { type: integer } }
      mode: { settable: true, schema: { type: string, enum: [heat, cool, nan] } }
      note: { settable: true, history: off, schema: { type: string } }
      anything: { settable: true }
      cool:
        callable: { arguments: { type: object, properties: { rate: { type: number } }, additionalProperties: false }, timeout: 2 }
  weather:
    description: Native, any client may write
    codenames:
      wind: { unit: m/s, schema: { type: number, minimum: 0, maximum: 100 } }
      rain: { maxAge: 10, retainMirror: true, schema: { type: number } }
      sky: { schema: { type: string } }
      drops: { schema: { type: integer } }
      free: {}
  stage:
    description: Native, of the client "driver"
    client: driver
    codenames:
      position: { unit: mm, settable: true, timeout: 1, schema: { type: number, maximum: 300 } }
      home: { callable: { timeout: 1 } }
  strict:
    undeclared: refuse
    codenames: { level: {} }
adapters:
  - { id: oven, type: scripted, feeds: [furnace], executes: [furnace/setpoint, furnace/count, furnace/mode, furnace/note, furnace/anything, furnace/cool] }
  - { id: pull-furnace, type: data-pull-server, port: 0, device: furnace }
  - { id: pull-weather, type: data-pull-server, port: 0, device: weather }
`

export interface Lab extends Running {
  readonly scripted: Scripted
}

/** Starts the laboratory, or another one that has scripted instances. */
export async function startLab(options: StartOptions = {}, yaml = labYaml, scripted = new Scripted()): Promise<Lab> {
  const running = await start(yaml, { ...options, types: [scripted.type] })
  return { ...running, scripted }
}
