import type { AedesOptions, AedesPublishPacket, Client, Subscription } from 'aedes'
import type { EventEmitter } from 'node:events'
import type { Access } from '../access/access.js'
import type { Clock, Logger } from '../adapter.js'
import type { Config } from '../config.js'
import { GatewayError } from '../errors.js'
import type { Kind } from '../topic.js'
import { Admission } from './admission.js'
import { Connections } from './connections.js'
import type { Contract, MutablePacket } from './contract.js'
import { Delivery } from './delivery.js'
import { Durable } from './durable.js'
import { Emitter } from './emitter.js'
import { FilterOrder } from './filter-order.js'
import { Cut, Guard } from './guard.js'
import { Judge } from './judge.js'
import type { Limit } from './limit-hits.js'
import type { Door } from './listeners.js'
import { OrderedAedes } from './order.js'
import { Permissions } from './permissions.js'
import { Pulse } from './pulse.js'
import { onlyLooks } from './read-only.js'
import { Reports } from './reports.js'
import { Queue } from './queue.js'
import type { Publish } from './queue.js'
import { RetainedCap } from './retained-cap.js'
import { Sessions } from './sessions.js'
import type { OpenDisk } from './store/disk.js'
import type { PacketLike } from './store/packet.js'
import type { Store } from './store/store.js'
import { Subscribers, paceStreams } from './subscribers.js'
import { Traffic } from './traffic.js'

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

/** Messages of QoS 2 of one client without PUBREL, over all its connections; Aedes bounds those of one. */
const maxIncoming = 1000

/** Told of an MQTT client that comes or goes, and what it may publish to. */
export type Presence = (client: string, present: boolean, mayWrite: (topic: string) => boolean) => void

/** The embedded Aedes, with its durable store, the contract on every message, and the queue of the gateway's own. */
export class Broker implements Door {
  readonly traffic: Traffic
  readonly pulse: Pulse
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
  readonly #access: Access
  readonly #admission: Admission
  readonly #permissions: Permissions
  readonly #sessions: Sessions
  readonly #reports: Reports
  #judge: Judge | undefined
  #onPresence: Presence | undefined

