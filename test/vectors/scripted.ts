/** The one adapter of the tests: feeds the devices of pull sockets, and carries out the calls of push sockets. */
import { isExactMap } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import type { Adapter, AdapterType, Command, Host, InstanceConfig, Plan } from '../../gateway/adapter.js'
import type { Callback } from './callbacks.js'

/** Name of the call that a push socket makes. */
export const call = 'callback'

interface ScriptedConfig extends InstanceConfig {
  /** Devices of pull sockets. */
  readonly feeds: readonly string[]
  /** Devices with a callback. */
  readonly executes: readonly string[]
}

const names = { type: 'array', items: { type: 'string' }, default: [] } as const

/** One object for all compositions: the configuration check keeps what it compiled by it. */
const configSchema = { type: 'object', additionalProperties: false, properties: { feeds: names, executes: names } } as const

/** What the adapter does, and what it saw. */
export class Script {
  /** By device. */
  readonly callbacks = new Map<string, Callback>()
  /** What the callbacks were called with, by device. */
  readonly calls = new Map<string, ExactMap[]>()
  /** Push sockets with a queue, and what is in it. */
  readonly queues = new Map<string, Exact[]>()
  readonly #stopping = new AbortController()
  #host: Host | undefined

  get host(): Host {
    if (this.#host === undefined) throw new Error('the scripted adapter is not running')
    return this.#host
  }

  adapterType(): AdapterType<ScriptedConfig> {
    return {
      type: 'scripted',
      configSchema,
      plan: ({ feeds, executes }): Plan => ({
        feeds: feeds.map((device) => ({ device })),
        executes: executes.map((device) => ({ device, codename: call }))
      }),
      create: (_config, host) => this.#adapter(host)
    }
  }

  #adapter(host: Host): Adapter {
    return {
      start: async () => {
        this.#host = host
        for (const [device, queue] of this.queues)
          host.watch({ device, codename: 'last' }, ({ value }) => {
            if (isExactMap(value)) queue.push(value)
          })
      },
      stop: async () => {
        this.#stopping.abort()
        this.#host = undefined
      },
      execute: async (command, signal) => await this.#execute(command, AbortSignal.any([signal, this.#stopping.signal]))
    }
  }

  async #execute({ device, value }: Command, signal: AbortSignal): Promise<Exact> {
    const callback = this.callbacks.get(device)
    if (callback === undefined || !(value instanceof Map)) throw new Error(`nothing is scripted for ${device}`)
    const dict = value as Map<string, Exact>
    this.calls.set(device, [...(this.calls.get(device) ?? []), new Map(dict)])
    return await callback(dict, signal)
  }
}
