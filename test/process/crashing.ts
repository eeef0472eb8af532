import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { Program, folder, main, write } from './program.js'

/** The program with a data folder, to be killed and started again. */
export class Crashing {
  readonly file: string
  readonly data: string
  readonly #under: readonly string[]
  readonly #more: string
  program: Program | undefined
  port = 0
  /** UDP port of the push socket, where there is one. */
  pushPort = 0
  /** Milliseconds from the start of the process to "ready". */
  startedIn = 0

  /** `under`: the command that it runs under. */
  constructor(durability: 'fast' | 'strict', more = '', under: readonly string[] = []) {
    const files = folder()
    this.data = join(files, 'data')
    this.#under = under
    this.file = join(files, 'gateway.yaml')
    this.#more = more
    this.configure(durability)
  }

  /** From the next start on. */
  configure(durability: 'fast' | 'strict'): void {
    write(
      this.file,
      `gateway: { data: ${this.data} }\nbroker: { tcp: { port: 0 }, durability: ${durability}, limits: { maxConnectRate: 1000, maxConnectionsPerAddress: 1000, maxQueued: 10000000, maxQueuedBytes: 1000000000 } }\n${this.#more}`
    )
  }

  async start(): Promise<void> {
    const [command, ...args] = [...this.#under, process.execPath, main, 'start', '--config', this.file, '--log-format', 'json']
    this.program = new Program(command as string, args)
    const [, port] = await this.program.says(/"listener":"mqtt"[^\n]*"port":(\d+)/)
    await this.program.says(/"msg":"ready"/)
    this.pushPort = Number(/"protocol":"udp"[^\n]*"port":(\d+)/.exec(this.program.stdout)?.[1])
    this.startedIn = performance.now() - this.program.started
    this.port = Number(port)
  }

  /** Seconds that it took to end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number> {
    const since = performance.now()
    this.program?.kill(signal)
    await this.program?.ended()
    return (performance.now() - since) / 1000
  }

  /** Stands still, as a computer that is asleep does. */
  async halt(milliseconds: number): Promise<void> {
    this.program?.kill('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    this.program?.kill('SIGCONT')
  }

  connect(clientId: string, clean = true): Promise<MqttClient> {
    return connectAsync(`mqtt://127.0.0.1:${this.port}`, { clientId, clean, reconnectPeriod: 0 })
  }
}
