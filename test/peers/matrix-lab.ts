/** The laboratory of config/examples/everything.yaml with real devices, each a program of its own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isSeq, parseDocument } from 'yaml'
import type { YAMLMap } from 'yaml'
import { Program, project } from '../process/program.js'
import type { TestClient } from '../support/mqtt.js'
import { python } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { EchoServer } from './echo-server.js'
import { devices } from './matrix-table.js'
import { UuServer } from './uuserver.js'

const example = join(project, 'config/examples/everything.yaml')

/** Ports of the devices by the instance that dials them. */
type Far = Readonly<Record<string, number>>

export class MatrixLab {
  readonly running: Running
  readonly mqtt: TestClient
  /** Port of each listener, by instance. */
  readonly ports: Readonly<Record<string, number>>
  readonly #programs: readonly { gone(): Promise<void> }[]

  private constructor(running: Running, mqtt: TestClient, ports: Record<string, number>, programs: readonly { gone(): Promise<void> }[]) {
    this.running = running
    this.mqtt = mqtt
    this.ports = ports
    this.#programs = programs
  }

  /** All programs, the gateway, and an MQTT client that hears everything; each device is online. */
  static async open(): Promise<MatrixLab> {
    const script = (name: string): string => join(project, 'test/peers/servers', name)
    const furnace = new Program(python, [script('furnace_like.py')])
    const scope = new Program(python, [script('tutorial_app.py'), '0', 'threaded'])
    const programs: { gone(): Promise<void> }[] = [furnace, scope]
    try {
      const optics = await UuServer.start('--without', 'd', '--without', 'laser 2')
      programs.push(optics)
      const echo = await EchoServer.start()
      programs.push(echo)
      const [, pull, push] = await furnace.says(/^\{"pull": (\d+), "push": (\d+)\}$/m)
      const [, flask] = await scope.says(/Running on http:\/\/127\.0\.0\.1:(\d+)/, 'stderr')
      const { text, listeners } = everything({
        'furnace-readings': Number(pull),
        'furnace-commands': Number(push),
        'scope-flask': Number(flask),
        'optics-uuserver': optics.port,
        'far-echo': echo.port
      })
      const running = await start(text)
      programs.push({ gone: async () => await running.stop() })
      const mqtt = await running.connect()
      await mqtt.subscribe('lab/#')
      for (const name of Object.keys(devices))
        await mqtt.next(({ topic, text: state }) => topic === `lab/${name}` && state.includes('"online"'), `${name} to be online`)
      return new MatrixLab(running, mqtt, Object.fromEntries(listeners.map((id) => [id, running.port(id)])), programs)
    } catch (error) {
      await close(programs)
      throw error
    }
  }

  async close(): Promise<void> {
    await close(this.#programs)
  }
}

async function close(programs: readonly { gone(): Promise<void> }[]): Promise<void> {
  for (const program of programs.toReversed()) await program.gone()
}

/** The example with ports of the system's choice, and with these in the place of the computers that it names. */
function everything(far: Far): { readonly text: string; readonly listeners: readonly string[] } {
  const document = parseDocument(readFileSync(example, 'utf8'))
  document.setIn(['broker', 'tcp', 'port'], 0)
  document.setIn(['http', 'port'], 0)
  const listeners: string[] = []
  const adapters = document.get('adapters')
  if (!isSeq<YAMLMap>(adapters)) throw new Error(`${example} has no adapters`)
  for (const adapter of adapters.items) {
    if (!isMap(adapter)) throw new Error(`${example} has an adapter that is no map`)
    const id = String(adapter.get('id'))
    if (adapter.has('port')) {
      adapter.set('port', 0)
      listeners.push(id)
    } else {
      if (far[id] === undefined) throw new Error(`there is nothing for ${id} to dial`)
      adapter.set('target', document.createNode({ host: '127.0.0.1', port: far[id] }))
    }
  }
  return { text: String(document), listeners }
}
