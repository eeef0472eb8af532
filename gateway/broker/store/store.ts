import { Readable } from 'node:stream'
import { done, failed, later } from './answer.js'
import { Inbound } from './inbound.js'
import { Incoming } from './incoming.js'
import type { Journal } from './journal.js'
import { Notes } from './notes.js'
import { Outgoing } from './outgoing.js'
import type { BrokerRef, ClientRef, ClientSubscription, PacketLike, Publish, Pubrel, Subscription } from './packet.js'
import type { Terms } from './queue.js'
import { type Kind, kinds } from './record.js'
import { Retained } from './retained.js'
import { SessionRows } from './session-rows.js'
import { Subscriptions } from './subscriptions.js'
import { type Will, Wills } from './wills.js'

export interface Counts {
  sessions: number
  subscriptions: number
  queued: number
  incoming: number
  retained: number
}

/**
 * The state of the broker: retained messages, sessions, queues, QoS 2 handshakes, wills. Everything is in memory and answers at once.
 * The upper part is the promise style of aedes-persistence 11 as Aedes 1.2 calls it; why it does not return native promises: answer.ts.
 * With a journal every change also goes to disk, is read again at start, and what a client may rely on (a subscription, the end of a
 * QoS 2 handshake) is answered once it is written.
 */
export class Store {
  /** Whether a session may keep so many messages, of so many bytes, when all take so many, with `more` for this one; undefined: no bound. */
  bound: ((clientId: string, queued: number, bytes: number, all: number, more: number) => boolean) | undefined
  readonly #retained: Retained
  readonly #subscriptions: Subscriptions
  readonly #outgoing: Outgoing
  readonly #incoming: Incoming
  readonly #wills: Wills
  /** The sessions, and whose they are. */
  readonly owners: SessionRows
  readonly #journal: Journal | undefined
  /** Messages of clients that are on their way into the store; undefined without a journal. */
  readonly inbound: Inbound | undefined
  readonly #notes: Notes
  #broker: BrokerRef | undefined
  #opened = false
  #highest = 0

  constructor(journal?: Journal) {
    this.#journal = journal
    this.inbound = journal && new Inbound(journal)
    this.owners = new SessionRows(journal)
    this.#retained = new Retained(journal)
    this.#subscriptions = new Subscriptions(journal)
    this.#outgoing = new Outgoing(journal, (clientId, bytes) => this.owners.grew(clientId, bytes))
    this.#incoming = new Incoming(journal)
    this.#wills = new Wills(journal)
    this.#notes = new Notes(journal)
  }

