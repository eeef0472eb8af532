import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from 'mocha'
import { Program, folder, project, write } from '../process/program.js'
import { lacking } from '../support/peers.js'

const installed = join(project, 'test/node-red/node_modules/node-red')

/** To be called first in a `before` written with `function`. */
export function needsNodeRed(test: Context): void {
  if (!existsSync(installed)) lacking(test, 'needs Node-RED: npm install in test/node-red')
}

/** One node of a flow, as the editor exports it. */
export interface FlowNode {
  readonly id: string
  readonly type: string
  readonly [property: string]: unknown
}

/** A flow of config/examples/node-red, for a gateway at this port. */
export function flowFile(name: string, mqttPort: number): FlowNode[] {
  const nodes = JSON.parse(readFileSync(join(project, 'config/examples/node-red', name), 'utf8')) as FlowNode[]
  return nodes.map((node) => (node.type === 'mqtt-broker' ? { ...node, port: String(mqttPort) } : node))
}

/** Nothing leaves this computer, and a lost connection is tried again soon (else after 5 s). */
const settings = `module.exports = {
  uiHost: '127.0.0.1',
  flowFile: 'flows.json',
  credentialSecret: false,
  mqttReconnectTime: 250,
  telemetry: { enabled: false, updateNotification: false },
  externalModules: { autoInstall: false, palette: { allowInstall: false }, modules: { allowInstall: false } },
  editorTheme: { tours: false, projects: { enabled: false } },
  logging: { console: { level: 'info', metrics: false, audit: false } }
}
`

/** The real Node-RED as a process of its own, with a folder of its own; what was deployed is there again after a restart. */
export class NodeRed {
  readonly #folder = folder()
  readonly #programs: Program[] = []
  port = 0

  constructor() {
    write(join(this.#folder, 'settings.js'), settings)
    // A file that is there at the start is no first start, which would show a welcome tour.
    write(join(this.#folder, 'flows.json'), '[]')
  }

  /** Resolves once the flows run. The first time the system chooses the port, which is then kept. */
  async start(): Promise<void> {
    const { PATH = '' } = process.env
    const program = new Program(process.execPath, [join(installed, 'red.js'), '--userDir', this.#folder, '--port', String(this.port)], {
      env: { PATH, HOME: this.#folder }
    })
    this.#programs.push(program)
    const [, port] = await program.says(/Server now running at http:\/\/127\.0\.0\.1:(\d+)/)
    this.port = Number(port)
    await program.says(/Started flows/)
  }

  /** What it printed since it was started last. */
  get log(): string {
    return this.#programs.at(-1)?.stdout ?? ''
  }

  /** Replaces all flows, as the editor's Deploy does. Resolves once they run. */
  async deploy(flows: readonly FlowNode[]): Promise<void> {
    const before = this.log.length
    const response = await fetch(this.url('/flows'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'node-red-deployment-type': 'full' },
      body: JSON.stringify(flows)
    })
    if (!response.ok) throw new Error(`Node-RED refused the flows: ${response.status} ${await response.text()}`)
    await this.#programs.at(-1)?.says(new RegExp(`[\\s\\S]{${before}}[\\s\\S]*Started flows`))
  }

  /** What it holds now. */
  async flows(): Promise<FlowNode[]> {
    return (await (await fetch(this.url('/flows'))).json()) as FlowNode[]
  }

  /** Presses the button of an inject node. */
  async inject(id: string): Promise<void> {
    const response = await fetch(this.url(`/inject/${id}`), { method: 'POST' })
    if (!response.ok) throw new Error(`Node-RED does not inject: ${response.status}`)
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    this.#programs.at(-1)?.kill(signal)
    await this.#programs.at(-1)?.ended()
  }

  /** For afterEach and after: nothing of it runs any more. */
  async gone(): Promise<void> {
    await Promise.all(this.#programs.splice(0).map((program) => program.gone()))
  }
}
