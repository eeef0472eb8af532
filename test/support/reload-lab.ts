import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { IClientOptions } from 'mqtt'
import { adapterTypes } from '../../adapters/index.js'
import type { AdapterType } from '../../gateway/adapter.js'
import { systemClock } from '../../gateway/clock.js'
import { loadConfig } from '../../gateway/config.js'
import type { Checked } from '../../gateway/config.js'
import { Gateway } from '../../gateway/gateway.js'
import { loadInThread } from '../../gateway/reload/threaded-load.js'
import { Validators } from '../../gateway/validators.js'
import { TestClient } from './mqtt.js'
import type { Message } from './mqtt.js'
import { TestLog } from './start.js'

/** What {@link ReloadLab.write} puts before every text: ports that the system chose, and nothing watched. */
export const quiet = 'gateway: { reload: false }\nbroker: { tcp: { port: 0 } }\nhttp: { port: 0 }\n'
export const watching = quiet.replace('reload: false', 'reload: true')

/** A real gateway whose configuration is a real file, which tests change. */
export class ReloadLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'labgate-reload-'))
  readonly file = join(this.folder, 'lab', 'gateway.yaml')
  readonly log = new TestLog()
  readonly validators = new Validators()
  readonly #types: readonly AdapterType[]
  readonly #clients: TestClient[] = []
  #gateway: Gateway | undefined
  env: Record<string, string> = {}
  /** Seconds that the file must have been left alone: what most tests write is written at once. */
  settled = 0.1
  /** In a thread, as the program does it: without types of the test. */
  isThreaded = false

  constructor(types: readonly AdapterType[] = []) {
    this.#types = [...adapterTypes, ...types]
    mkdirSync(dirname(this.file))
  }

  get gateway(): Gateway {
    if (this.#gateway === undefined) throw new Error('it has not been started')
    return this.#gateway
  }

  get mqttPort(): number {
    return this.gateway.address('tcp')?.port ?? 0
  }

  get httpPort(): number {
    return this.gateway.address('http')?.port ?? 0
  }

  readonly load = async (validators = this.validators, signal = new AbortController().signal): Promise<Checked> =>
    this.isThreaded && this.#gateway !== undefined
      ? await loadInThread({ file: this.file, env: this.env }, systemClock, signal)
      : await loadConfig({ file: this.file, types: this.#types, env: this.env, validators })

  /** `meanwhile`: done as soon as the start has begun. */
  async start(meanwhile: (gateway: Gateway) => void = () => {}): Promise<void> {
    const { file, load, validators, log, settled } = this
    const checked = await load()
    const schedule = { first: 0.05, factor: 1, longest: 0.05, jitter: 0 }
    this.#gateway = new Gateway({
      checked,
      types: this.#types,
      log,
      version: 'test',
      validators,
      schedule,
      source: { file, load, settled }
    })
    const starting = this.#gateway.start()
    meanwhile(this.#gateway)
    await starting
  }

  write(yaml: string | Buffer): void {
    writeFileSync(this.file, yaml)
  }

  async begin(yaml: string): Promise<void> {
    this.write(yaml)
    await this.start()
  }

  /** What was done for it. */
  async change(yaml: string): Promise<readonly string[]> {
    this.write(yaml)
    return (await this.gateway.reload('call')).applied
  }

  async connect(options?: IClientOptions): Promise<TestClient> {
    const client = await TestClient.connect(this.mqttPort, options)
    this.#clients.push(client)
    return client
  }

  /** All that is retained, as a new client sees it, by topic. */
  async retained(filter = 'lab/#'): Promise<Map<string, string>> {
    const client = await TestClient.connect(this.mqttPort)
    const found: Message[] = await client.retained(filter)
    await client.publish(`settled/retained/${client.id}`, '', { retain: true })
    await client.close()
    return new Map(found.map(({ topic, text }) => [topic, text]))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.vanish()))
    await this.#gateway?.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
