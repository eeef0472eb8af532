import type { Clock, Logger } from './adapter.js'
import type { Broker } from './broker/broker.js'
import { listenTcp } from './broker/listeners.js'
import type { Address, Listener } from './broker/listeners.js'
import { isOpen } from './broker/origin.js'
import { GatewayError } from './errors.js'
import { listenHttp } from './http/listener.js'
import type { Parts } from './http/parts.js'
import type { Web } from './http/server.js'

/** Seconds that the MQTT listeners wait for the legacy ones. One that hangs must not hold up the others. */
const listenWithin = 1.5

export interface DoorsOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly broker: Broker
  /** Nothing is to be opened any more. */
  readonly isStopping: () => boolean
}

type Name = 'tcp' | 'http'

/** The gateway's own listeners: MQTT over TCP, and HTTP with MQTT over WebSocket. */
export class Doors {
  readonly #options: DoorsOptions
  readonly #listeners = new Map<Name, Listener>()
  #web: Web | undefined

  constructor(options: DoorsOptions) {
    this.#options = options
  }

  /** Where a listener really is; the port is one that the system chose when the configuration says 0. */
  address(name: Name): Address | undefined {
    return this.#listeners.get(name)?.address
  }

  /** Opens both, after the legacy sockets. Rejects when one cannot open. */
  async open(parts: Parts, legacy: readonly Promise<void>[]): Promise<void> {
    const { broker } = this.#options
    const { http, broker: of } = parts.config
    // While the others open their sockets.
    const web = http === undefined ? undefined : createWeb(parts)
    await Promise.all([this.#patiently(legacy), web])
    this.#web = await web
    await this.#listen('tcp', of.tcp, async (address) => await listenTcp(address, broker, isOpen(of.tcp)))
    if (http === undefined) return
    const { maxPacket } = of.limits
    const handle: Web['handle'] = (request, response) => this.#web?.handle(request, response)
    await this.#listen(
      'http',
      http,
      async (address) => await listenHttp(address, broker, { ...http, open: isOpen(http), maxPacket, handle, askers: this.#web?.askers })
    )
  }

  /** Safe twice. */
  async close(): Promise<void> {
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    await Promise.all(listeners.map((listener) => listener.close()))
    await this.#web?.close()
  }

  async #patiently(starts: readonly Promise<void>[]): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(listenWithin, resolve)
      void Promise.all(starts).then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  async #listen(name: Name, { host, port }: Address, open: (address: Address) => Promise<Listener>): Promise<void> {
    if (this.#options.isStopping()) return
    try {
      const listener = await open({ host, port })
      if (this.#options.isStopping()) return await listener.close()
      this.#listeners.set(name, listener)
      this.#options.log.info(
        { listener: name === 'tcp' ? 'mqtt' : 'http', ...listener.address },
        `${name === 'tcp' ? 'MQTT over TCP' : 'HTTP and MQTT over WebSocket'} on ${host}:${listener.address.port}`
      )
    } catch (error) {
      const path = name === 'tcp' ? 'broker.tcp' : 'http'
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      const hint = taken ? `the port is taken: stop the other program, or choose another ${path}.port` : (error as Error).message
      throw new GatewayError('Unreachable', `cannot listen on ${host}:${port} (${path}): ${hint}`, { cause: error })
    }
  }
}

/** Who has no `http` in the configuration never loads it. */
async function createWeb(parts: Parts): Promise<Web> {
  return await (await import('./http/server.js')).createWeb(parts)
}
