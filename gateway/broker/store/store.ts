import { Readable } from 'node:stream'
import { done, failed } from './answer.js'
import { Incoming } from './incoming.js'
import { Outgoing } from './outgoing.js'
import type { BrokerRef, ClientRef, ClientSubscription, PacketLike, Publish, Pubrel, Subscription } from './packet.js'
import type { Terms } from './queue.js'
import { Retained } from './retained.js'
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
 */
export class Store {
  readonly #retained = new Retained()
  readonly #subscriptions = new Subscriptions()
  readonly #outgoing = new Outgoing()
  readonly #incoming = new Incoming()
  readonly #wills = new Wills()
  readonly #sessions = new Set<string>()
  #broker: BrokerRef | undefined

  get broker(): BrokerRef {
    if (!this.#broker) throw new Error('the store is used before setup()')
    return this.#broker
  }

  /** Async by constructor name: Aedes.listen() refuses it otherwise. */
  async setup(broker: BrokerRef): Promise<void> {
    this.#broker = broker
  }

  destroy(): Promise<void> {
    return done()
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
    this.#sessions.add(client.id)
    this.#subscriptions.add(client.id, subscriptions)
    return done()
  }

  removeSubscriptions(client: ClientRef, filters: readonly string[]): Promise<void> {
    this.#subscriptions.remove(client.id, filters)
    return done()
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
    this.#outgoing.of(subscription.clientId).add(packet, subscription)
    return done()
  }

  outgoingEnqueueCombi(subscriptions: readonly (Terms & { clientId: string })[], packet: PacketLike): Promise<void> {
    for (const subscription of subscriptions) this.#outgoing.of(subscription.clientId).add(packet, subscription)
    return done()
  }

  /** May change `messageId` and `qos` of the packet, which is written next: see Queue.sending. */
  outgoingUpdate(client: ClientRef, packet: PacketLike): Promise<void> {
    const queue = packet.cmd === 'pubrel' ? this.#outgoing.of(client.id) : this.#outgoing.find(client.id)
    const sent = queue?.sending(packet, this.#outgoing.connection(client)) ?? true
    return sent ? done() : failed(new Error(`client ${client.id}: all packet ids are open`))
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
    return this.#incoming.delete(client.id, packet.messageId) ? done() : failed(noSuchPacket(client, packet))
  }

  cleanIncoming(client: ClientRef): Promise<void> {
    this.#incoming.drop(client.id)
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

  retainedCount(): number {
    return this.#retained.size
  }

  /** Whether a QoS 2 message is a repetition: received before, PUBREL still to come. */
  hasIncoming(clientId: string, messageId: number): boolean {
    return this.#incoming.get(clientId, messageId) !== undefined
  }

  sessions(): Counts {
    return {
      sessions: this.#sessions.size,
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
    return this.#sessions.has(clientId)
  }

  /** A CONNECT that is not clean; tells whether the session was there before. */
  openSession(clientId: string): boolean {
    const before = this.#sessions.has(clientId)
    this.#sessions.add(clientId)
    return before
  }

  /** Forgets everything about a session. */
  endSession(clientId: string): void {
    this.#sessions.delete(clientId)
    this.#subscriptions.removeAll(clientId)
    this.#outgoing.drop(clientId)
    this.#incoming.drop(clientId)
  }
}

function noSuchPacket(client: ClientRef, packet: PacketLike): Error {
  return new Error(`client ${client.id} has no open QoS 2 message ${packet.messageId}`)
}
