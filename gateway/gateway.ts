import { compose } from './composition.js'
import type { Composition } from './composition.js'
import type { Endpoint } from './adapter.js'
import type { Address } from './broker/listeners.js'
import { declare } from './declare.js'
import type { GatewayOptions } from './gateway-options.js'
import type { Operation } from './operation.js'
import type { Upstream } from './upstream/upstream.js'
import { presenceOf } from './presence.js'
import type { ReloadReport } from './reload/report.js'
import { restoreFrom } from './restore.js'

export type { GatewayOptions } from './gateway-options.js'

/** Seconds for what waits at the end. */
const flushWithin = 2

/** Seconds for all of a stop but the instances. */
const restWithin = 6

/** The life of a gateway: what {@link compose} made is started in order, and stopped in reverse. Tests use this. */
export class Gateway {
  readonly #parts: Composition
  /** The broker in process. */
  #opened: Promise<void> | undefined
  /** What is kept on disk, read. */
  #prepared: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  /** Opens nothing, starts no timer. */
  constructor(options: GatewayOptions) {
    this.#parts = compose(options, () => this.#stopping !== undefined)
  }

  /** Broker in process; then every listener; dialling starts after, and is not awaited. Rejects when an MQTT listener cannot open. */
  async start(): Promise<void> {
    if (this.#stopping !== undefined) return
    this.#opened = this.#openBroker()
    await this.#opened
    if (this.#stopping !== undefined) return
    declare(this.#parts.devices, this.#parts.current.checked)
    this.#prepared = this.#prepare()
    await this.#prepared
    if (this.#stopping !== undefined) return
    this.#parts.states.announceAll(this.#parts.instances.ids())
    this.#parts.broker.publishWills()
    this.#parts.commands.recover()
    this.#parts.self.start(this.#parts)
    try {
      await this.#parts.doors.open(this.#parts, this.#parts.instances.listen())
      if (this.#stopping === undefined) await this.#parts.describing.start(this.#parts)
    } catch (error) {
      await this.stop('it could not start')
      throw error
    }
    if (this.#stopping !== undefined) return
    this.#parts.operation.readiness.opened()
    this.#parts.instances.dial()
    this.#parts.reload.start()
    this.#parts.upstream.dial()
  }

  /** The description of REST, as over HTTP; nothing is opened for it. */
  async openApi(): Promise<string> {
    return await (await import('./http/server.js')).describeWeb(this.#parts)
  }

  /** In reverse, complete and idempotent: afterwards nothing of the gateway is open. */
  stop(reason = 'it was stopped'): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  /** Reads the configuration again: see {@link Reload.run}. */
  async reload(trigger: 'signal' | 'call'): Promise<ReloadReport> {
    return await this.#parts.reload.run(trigger)
  }

  /** Seconds after which a stop has ended, or something hangs. */
  get stopWithin(): number {
    return this.#parts.instances.stopWithin + restWithin
  }

  /** For who looks after the process. */
  get operation(): Operation {
    return this.#parts.operation
  }

  /** Where a listener really is; the port is one that the system chose when the configuration says 0. */
  address(listener: 'tcp' | 'tls' | 'http'): Address | undefined {
    return this.#parts.doors.address(listener)
  }

  /** The sockets of all running instances. */
  endpoints(): readonly Endpoint[] {
    return this.#parts.instances.endpoints()
  }

  /** For tests and the composition of others: what is known of an instance. */
  endpoint(instance: string): Endpoint | undefined {
    return this.#parts.instances.get(instance)?.supervisor.adapter.endpoint?.()
  }

  /** Sockets of MQTT and HTTP, whoever is behind them. */
  get openConnections(): number {
    return this.#parts.broker.openConnections
  }

  /** MQTT clients by their sockets, and by the table of the broker. */
  get clientCount(): number {
    return this.#parts.broker.clientCount
  }

  get clientIds(): readonly string[] {
    return this.#parts.broker.clientIds
  }

  /** Of each bridge, by its id. */
  get upstream(): ReturnType<Upstream['status']> {
    return this.#parts.upstream.status()
  }

  get retainedCount(): number {
    return this.#parts.broker.retainedCount
  }

  async #openBroker(): Promise<void> {
    await this.#parts.access.start()
    const { upstream } = this.#parts
    await upstream.open({ ...this.#parts, changed: () => this.#parts.self.changed() })
    await this.#parts.broker.start(this.#parts.contract, presenceOf(this.#parts)).catch(async (error: unknown) => {
      this.#parts.access.stop()
      await upstream.stop()
      throw error
    })
  }

  async #prepare(): Promise<void> {
    await this.#parts.operation.start()
    this.#parts.upstream.recovered()
    await this.#parts.history.start()
    await this.#parts.runs.start()
    await restoreFrom(this.#parts.broker, this.#parts)
  }

  async #stop(reason: string): Promise<void> {
    if (this.#opened === undefined) return
    try {
      await this.#opened
    } catch {
      return // the data folder cannot be opened: nothing else was
    }
    this.#parts.operation.stop()
    // Nothing is begun after it was stopped.
    await this.#prepared?.catch(() => {})
    await Promise.all([this.#parts.reload.stop(), this.#parts.instances.stop()])
    this.#parts.commands.stop()
    this.#parts.historyDesk.stop()
    this.#parts.self.stop()
    this.#parts.states.leave(reason)
    this.#parts.latest.stop()
    this.#parts.streams.stop()
    await this.#parts.broker.stop(flushWithin)
    await this.#parts.doors.close()
    this.#parts.access.stop()
    // Nobody acknowledges anything any more, and all readings are here.
    await Promise.all([this.#parts.runs.stop(), this.#parts.history.stop(), this.#parts.describing.stop(), this.#parts.upstream.stop()])
  }
}
