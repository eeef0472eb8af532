import type { IClientOptions } from 'mqtt'
import { adapterTypes } from '../../adapters/index.js'
import type { OpenDisk } from '../../gateway/broker/store/disk.js'
import type { AdapterType, Clock, Logger } from '../../gateway/adapter.js'
import { checkConfig } from '../../gateway/config.js'
import { Gateway } from '../../gateway/gateway.js'
import type { Schedule } from '../../gateway/supervisor.js'
import { TestClient } from './mqtt.js'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A log that keeps its lines. */
export class TestLog implements Logger {
  readonly lines: LogLine[]
  readonly #bindings: object

  constructor(lines: LogLine[] = [], bindings: object = {}) {
    this.lines = lines
    this.#bindings = bindings
  }

  debug(fields: object, message: string): void {
    this.#add('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#add('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#add('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#add('error', fields, message)
  }

  child(bindings: object): Logger {
    return new TestLog(this.lines, { ...this.#bindings, ...bindings })
  }

  #add(level: LogLine['level'], fields: object, message: string): void {
    this.lines.push({ level, message, fields: { ...this.#bindings, ...fields } })
  }
}

/** A real gateway on ports that the system chose, with real clients to it. */
export interface Running {
  readonly gateway: Gateway
  readonly log: TestLog
  readonly mqttPort: number
  readonly httpPort: number
  /** UDP or TCP port of an instance. */
  port(instance: string): number
  /** A new MQTT client; closed by `stop`. */
  connect(options?: IClientOptions): Promise<TestClient>
  stop(): Promise<void>
}

export interface StartOptions {
  readonly types?: readonly AdapterType[]
  readonly clock?: Clock
  readonly schedule?: Schedule
  readonly openDisk?: OpenDisk
}

/** Starts what the YAML text says; its ports should be 0. `broker` and `http` need not be written. */
export async function start(yaml: string, options: StartOptions = {}): Promise<Running> {
  const types = [...adapterTypes, ...(options.types ?? [])]
  const broker = /^broker:/m.test(yaml) ? '' : 'broker: { tcp: { port: 0 } }\n'
  const http = /^http:/m.test(yaml) ? '' : 'http: { port: 0 }\n'
  const checked = checkConfig(broker + http + yaml, { file: 'test.yaml', types, env: {} })
  const log = new TestLog()
  const gateway = new Gateway({
    checked,
    types,
    log,
    version: 'test',
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.openDisk === undefined ? {} : { openDisk: options.openDisk }),
    ...(options.schedule === undefined ? {} : { schedule: options.schedule })
  })
  await gateway.start()
  const clients: TestClient[] = []
  const mqttPort = gateway.address('tcp')?.port ?? 0
  return {
    gateway,
    log,
    mqttPort,
    httpPort: gateway.address('http')?.port ?? 0,
    port: (instance) => gateway.endpoint(instance)?.port ?? 0,
    connect: async (connectOptions) => {
      const client = await TestClient.connect(mqttPort, connectOptions)
      clients.push(client)
      return client
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.vanish()))
      await gateway.stop()
    }
  }
}
