/** A gateway with one rig that it drives, and somebody who asks for what is to be done. */
import type { Exact } from '../../../adapters/common/exact-json.js'
import { adapterTypes } from '../../../adapters/index.js'
import type { Adapter, AdapterType, Host, InstanceConfig, Plan } from '../../../gateway/adapter.js'
import { checkConfig } from '../../../gateway/config.js'
import { asGatewayError } from '../../../gateway/errors.js'
import { Gateway } from '../../../gateway/gateway.js'
import { createLog } from '../../../gateway/log.js'
import type { Asked } from './calls.js'

export class Driver {
  readonly #gateway: Gateway
  readonly #host: Host

  private constructor(gateway: Gateway, host: Host) {
    this.#gateway = gateway
    this.#host = host
  }

  static async open(uri: string, maxEchoBytes: number | null): Promise<Driver> {
    let asker: Host | undefined
    const types = [
      ...adapterTypes,
      asking((host) => {
        asker = host
      })
    ]
    const config = {
      broker: { tcp: { port: 0 } },
      http: { port: 0 },
      adapters: [
        { id: 'room', type: 'rig-client', rigs: { far: { uri, maxEchoBytes } } },
        { id: 'ask', type: 'asking' }
      ]
    }
    const checked = checkConfig(JSON.stringify(config), { file: 'setup.yaml', types, env: {} })
    const gateway = new Gateway({ checked, types, log: createLog({ level: 'silent' }), version: 'vectors' })
    await gateway.start()
    return new Driver(gateway, asker as Host)
  }

  /** Rejects with a GatewayError. */
  async call(asked: Asked & { kind: 'call' }, options: { readonly answer?: boolean; readonly timeout?: number }): Promise<Exact> {
    const { codename, values, isSecret } = asked
    const ways = Object.entries(options).filter(([name]) => !(isSecret || codename === 'send') || name === 'timeout')
    const value = new Map<string, Exact>([...values, ...(codename === 'send' ? [] : ways)])
    return await this.#host.request({ device: 'far', codename, op: 'call', value, ...(isSecret ? { secret: true } : {}) })
  }

  /** Empty when it still takes calls; that nobody answers is no wonder. */
  async dead(): Promise<string[]> {
    try {
      await this.#host.request({ device: 'far', codename: 'status', op: 'call', value: new Map([['answer', false]]) })
    } catch (thrown) {
      const { class: errorClass, message } = asGatewayError(thrown)
      if (errorClass === 'Internal') return [`afterwards it takes no calls: ${message}`]
    }
    return []
  }

  async close(): Promise<void> {
    await this.#gateway.stop()
  }
}

/** Asks, as a legacy server does. */
function asking(got: (host: Host) => void): AdapterType {
  return {
    type: 'asking',
    configSchema: { type: 'object', additionalProperties: false, properties: {} },
    plan: (): Plan => ({}),
    create: (_config: InstanceConfig, host): Adapter => {
      got(host)
      return { start: async () => undefined, stop: async () => undefined }
    }
  }
}
