import type { AedesOptions, AedesPublishPacket, Client, Subscription } from 'aedes'
import type { EventEmitter } from 'node:events'
import type { Access } from '../access/access.js'
import type { Clock, Logger } from '../adapter.js'
import type { Config } from '../config.js'
import { GatewayError } from '../errors.js'
import { Throttle } from '../log.js'
import type { Kind } from '../topic.js'
import { Connections } from './connections.js'
import type { Contract, MutablePacket } from './contract.js'
import { Delivery } from './delivery.js'
import { Durable } from './durable.js'
import { Emitter } from './emitter.js'
import { Cut, Guard } from './guard.js'
import { LimitHits } from './limit-hits.js'
import type { Limit } from './limit-hits.js'
import type { Door } from './listeners.js'
import { OrderedAedes } from './order.js'
import { lookingClients, onlyLooks, refusal as readOnly } from './read-only.js'
import { Queue } from './queue.js'
import type { Publish } from './queue.js'
import { RetainedCap } from './retained-cap.js'
import { Sessions } from './sessions.js'
import type { OpenDisk } from './store/disk.js'
import type { PacketLike } from './store/packet.js'
import type { Store } from './store/store.js'
import { Subscribers, paceStreams } from './subscribers.js'

export interface BrokerOptions {
  readonly log: Logger
  readonly access: Access
  readonly clock: Clock
  readonly limits: Config['broker']['limits']
  readonly shed: (kind: Kind | 'dead') => void
  /** Folder for what must survive a restart; left out: everything is in memory. */
  readonly data?: string | undefined
  readonly durability?: 'fast' | 'strict'
  /** Instead of LevelDB in `data`. */
  readonly openDisk?: OpenDisk | undefined
  /** The disk has refused once more (with the reason), or takes again (undefined). */
  readonly disk?: (failure: Error | undefined) => void
}

/** Seconds between two log lines about the same fault from the same address, or about the same slow client. */
const toldEvery = 10

/** Messages of QoS 2 of one client without PUBREL, over all its connections; Aedes bounds those of one. */
const maxIncoming = 1000

/** Codes and messages of errors by which a client merely goes. */
const hangUps = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'connection closed'])

