/** A gateway with one rig that it drives, and somebody who asks for what is to be done. */
import { setTimeout as delay } from 'node:timers/promises'
import { isExactMap } from '../../../adapters/common/exact-json.js'
import type { Exact } from '../../../adapters/common/exact-json.js'
import { adapterTypes } from '../../../adapters/index.js'
import type { Adapter, AdapterType, Host, InstanceConfig, Plan } from '../../../gateway/adapter.js'
import { checkConfig } from '../../../gateway/config.js'
import { GatewayError, asGatewayError } from '../../../gateway/errors.js'
import { Gateway } from '../../../gateway/gateway.js'
import { createLog } from '../../../gateway/log.js'
import type { Asked } from './calls.js'
import type { FarRig } from './far-rig.js'

const device = 'far'

/** Milliseconds until a rig that is there again can be driven: a connection is dialled anew. */
const lifeWithin = 8000

/** Instances that dial start after the gateway. A call that is only refused by its schema has been there. */
async function running(host: Host): Promise<void> {
  for (;;) {
    const refusal = await host
      .request({ device, codename: 'status', op: 'call', value: new Map([['status', 'NO STATUS']]) })
      .catch(asGatewayError)
    if (!(refusal instanceof GatewayError) || refusal.class !== 'Unreachable') return
    await delay(2)
  }
}

export class Driver {
  readonly #gateway: Gateway
  readonly #host: Host

  private constructor(gateway: Gateway, host: Host) {
    this.#gateway = gateway
    this.#host = host
  }

  /** `more`: of the configuration of the instance. Resolves when it takes calls. */
  static async open(rig: object, more: object): Promise<Driver> {
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
        { id: 'room', type: 'rig-client', rigs: { [device]: rig }, ...more },
        { id: 'ask', type: 'asking' }
      ]
    }
    const checked = checkConfig(JSON.stringify(config), { file: 'setup.yaml', types, env: {} })
    const gateway = new Gateway({ checked, types, log: createLog({ level: 'silent' }), version: 'vectors' })
    await gateway.start()
    const host = asker as Host
    await running(host)
    // It says so while it starts, and takes calls from then on.
    await new Promise((resolve) => setImmediate(resolve))
    return new Driver(gateway, host)
  }

  /** `echoOnly`: no answer is waited for. Rejects with a GatewayError. */
  async call({ codename, arguments: given, isSecret }: Asked & { kind: 'call' }, echoOnly: boolean): Promise<Exact> {
    const value = echoOnly && codename !== 'send' && isExactMap(given) ? new Map<string, Exact>([...given, ['answer', false]]) : given
    return await this.#host.request({ device, codename, op: 'call', value, ...(isSecret ? { secret: true } : {}) })
  }

  /** Empty when the rig can still be driven, if it echoes from now on. */
  async dead(far: FarRig): Promise<string[]> {
    far.echo()
    const value = new Map([['answer', false]])
    const until = performance.now() + lifeWithin
    for (;;) {
      const trouble = await this.#host.request({ device, codename: 'status', op: 'call', value }).then(() => undefined, asGatewayError)
      if (trouble === undefined) return []
      if (performance.now() > until) return [`afterwards the rig cannot be driven: ${trouble.message}`]
      await delay(50)
    }
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
