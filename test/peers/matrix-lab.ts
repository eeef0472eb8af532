/** The laboratory of config/examples/everything.yaml with real devices, each a program of its own. */
import { join } from 'node:path'
import { Program, project } from '../process/program.js'
import type { TestClient } from '../support/mqtt.js'
import { python } from '../support/peers.js'
import { start } from '../support/start.js'
import { EchoServer } from './echo-server.js'
import { exampleConfig } from './example-config.js'
import { devices } from './matrix-table.js'
import { RigPeer } from './rig-peer.js'
import { UuServer } from './uuserver.js'

export class MatrixLab {
  readonly mqtt: TestClient
  /** Port of each listener, by instance. */
  readonly ports: Readonly<Record<string, number>>
  readonly cameras: RigPeer
  readonly #programs: readonly { gone(): Promise<void> }[]

  private constructor(lab: Pick<MatrixLab, 'mqtt' | 'ports' | 'cameras'>, programs: readonly { gone(): Promise<void> }[]) {
    this.mqtt = lab.mqtt
    this.ports = lab.ports
    this.cameras = lab.cameras
    this.#programs = programs
  }

  /** All programs, the gateway, and an MQTT client that hears everything; each device is online, but for the rig: nobody asks it unasked. */
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
      const cameras = await RigPeer.rig()
      programs.push(cameras.peer)
      const [, pull, push] = await furnace.says(/^\{"pull": (\d+), "push": (\d+)\}$/m)
      const [, flask] = await scope.says(/Running on http:\/\/127\.0\.0\.1:(\d+)/, 'stderr')
      const { text, listeners } = exampleConfig('everything.yaml', {
        targets: {
          'furnace-readings': Number(pull),
          'furnace-commands': Number(push),
          'scope-flask': Number(flask),
          'optics-uuserver': optics.port,
          'far-echo': echo.port
        },
        rigs: { cameras: `udp://127.0.0.1:${cameras.port}` }
      })
      const running = await start(text)
      programs.push({ gone: async () => await running.stop() })
      const mqtt = await running.connect()
      await mqtt.subscribe('lab/#')
      for (const name of Object.keys(devices).filter((each) => each !== 'cameras'))
        await mqtt.next(({ topic, text: state }) => topic === `lab/${name}` && state.includes('"online"'), `${name} to be online`)
      const ports = Object.fromEntries(listeners.map((id) => [id, running.port(id)]))
      return new MatrixLab({ mqtt, ports, cameras: cameras.peer }, programs)
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