/** The embedded Aedes, with its durable store, the contract on every message, and the queue of the gateway's own. */
export class Broker implements Door {
  readonly #log: Logger
  readonly #durable: Durable
  readonly #store: Store
  readonly #emitter = new Emitter<AedesPublishPacket>((error, topic) =>
    this.#log.error({ err: error, topic }, 'a receiver failed on a message')
  )
  readonly #aedes: OrderedAedes
  readonly #queue: Queue
  readonly #connections: Connections
  readonly #subscribers: Subscribers
  readonly #retainedCap: RetainedCap
  readonly #sessions: Sessions
  readonly #hits = new LimitHits()
  readonly #throttle: Throttle
  readonly #told = new WeakSet<Client>()
  #contract: Contract | undefined
  #onPresence: ((client: string, present: boolean) => void) | undefined

  constructor(options: BrokerOptions) {
    const { clock, limits } = options
    const monotonic = (): number => clock.monotonic()
    this.#log = options.log
    const { data, durability = 'fast', openDisk, disk } = options
    this.#durable = new Durable({ data, durability, now: () => clock.now(), open: openDisk, state: (failure) => disk?.(failure) })
    this.#store = this.#durable.store
    this.#throttle = new Throttle(toldEvery, monotonic)
    this.#connections = new Connections({ clock, limits, refused: (rule, address) => this.#turnedAway(rule, address) })
    this.#subscribers = new Subscribers({ limits, stored: this.#store, monotonic, shed: (client, guard) => this.#shed(client, guard) })
    this.#retainedCap = new RetainedCap(this.#store, limits)
    this.#sessions = new Sessions({
      store: this.#store,
      clock,
      limits,
      dropped: (client, total) => this.#dropped(client, total),
      expired: (client) => this.#log.info({ client }, 'a session expired: its client was absent for broker.limits.sessionExpiry')
    })
    const asks = paceStreams(this.#store, (client, topic) => this.#subscribers.holds(client, topic))
    const aedes: AedesOptions = {
      id: 'labgate',
      mq: this.#emitter,
      persistence: this.#store,
      connectTimeout: limits.connectTime * 1000,
      // A Guard takes everything at once and looks itself at who does not read.
      drainTimeout: 0,
      concurrency: 0,
      authorizePublish: (client, packet, callback) => this.#authorizePublish(client, packet, callback),
      authorizeSubscribe: (client, subscription, callback) => callback(null, this.#grant(client, subscription) ? subscription : null),
      authorizeForward: (client, packet) => this.#subscribers.forward(client, packet),
      ...lookingClients({ connected: (id) => this.#clients[id], hasSession: (id) => this.#store.hasSession(id) })
    }
    this.#aedes = new OrderedAedes(aedes, ({ id }, messageId) => this.#store.hasIncoming(id, messageId))
    this.#sessions.watchEntry(this.#aedes)
    new Delivery(this.#aedes, this.#store, { window: limits.maxInflight, shed: (client) => this.#missed(client) })
    this.#queue = new Queue({
      max: limits.maxQueue,
      shed: options.shed,
      deliver: (message, done) =>
        this.#aedes.publish(message, (error) => {
          if (error) this.#log.error({ topic: message.topic, err: error }, 'the broker could not publish')
          done()
        })
    })
    this.#aedes.on('subscribe', asks)
    this.#aedes.on('unsubscribe', (topics, client) => this.#subscribers.drop(client, topics))
    // It hung up while it was let in: Aedes would keep it in its table for ever.
    this.#aedes.on('client', (client) => this.#ghost(client))
    this.#aedes.on('clientReady', (client) => {
      // Also told of one that has gone while it was sent what had waited for it.
      if (client.closed) return
      this.#sessions.came(client.id)
      if (!onlyLooks(client)) this.#onPresence?.(client.id, true)
    })
    this.#aedes.on('clientDisconnect', (client) => {
      if (!client.clean) this.#sessions.went(client.id)
      if (!onlyLooks(client)) this.#onPresence?.(client.id, false)
    })
    this.#aedes.on('clientError', (client, error) => this.#cut(client, error, { client: client.id }, 'an MQTT client was cut'))
    this.#aedes.on('connectionError', (client, error) => this.#cut(client, error, {}, 'a connection was no MQTT client and was cut'))
    // Not typed by Aedes, but emitted; without a listener it would end the process.
    const emitter: EventEmitter = this.#aedes
    emitter.on('error', (error: Error) => this.#log.error({ err: error }, 'the broker failed'))
  }

  /** Opens nothing to the outside. `presence` is told of every client that comes or goes. */
  async start(contract: Contract, presence: (client: string, present: boolean) => void): Promise<void> {
    this.#contract = contract
    contract.mayRetain = (packet) => this.#mayRetain(packet)
    this.#onPresence = presence
    await this.#durable.start(this.#aedes)
    this.#retainedCap.restored(this.#store.allRetained())
    await this.#aedes.listen()
    this.#durable.recover()
    this.#connections.start()
    this.#sessions.start()
  }

  readonly admit: Door['admit'] = (socket) => this.#connections.admit(socket)

  /** Would a message of QoS 0 that is not retained reach anybody? */
  readonly wanted = (topic: string): boolean => this.#emitter.wanted(topic)

  /** A connection of an MQTT client, from whatever listener. */
  readonly handle: Door['handle'] = (stream, entrance) => {
    this.#aedes.handle(this.#connections.guard(stream, entrance))
  }

  readonly publish: Publish = (topic, payload, kind, more) => this.#queue.publish(topic, payload, kind, more)

  /** The queue's bound. */
  get maxQueue(): number {
    return this.#queue.max
  }

  get room(): number {
    return this.#queue.room
  }

  get queueLength(): number {
    return this.#queue.length
  }

  /** Bytes that wait for a connected client; without its id: for the client for which most wait. */
  backlog(id?: string): number {
    const { clients } = this.#aedes as unknown as { clients: Record<string, Client> }
    const chosen = id === undefined ? Object.values(clients) : Object.hasOwn(clients, id) ? [clients[id] as Client] : []
    return chosen.reduce((most, { conn }) => (conn instanceof Guard ? Math.max(most, conn.waiting) : most), 0)
  }

  get clientCount(): number {
    return this.#connections.clients
  }

  get openConnections(): number {
    return this.#connections.open
  }

  get clientIds(): readonly string[] {
    return Object.keys(this.#clients)
  }

  /** Aedes' types leave them out. */
  get #clients(): Readonly<Record<string, Client>> {
    return (this.#aedes as unknown as { clients: Record<string, Client> }).clients
  }

  /** A limit of the HTTP listener was hit. */
  hit(limit: Limit): void {
    this.#hits.hit(limit)
  }

  /** How often each limit was hit since start. */
  get limitHits(): ReadonlyMap<string, bigint> {
    return this.#hits.all
  }

  /** Messages of QoS 0 that each connected client missed because it reads slowly. */
  get missed(): ReadonlyMap<string, bigint> {
    const slow = Object.values(this.#clients).filter(({ conn }) => conn instanceof Guard && conn.shed > 0)
    return new Map(slow.slice(0, 100).map(({ id, conn }) => [id, BigInt((conn as Guard).shed)]))
  }

  /** Messages that were dropped because too many waited, by client id. */
  get lost(): ReadonlyMap<string, bigint> {
    return this.#sessions.lost
  }

  get retainedCount(): number {
    return this.#store.retainedCount()
  }

  /** Delivers what waits, within the time limit, then closes every connection. */
  async stop(seconds: number): Promise<void> {
    this.#connections.stop()
    this.#sessions.stop()
    await this.#queue.flush(seconds)
    this.#queue.close()
    await new Promise<void>((resolve) => this.#aedes.close(resolve))
    await this.#durable.stop()
  }

  /** What is retained, for the restore at start. */
  allRetained(): IterableIterator<PacketLike> {
    return this.#store.allRetained()
  }

  /** Of clients that were connected when an earlier run crashed. */
  publishWills(): void {
    this.#durable.publishWills((will) => this.#apply(will as MutablePacket & typeof will, will.clientId))
  }

  /** Resolves when the messages of the gateway that wait have been handed over, or after the time limit. */
  async flushed(seconds: number): Promise<void> {
    await this.#queue.flush(seconds)
  }

  /**
   * Calls `run` when every message of the gateway so far would survive a crash; at once when everything is in memory.
   * False: the disk refuses, and `run` is not called.
   */
  whenKept(run: () => void): boolean {
    if (this.#durable.failure !== undefined) return false
    if (this.#durable.keepsNothing) run()
    else this.#queue.whenHanded(() => this.#durable.whenCommitted(run))
    return true
  }

  /** What the gateway keeps by name over a restart. */
  get keep(): { note: Store['note']; notes: Store['notes']; committed(): Promise<void> } {
    return {
      note: (name, content) => this.#store.note(name, content),
      notes: () => this.#store.notes(),
      committed: () => this.#durable.committed()
    }
  }

  /** The payload retained at a topic. */
  retained(topic: string): string | undefined {
    return this.#store.retained(topic)?.payload?.toString()
  }

  /** Why the disk refuses: nothing is acknowledged until it takes again. */
  get diskFailure(): Error | undefined {
    return this.#durable.failure
  }

  /** Bytes that wait for the disk. */
  get diskQueue(): number {
    return this.#durable.waiting
  }

  /** One line a connection: Aedes tells the error of every write that was still waiting. That somebody hung up is no news. */
  #cut(client: Client, error: Error, fields: object, message: string): void {
    if (this.#told.has(client)) return
    this.#told.add(client)
    if (error instanceof Cut) this.#hits.hit(error.rule)
    else if (error.message === 'connect did not arrive in time') this.#hits.hit('connectTime')
    const quiet = hangUps.has((error as NodeJS.ErrnoException).code ?? error.message)
    const { address, shed } = client.conn as Guard
    const held = quiet ? 0 : this.#throttle.pass(`${address} ${error.message}`)
    if (held === undefined) return
    const more = { ...(shed > 0 ? { missed: shed } : {}), ...(held > 0 ? { alike: held } : {}) }
    this.#log[quiet ? 'debug' : 'info']({ ...fields, address, reason: error.message, ...more }, message)
  }

  #turnedAway(rule: 'maxConnections' | 'maxConnectRate', address: string): void {
    this.#hits.hit(rule)
    const held = this.#throttle.pass(`${address} ${rule}`)
    const limit = rule === 'maxConnections' ? 'maxConnections or maxConnectionsPerAddress' : 'maxConnectRate'
    if (held !== undefined) this.#log.warn({ address, alike: held }, `a connection was closed: there are too many (broker.limits.${limit})`)
  }

  #dropped(client: string, total: bigint): void {
    this.#hits.hit('maxQueued')
    const held = this.#throttle.pass(`queued ${client}`)
    if (held !== undefined)
      this.#log.warn(
        { client, lost: Number(total) },
        'messages for an absent client are dropped: too many wait (broker.limits.maxQueued, maxQueuedBytes)'
      )
  }

  /** It leaves too much unacknowledged, so that messages of QoS 0 would have to wait too long behind it. */
  #missed(client: Client): void {
    const guard = client.conn as Guard
    guard.shed += 1
    this.#shed(client, guard)
  }

  #shed(client: Client, guard: Guard): void {
    this.#hits.hit('shedOutput')
    const held = this.#throttle.pass(`shed ${client.id}`)
    if (held !== undefined)
      this.#log.warn(
        { client: client.id, missed: guard.shed },
        'a client reads slowly: it misses messages of QoS 0 (broker.limits.shedOutput)'
      )
  }

  #grant(client: Client, subscription: Subscription): boolean {
    const granted = this.#subscribers.grant(client, subscription)
    if (granted) return true
    this.#hits.hit('maxFilters')
    const held = this.#throttle.pass(`filters ${client.id}`)
    if (held !== undefined)
      this.#log.warn({ client: client.id, filter: subscription.topic, alike: held }, 'a filter was refused (broker.limits.maxFilters)')
    return false
  }

  #ghost(client: Client): void {
    const aedes = this.#aedes as unknown as { clients: Record<string, Client>; unregisterClient(client: Client): void }
    if (client.closed && aedes.clients[client.id] === client) aedes.unregisterClient(client)
  }

  #authorizePublish(client: Client | null, packet: object, callback: (error?: Error | null) => void): void {
    const published = packet as MutablePacket & Pick<AedesPublishPacket, 'messageId'>
    // A QoS 2 message sent again is thrown away by Aedes after this hook; a command must not be carried out for it.
    const again =
      published.qos === 2 && client !== null && published.messageId !== undefined && this.#store.hasIncoming(client.id, published.messageId)
    try {
      if (again) return callback(null)
      const { qos, messageId } = published
      if (qos === 2 && client !== null && messageId !== undefined && this.#durable.isTaking(client, messageId, callback)) return
      if (qos === 2 && client !== null && this.#store.incoming(client.id) >= maxIncoming)
        return callback(new Cut('protocol', `it has left ${maxIncoming} messages of QoS 2 without PUBREL`))
      this.#apply(published, client?.id ?? '', onlyLooks(client))
      this.#durable.admit(client, packet as AedesPublishPacket, callback)
    } catch (error) {
      this.#log.error({ err: error, topic: published.topic }, 'the contract failed on a message; it was not published')
      callback(new GatewayError('Internal', 'the message could not be judged', { cause: error }))
    }
  }

  /** The contract; a message that may not be retained any more is a dead letter. */
  #apply(packet: MutablePacket, client: string, looksOnly = false): void {
    if (looksOnly) return this.#contract?.refuse(packet, client, readOnly())
    const refusal = this.#mayRetain(packet)
    if (refusal === undefined) this.#contract?.apply(packet, client)
    else this.#contract?.refuse(packet, client, refusal)
  }

  #mayRetain(packet: MutablePacket): GatewayError | undefined {
    const refusal = this.#retainedCap.check(packet)
    if (refusal !== undefined) this.#hits.hit('maxRetained')
    return refusal
  }
}
