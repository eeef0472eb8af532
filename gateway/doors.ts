import type { TLSSocket } from 'node:tls'
import type { Clock, Logger } from './adapter.js'
import type { Broker } from './broker/broker.js'
import { listenTcp } from './broker/listeners.js'
import type { Address, Listener } from './broker/listeners.js'
import { isOpen } from './broker/origin.js'
import { GatewayError } from './errors.js'
import { listenHttp } from './http/listener.js'
import type { Parts } from './http/parts.js'
import type { Web } from './http/server.js'
import { Certificates } from './tls/certificates.js'
import { CredentialsError } from './tls/credentials.js'
import type { TlsFiles } from './tls/credentials.js'
import { Handshakes } from './tls/handshakes.js'
import type { Secure } from './tls/secure.js'

/** Seconds that the MQTT listeners wait for the legacy ones. One that hangs must not hold up the others. */
const listenWithin = 1.5

export interface DoorsOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly broker: Broker
  /** Nothing is to be opened any more. */
  readonly isStopping: () => boolean
}

type DoorName = 'tcp' | 'tls' | 'http'

/** What the log calls each listener, and its key in the configuration. */
const told = {
  tcp: { listener: 'mqtt', path: 'broker.tcp', what: 'MQTT over TCP' },
  tls: { listener: 'mqtts', path: 'broker.tls', what: 'MQTT over TLS' },
  http: { listener: 'http', path: 'http', what: 'HTTP and MQTT over WebSocket' },
  https: { listener: 'https', path: 'http', what: 'HTTPS and MQTT over WebSocket' }
} as const

/** The gateway's own listeners: MQTT over TCP and over TLS, and HTTP with MQTT over WebSocket. */
export class Doors {
  readonly certificates: Certificates
  readonly #options: DoorsOptions
  readonly #handshakes: Handshakes
  readonly #listeners = new Map<DoorName, Listener>()
  #web: Web | undefined

  constructor(options: DoorsOptions) {
    const { clock, log, broker } = options
    this.#options = options
    this.certificates = new Certificates({ clock, log })
    this.#handshakes = new Handshakes({ clock, log, hit: (limit) => broker.hit(limit) })
  }

  /** Where a listener really is; the port is one that the system chose when the configuration says 0. */
  address(name: DoorName): Address | undefined {
    return this.#listeners.get(name)?.address
  }

  /** Opens all, after the legacy sockets. Rejects when one cannot open. */
  async open(parts: Parts, legacy: readonly Promise<void>[]): Promise<void> {
    const { broker } = this.#options
    const { http, broker: of } = parts.config
    // While the others open their sockets.
    const web = http === undefined ? undefined : createWeb(parts)
    const mqtts = this.#secure('broker.tls', of.tls, 'mqtt', of.limits.connectTime)
    const https = this.#secure('http.tls', http?.tls, 'http/1.1', of.limits.connectTime)
    await Promise.all([this.#patiently(legacy), web, mqtts, https])
    this.#web = await web
    await this.#listen('tcp', of.tcp, async (address) => await listenTcp(address, broker, isOpen(of.tcp)))
    const [tls, secure] = [await mqtts, await https]
    if (of.tls !== undefined && tls !== undefined) await this.#listenTls(of.tls, tls)
    if (http !== undefined) {
      const { maxPacket } = of.limits
      const handle: Web['handle'] = (request, response) => this.#web?.handle(request, response)
      const options = { ...http, open: isOpen(http), maxPacket, secure, handle, askers: this.#web?.askers }
      await this.#listen(secure === undefined ? 'http' : 'https', http, async (address) => await listenHttp(address, broker, options))
    }
    if (this.#options.isStopping()) return
    this.certificates.start((trouble) => {
      parts.states.own(trouble, 'certificates')
      parts.self.changed()
    })
  }

  /** Safe twice. */
  async close(): Promise<void> {
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    await Promise.all(listeners.map((listener) => listener.close()))
    await Promise.all([this.#web?.close(), this.certificates.stop()])
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

  async #listenTls(part: Address & { insecure?: boolean }, secure: Secure): Promise<void> {
    const { listenTls } = await import('./tls/listener.js')
    await this.#listen('tls', part, async (address) => await listenTls(address, this.#options.broker, secure, isOpen(part)))
  }

  async #listen(name: keyof typeof told, { host, port }: Address, open: (address: Address) => Promise<Listener>): Promise<void> {
    if (this.#options.isStopping()) return
    const { listener: logged, path, what } = told[name]
    try {
      const listener = await open({ host, port })
      if (this.#options.isStopping()) return await listener.close()
      this.#listeners.set(name === 'https' ? 'http' : name, listener)
      this.#options.log.info({ listener: logged, ...listener.address }, `${what} on ${host}:${listener.address.port}`)
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      const hint = taken ? `the port is taken: stop the other program, or choose another ${path}.port` : (error as Error).message
      throw new GatewayError('Unreachable', `cannot listen on ${host}:${port} (${path}): ${hint}`, { cause: error })
    }
  }

  /** The TLS of one listener, if it has any. */
  async #secure(
    listener: 'broker.tls' | 'http.tls',
    files: TlsFiles | undefined,
    protocol: 'mqtt' | 'http/1.1',
    within: number
  ): Promise<Secure | undefined> {
    if (files === undefined) return undefined
    const { Secure } = await import('./tls/secure.js')
    try {
      const credentials = await this.certificates.read(listener, files)
      const failed = (socket: TLSSocket, error: Error): void => this.#handshakes.failed(listener, socket, error)
      const secure = await Secure.create({ credentials, clients: files.clients, protocol, within, failed })
      this.certificates.follow(listener, (renewed) => secure.renew(renewed))
      return secure
    } catch (error) {
      const part = error instanceof CredentialsError ? `.${error.part}` : ''
      throw new GatewayError('Internal', `cannot use ${listener}${part}: ${(error as Error).message}`, { cause: error })
    }
  }
}

/** Who has no `http` in the configuration never loads it. */
async function createWeb(parts: Parts): Promise<Web> {
  return await (await import('./http/server.js')).createWeb(parts)
}