  /** Reads what the journal holds; rejects when that cannot be opened. To be called before {@link setup}, or by it. */
  async open(): Promise<void> {
    if (this.#opened) return
    this.#opened = true
    await this.#journal?.open((key, value) => this.#take(key, value))
    // Of a clean client nothing is kept; it was connected when the run ended.
    for (const clientId of this.#incoming.clients()) if (!this.owners.has(clientId)) this.#incoming.drop(clientId)
    this.owners.restored((clientId) => this.#outgoing.find(clientId)?.weight ?? 0)
    this.inbound?.restored()
  }

  /** The highest broker counter among what was read: new messages must be numbered above. */
  get highestCounter(): number {
    return this.#highest
  }

  get broker(): BrokerRef {
    if (!this.#broker) throw new Error('the store is used before setup()')
    return this.#broker
  }

  /** Async by constructor name: Aedes.listen() refuses it otherwise. */
  async setup(broker: BrokerRef): Promise<void> {
    this.#broker = broker
    await this.open()
  }

  /** Writes what is still to be written. */
  destroy(): Promise<void> {
    return this.#journal?.close() ?? done()
  }

  // Retained messages

  storeRetained(packet: PacketLike): Promise<void> {
    this.#retained.put(packet)
    return done()
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter])
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.#retained.find(filters))
  }

  // Subscriptions of persistent sessions

  addSubscriptions(client: ClientRef, subscriptions: readonly Subscription[]): Promise<void> {
    const apply = (): void => {
      this.#subscriptions.add(client.id, subscriptions)
    }
    this.openSession(client.id)
    const journal = this.#journal
    if (journal === undefined) {
      apply()
      return done()
    }
    // On disk first: the message that comes between SUBACK and a crash must find the session again. In memory only then, just
    // before Aedes makes the subscription live: a message between the two would be queued but not sent.
    const noted = this.#subscriptions.note(client.id, subscriptions)
    return later((run) =>
      journal.whenCommitted(() => {
        // The session may have ended meanwhile.
        if (this.#subscriptions.settle(client.id, noted)) apply()
        run()
      })
    )
  }

  removeSubscriptions(client: ClientRef, filters: readonly string[]): Promise<void> {
    const remove = (): void => this.#subscriptions.remove(client.id, filters)
    const journal = this.#journal
    if (journal === undefined || !this.#subscriptions.isWaiting(client.id)) {
      remove()
      return done()
    }
    // A SUBSCRIBE before it is still being written.
    return later((run) =>
      journal.whenCommitted(() => {
        remove()
        run()
      })
    )
  }

  /** A clean CONNECT: the session ends here, queue and all [MQTT-3.1.2-6]. Aedes would clear the queue message by message after CONNACK. */
  cleanSubscriptions(client: ClientRef): Promise<void> {
    this.endSession(client.id)
    return done()
  }

  subscriptionsByClient(client: ClientRef): Promise<Subscription[]> {
    return done(this.#subscriptions.ofClient(client.id))
  }

  subscriptionsByTopic(topic: string): Promise<ClientSubscription[]> {
    return done(this.#subscriptions.matching(topic))
  }

  countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return done({ subsCount: this.#subscriptions.queueing, clientsCount: this.#subscriptions.clients })
  }

  getClientList(filter: string): Readable {
    return Readable.from(this.#subscriptions.clientsOf(filter))
  }

  // Outgoing queues

  outgoingEnqueue(subscription: Terms & { clientId: string }, packet: PacketLike): Promise<void> {
    this.#enqueue(subscription, packet)
    return done()
  }

  outgoingEnqueueCombi(subscriptions: readonly (Terms & { clientId: string })[], packet: PacketLike): Promise<void> {
    for (const subscription of subscriptions) this.#enqueue(subscription, packet)
    return done()
  }

  #enqueue(subscription: Terms & { clientId: string }, packet: PacketLike): void {
    const { clientId } = subscription
    const queue = this.#outgoing.of(clientId)
    const more = (packet.topic?.length ?? 0) + (packet.payload?.length ?? 0)
    const mayKeep = (): boolean => this.bound?.(clientId, queue.size + 1, queue.bytes + more, this.#outgoing.bytes + more, more) ?? true
    if (queue.has(packet) || mayKeep()) queue.add(packet, subscription)
  }

  /**
   * May change `messageId` and `qos` of the packet, which is written next: see Queue.sending. What QoS 2 stands on is on disk first:
   * after a crash the message must come again with the id that the client knows it by, and never after its PUBREL.
   */
  outgoingUpdate(client: ClientRef, packet: PacketLike): Promise<void> {
    return this.sending(client, packet).then(() => {})
  }

  /** The same; false: the session does not keep this message. */
  sending(client: ClientRef, packet: PacketLike): Promise<boolean> {
    const queue = packet.cmd === 'pubrel' ? this.#outgoing.of(client.id) : this.#outgoing.find(client.id)
    const entry = queue?.sending(packet, this.#outgoing.connection(client))
    if (entry === 'no id') return failed(new Error(`client ${client.id}: all packet ids are open`))
    const journal = this.#journal
    if (entry === undefined) return done(false)
    if (journal === undefined || entry.isKept || !(packet.cmd === 'pubrel' || packet.qos === 2)) return done(true)
    return later((run) =>
      journal.whenCommitted(() => {
        entry.isKept = true
        run(true)
      })
    )
  }

  /**
   * Aedes calls this also without a message id, for the second copy of a message that matched two filters (deliverQoS in
   * aedes/lib/client.js, moscajs/aedes #543). The first copy is on its way then and needs its entry: nothing must happen.
   */
  outgoingClearMessageId(client: ClientRef, packet: PacketLike): Promise<Publish | Pubrel | undefined> {
    return done(this.#outgoing.find(client.id)?.settle(packet.messageId))
  }

  outgoingStream(client: ClientRef): Readable {
    return Readable.from(this.#outgoing.find(client.id)?.replay(this.#outgoing.connection(client)) ?? [])
  }

  // Incoming QoS 2

  incomingStorePacket(client: ClientRef, packet: PacketLike): Promise<void> {
    this.#incoming.put(client.id, packet)
    return done()
  }

  incomingGetPacket(client: ClientRef, packet: PacketLike): Promise<Publish> {
    const found = this.#incoming.get(client.id, packet.messageId)
    return found ? done(found) : failed(noSuchPacket(client, packet))
  }

  incomingDelPacket(client: ClientRef, packet: PacketLike): Promise<void> {
    if (!this.#incoming.delete(client.id, packet.messageId)) return failed(noSuchPacket(client, packet))
    // PUBCOMP lets the client use the packet id again: were it still known after a crash, the next message would pass for a repetition.
    const journal = this.#journal
    return journal === undefined ? done() : later((run) => journal.whenCommitted(run))
  }

  /**
   * A clean client begins, or has gone. Aedes asks for this also when it has refused one (close() in aedes/lib/client.js), by whatever id that
   * one named: it is the id, and perhaps the session, of somebody else.
   */
  cleanIncoming(client: ClientRef & { readonly _authorized?: boolean }): Promise<void> {
    if (client._authorized !== false && !this.owners.has(client.id)) this.#incoming.drop(client.id)
    return done()
  }

  // Wills

  putWill(client: ClientRef, packet: PacketLike): Promise<void> {
    this.#wills.put(client.id, this.broker.id, packet)
    return done()
  }

  getWill(client: ClientRef): Promise<Will | undefined> {
    return done(this.#wills.get(client.id))
  }

  delWill(client: ClientRef): Promise<Will | undefined> {
    return done(this.#wills.take(client.id))
  }

  streamWill(alive: Readonly<Record<string, unknown>> = {}): Readable {
    return Readable.from(this.#wills.orphans(alive))
  }

  // For the gateway

  /** The retained message of a topic. */
  retained(topic: string): PacketLike | undefined {
    return this.#retained.get(topic)
  }

  allRetained(): Generator<PacketLike> {
    return this.#retained.all()
  }

  wills(): Will[] {
    return this.#wills.all()
  }

  /** Something of the gateway's own to keep, by name; undefined: no more. */
  note(name: string, content: Buffer | undefined): void {
    this.#notes.put(name, content)
  }

  notes(): ReadonlyMap<string, Buffer> {
    return this.#notes.all()
  }

  /** Everything as rows of the journal. */
  *rows(): Generator<[key: string, value: Buffer]> {
    for (const part of [this.owners, this.#retained, this.#subscriptions, this.#outgoing, this.#incoming, this.#wills, this.#notes])
      yield* part.rows()
  }

  /** Whether a session queues what is published there. */
  queues(topic: string): boolean {
    return this.#subscriptions.queues(topic)
  }

  retainedCount(): number {
    return this.#retained.size
  }

  /** QoS 2 messages of a client whose PUBREL is still to come. */
  incoming(clientId: string): number {
    return this.#incoming.of(clientId)
  }

  /** Whether a QoS 2 message is a repetition: received before, PUBREL still to come. */
  hasIncoming(clientId: string, messageId: number): boolean {
    return this.#incoming.get(clientId, messageId) !== undefined
  }

  sessions(): Counts {
    return {
      sessions: this.owners.size,
      subscriptions: this.#subscriptions.queueing,
      queued: this.#outgoing.size,
      incoming: this.#incoming.size,
      retained: this.#retained.size
    }
  }

  queued(clientId: string): number {
    return this.#outgoing.find(clientId)?.size ?? 0
  }

  /** In order of arrival, what was queued for the session but not sent on any connection. */
  unsent(clientId: string): Publish[] {
    return this.#outgoing.find(clientId)?.unsent() ?? []
  }

  /** Takes one message out of a session's queue: for a message that shall not be delivered, which Aedes itself leaves there. */
  forget(clientId: string, packet: PacketLike): boolean {
    return this.#outgoing.find(clientId)?.forget(packet) !== undefined
  }

  /** Whether there is a session: also one without subscriptions, which Aedes does not count (`gotSubs` in its connect.js). */
  hasSession(clientId: string): boolean {
    return this.owners.has(clientId)
  }

  /** Of all sessions. */
  get filters(): Pick<Subscriptions, 'cost' | 'has'> {
    return this.#subscriptions
  }

  /** A CONNECT that is not clean; tells whether the session was there before. */
  openSession(clientId: string): boolean {
    return this.owners.open(clientId)
  }

  /** Forgets everything about a session. */
  endSession(clientId: string): void {
    this.owners.end(clientId)
    this.#subscriptions.removeAll(clientId)
    this.#outgoing.drop(clientId)
    this.#incoming.drop(clientId)
  }

  #take(key: string, value: Buffer): void {
    switch (key[0] as Kind) {
      case kinds.retained:
        return this.#seen(this.#retained.restore(key, value))
      case kinds.queued:
        return this.#seen(this.#outgoing.restore(key, value))
      case kinds.receiving:
        return this.#seen(this.#incoming.restore(key, value))
      case kinds.filter:
        return this.#subscriptions.restore(key, value)
      case kinds.session:
        return this.owners.restore(key, value)
      case kinds.will:
        return this.#wills.restore(key, value)
      case kinds.command:
        return this.#notes.restore(key, value)
      case kinds.inbound:
      case kinds.noted:
        return this.inbound?.restore(key, value)
    }
  }

  #seen({ brokerCounter = 0 }: PacketLike): void {
    this.#highest = Math.max(this.#highest, brokerCounter)
  }
}

function noSuchPacket(client: ClientRef, packet: PacketLike): Error {
  return new Error(`client ${client.id} has no open QoS 2 message ${packet.messageId}`)
}
