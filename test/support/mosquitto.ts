import { freePort } from './free-ports.js'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Program, folder, write } from '../process/program.js'
import { TestClient } from './mqtt.js'

export interface MosquittoOptions {
  /** Who may come, with which password; left out: anybody. */
  readonly users?: Readonly<Record<string, string>>
  /** Lines of its configuration below the listener. */
  readonly listener?: string
}

/** The real Mosquitto on a port of its own, to be stopped, killed and started again at the same port. What it has retained is lost then. */
export class Mosquitto {
  readonly port: number
  readonly #file: string
  #program: Program | undefined

  private constructor(port: number, file: string) {
    this.port = port
    this.#file = file
  }

  static async start({ users, listener = '' }: MosquittoOptions = {}): Promise<Mosquitto> {
    const [path, port] = [folder(), await freePort()]
    let access = 'allow_anonymous true'
    if (users !== undefined) {
      const file = write(
        join(path, 'passwords'),
        Object.entries(users)
          .map(([user, password]) => `${user}:${password}\n`)
          .join('')
      )
      execFileSync('mosquitto_passwd', ['-U', file])
      access = `allow_anonymous false\npassword_file ${file}`
    }
    // As root it would become a user who may not read the files of this test.
    const text = `user root\nlog_dest stderr\npersistence false\nmax_queued_messages 0\nmax_inflight_messages 1000\nlistener ${port} 127.0.0.1\n${listener}\n${access}\n`
    const made = new Mosquitto(port, write(join(path, 'mosquitto.conf'), text))
    await made.start()
    return made
  }

  async start(): Promise<void> {
    this.#program = new Program('mosquitto', ['-c', this.#file])
    await this.#program.says(/mosquitto version \S+ running/, 'stderr')
  }

  /** Ends it: at once, unless told otherwise. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#program?.kill('SIGCONT')
    this.#program?.kill(signal)
    await this.#program?.ended()
  }

  /** It stands still, and its connections stay. */
  stall(): void {
    this.#program?.kill('SIGSTOP')
  }

  goOn(): void {
    this.#program?.kill('SIGCONT')
  }

  /** A client that sees these topics from now on. */
  async watch(...filters: string[]): Promise<TestClient> {
    const client = await TestClient.connect(this.port, { keepalive: 0 })
    if (filters.length > 0) await client.subscribe(...filters)
    return client
  }

  /** Ends the connection of a client, as a broker does when another one comes with its id. */
  async kick(clientId: string): Promise<void> {
    const other = await TestClient.connect(this.port, { clientId })
    await other.vanish()
  }

  /** For afterEach. */
  async gone(): Promise<void> {
    this.goOn()
    await this.#program?.gone()
  }
}