  constructor(options: BrokerOptions) {
    const { clock, limits } = options
    const monotonic = (): number => clock.monotonic()
    this.#log = options.log
    this.traffic = new Traffic(monotonic)
    const { data, durability = 'fast', openDisk, disk } = options
    this.#durable = new Durable({
      data,
      durability,
      now: () => clock.now(),
      open: openDisk,
      watch: this.traffic.committing,
      state: (failure) => disk?.(failure)
    })
    this.#store = this.#durable.store
    const reports = new Reports(options.log, monotonic)
    this.#reports = reports
    this.#connections = new Connections({ clock, limits, refused: (rule, address) => reports.turnedAway(rule, address) })
    this.#subscribers = new Subscribers({ limits, stored: this.#store, monotonic, shed: (client, guard) => reports.shed(client, guard) })
    this.#retainedCap = new RetainedCap(this.#store, limits)
    this.#access = options.access
    this.#permissions = new Permissions(options.access, this.#store)
    this.#admission = new Admission({
      access: options.access,
      sessions: this.#store.owners,
      connected: (id) => this.#clients[id],
      noRoom: (id, identity) => this.#sessions.refusal(id, identity),
      letIn: (id) => this.#permissions.came(id)
    })
    this.#sessions = new Sessions({
      store: this.#store,
      clock,
      limits,
      isAdmin: (user) => options.access.roleOf(user) === 'admin',
      dropped: (client, total) => reports.dropped(client, total),
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
      authorizeForward: (client, packet) =>
        this.traffic.send(this.#permissions.maySee(client, packet) ? this.#subscribers.forward(client, packet) : null),
      preConnect: this.#admission.preConnect,
      authenticate: this.#admission.authenticate
    }
    this.#aedes = new OrderedAedes(aedes, ({ id }, messageId) => this.#store.hasIncoming(id, messageId))
    new Delivery(this.#aedes, this.#store, {
      window: limits.maxInflight,
      shed: (client) => this.#missed(client),
      mayHave: (client, packet) => this.#permissions.mayHave(client, packet)
    })
    this.#queue = new Queue({
      max: limits.maxQueue,
      shed: options.shed,
      watch: this.traffic.publishing,
      deliver: (message, done) =>
        this.#aedes.publish(message, (error) => {
          if (error) this.#log.error({ topic: message.topic, err: error }, 'the broker could not publish')
          done()
        })
    })
    this.#aedes.on('subscribe', asks)
    this.#aedes.on('unsubscribe', (topics, client) => this.#subscribers.drop(client, topics))
    new FilterOrder(this.#aedes, this.#store)
    this.pulse = new Pulse(this.#emitter, (packet) => this.#aedes.publish(packet, () => {}))
    this.#aedes.on('connackSent', ({ returnCode }, { conn }) => {
      if (returnCode === 0) (conn as Guard).letIn()
    })
    // It hung up while it was let in: Aedes would keep it in its table for ever.
    this.#aedes.on('client', (client) => this.#ghost(client))
    this.#aedes.on('clientReady', (client) => {
      // Also told of one that has gone while it was sent what had waited for it.
      if (client.closed) return
      this.#sessions.came(client.id)
      this.#admission.came(client)
      if (!onlyLooks(client)) this.#onPresence?.(client.id, true, mayWrite(client))
    })
    this.#aedes.on('clientDisconnect', (client) => {
      if (!client.clean) this.#sessions.went(client.id)
      if (!onlyLooks(client)) this.#onPresence?.(client.id, false, mayWrite(client))
    })
    this.#aedes.on('clientError', (client, error) => reports.cut(client, error, { client: client.id }, 'an MQTT client was cut'))
    this.#aedes.on('connectionError', (client, error) => reports.cut(client, error, {}, 'a connection was no MQTT client and was cut'))
    // Not typed by Aedes, but emitted; without a listener it would end the process.
    const emitter: EventEmitter = this.#aedes
    emitter.on('error', (error: Error) => this.#log.error({ err: error }, 'the broker failed'))
  }

  /** Opens nothing to the outside. `presence` is told of every client that comes or goes. */
  async start(contract: Contract, presence: Presence): Promise<void> {
    const judge = new Judge({
      contract,
      permissions: this.#permissions,
      retainedCap: this.#retainedCap,
      tooMany: () => this.#reports.hits.hit('maxRetained')
    })
    contract.mayRetain = (packet) => judge.mayRetain(packet)
    this.#judge = judge
    this.#onPresence = presence
    await this.#durable.start(this.#aedes)
    this.#retainedCap.restored(this.#store.allRetained())
    await this.#aedes.listen()
    this.#durable.recover()
    this.#connections.start()
    this.#sessions.start()
    this.#access.onChange(() => this.#admission.review())
  }

  readonly admit: Door['admit'] = (socket) => this.#connections.admit(socket)

  /** Would a message of QoS 0 that is not retained reach anybody? */
  readonly wanted = (topic: string): boolean => this.#emitter.wanted(topic)

  /** A connection of an MQTT client, from whatever listener. */
  readonly handle: Door['handle'] = (stream, entrance) => {
    this.#aedes.handle(this.#connections.guard(stream, entrance))
  }

  /** `take` gets every message that matches the filter and was accepted, whoever published it. Must be quick, and must not throw. */
  tap(filter: string, take: (packet: AedesPublishPacket) => void): void {
    this.#emitter.on(filter, (packet, done) => {
      take(packet)
      done()
    })
  }

  /** Somebody who keeps messages too: `when` calls back when he has all so far; until then they are published again after a crash. */
  alsoKept(when: (run: () => void) => void): void {
    this.#durable.alsoKept = when
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

  /** Is it connected, and may it write there? As {@link Presence} tells it. */
  isPresent(id: string, topic: string): boolean {
    const client = Object.hasOwn(this.#clients, id) ? this.#clients[id] : undefined
    return client !== undefined && !onlyLooks(client) && mayWrite(client)(topic)
  }

  get clientIds(): readonly string[] {
    return Object.keys(this.#clients)
  }

  /** Aedes' types leave them out. */
  get #clients(): Readonly<Record<string, Client>> {
    return (this.#aedes as unknown as { clients: Record<string, Client> }).clients
  }

  /** A limit of another part was hit. */
  hit(limit: Limit): void {
    this.#reports.hits.hit(limit)
  }

  /** How often each limit was hit since start. */
  get limitHits(): ReadonlyMap<string, bigint> {
    return this.#reports.hits.all
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

  /** Sessions that are kept, and the messages that wait in them. */
  get sessions(): { readonly sessions: number; readonly queued: number } {
    return this.#store.sessions()
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
    this.#durable.publishWills((will) => this.#judge?.will(will))
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

  #grant(client: Client, subscription: Subscription): boolean {
    const { topic } = subscription
    // Shared subscriptions are MQTT 5; Aedes would take the name for a topic, acknowledge, and deliver nothing.
    const refused = topic.startsWith('$share/') ? 'shared' : undefined
    if (refused === undefined && !this.#permissions.maySubscribe(client, topic)) return false
    if (refused === undefined && this.#subscribers.grant(client, subscription)) return true
    this.#reports.filterRefused(client, topic, refused ?? 'maxFilters')
    return false
  }

  /** It leaves too much unacknowledged, so that messages of QoS 0 would have to wait too long behind it. */
  #missed(client: Client): void {
    const guard = client.conn as Guard
    guard.shed += 1
    this.#reports.shed(client, guard)
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
      if (client !== null) this.traffic.receive(published.qos)
      const { qos, messageId } = published
      if (qos === 2 && client !== null && messageId !== undefined && this.#durable.isTaking(client, messageId, callback)) return
      if (qos === 2 && client !== null && this.#store.incoming(client.id) >= maxIncoming)
        return callback(new Cut('protocol', `it has left ${maxIncoming} messages of QoS 2 without PUBREL`))
      this.#judge?.judge(published, client)
      this.#durable.admit(client, packet as AedesPublishPacket, callback)
    } catch (error) {
      this.#log.error({ err: error, topic: published.topic }, 'the contract failed on a message; it was not published')
      callback(new GatewayError('Internal', 'the message could not be judged', { cause: error }))
    }
  }
}

function mayWrite(client: Client): (topic: string) => boolean {
  const { rights } = client.conn as Guard
  return (topic) => rights?.mayWrite(topic) ?? true
}
