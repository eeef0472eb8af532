import { GatewayError } from '../../gateway/errors.js'
import type { Adapter, AdapterType, Command, Exact, Host, InstanceConfig, Right } from '../../gateway/adapter.js'

interface ScriptedConfig extends InstanceConfig {
  /** `device` or `device/codename`. */
  readonly feeds?: readonly string[]
  readonly executes?: readonly string[]
  /** Carries out commands of devices that it finds. */
  readonly finds?: boolean
  /** Counts as a server, which the gateway starts before its own listeners. */
  readonly listens?: boolean
}

/** An adapter type that does what the test tells it; its instances are `type: scripted`. */
export class Scripted {
  /** By instance id. */
  readonly hosts = new Map<string, Host>()
  readonly commands: Command[] = []
  readonly starts: string[] = []
  readonly stops: string[] = []
  execute: (command: Command, signal: AbortSignal) => Promise<Exact> = ({ value }) => Promise.resolve(value)
  start: (id: string, signal: AbortSignal) => Promise<void> = () => Promise.resolve()
  stop: (id: string) => Promise<void> = () => Promise.resolve()

  readonly type: AdapterType = {
    type: 'scripted',
    configSchema: {
      type: 'object',
      additionalProperties: false,
      properties: {
        feeds: { type: 'array', items: { type: 'string' } },
        executes: { type: 'array', items: { type: 'string' } },
        finds: { type: 'boolean' },
        listens: { type: 'boolean' }
      }
    },
    plan: (config) => {
      const { feeds, executes, finds = false, listens } = config as ScriptedConfig
      const path = ['listens']
      return {
        feeds: (feeds ?? []).map(right),
        executes: (executes ?? []).map(right),
        executesFound: finds,
        ...(listens === true ? { listens: [{ protocol: 'udp', host: '127.0.0.1', port: 0, path }] } : {})
      }
    },
    create: (config, host) => this.#create(config.id, host)
  }

  host(id: string): Host {
    const host = this.hosts.get(id)
    if (host === undefined) throw new Error(`no instance ${id}`)
    return host
  }

  #create(id: string, host: Host): Adapter {
    this.hosts.set(id, host)
    return {
      start: async (signal) => {
        this.starts.push(id)
        await this.start(id, signal)
      },
      stop: async () => {
        this.stops.push(id)
        await this.stop(id)
      },
      execute: async (command, signal) => {
        this.commands.push(command)
        return await this.execute(command, signal)
      }
    }
  }
}

/** An executor that answers when the test says so. */
export class Held {
  readonly #waiting: { resolve: (value: Exact) => void; reject: (error: Error) => void }[] = []

  #came: () => void = () => {}

  readonly execute = (): Promise<Exact> =>
    new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#came()
    })

  /** Answers the oldest command that waits. */
  answer(value: Exact): void {
    this.#next().resolve(value)
  }

  refuse(error: Error): void {
    this.#next().reject(error)
  }

  /** Resolves once so many commands wait. */
  async waits(count: number): Promise<void> {
    while (this.#waiting.length < count) await new Promise<void>((resolve) => (this.#came = resolve))
  }

  /** Forgets those that wait; they are never answered. */
  drop(): void {
    this.#waiting.length = 0
  }

  #next(): { resolve: (value: Exact) => void; reject: (error: Error) => void } {
    const next = this.#waiting.shift()
    if (next === undefined) throw new GatewayError('Internal', 'no command waits')
    return next
  }
}

/** Never settles, whatever the signal says. */
export function hang(): Promise<never> {
  return new Promise(() => {})
}

function right(text: string): Right {
  const [device = '', codename] = text.split('/')
  return codename === undefined ? { device } : { device, codename }
}
