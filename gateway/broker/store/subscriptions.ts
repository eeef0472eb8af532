import type { Journal } from './journal.js'
import type { ClientSubscription, Subscription } from './packet.js'
import { clientKey, kinds, readClientKey } from './record.js'
import { TopicTree } from './tree.js'

/** Rows of subscriptions that are on their way to the disk. */
interface Noted {
  readonly rows: string[]
}

/** The filters of persistent sessions. QoS 0 is kept for the session's return, but nothing is queued for it. */
export class Subscriptions {
  readonly #byClient = new Map<string, Map<string, Subscription>>()
  readonly #byFilter = new TopicTree<Map<string, ClientSubscription>>()
  readonly #journal: Journal | undefined
  /** By client: noted, not yet on disk. */
  readonly #waiting = new Map<string, Set<Noted>>()
  #queueing = 0
  #cost = 0

  constructor(journal?: Journal) {
    this.#journal = journal
  }

  /** Clients that have a subscription. */
  get clients(): number {
    return this.#byClient.size
  }

  /** Subscriptions that queue: QoS 1 and 2. */
  get queueing(): number {
    return this.#queueing
  }

  /** What all of them take in memory, see {@link costOf}. */
  get cost(): number {
    return this.#cost
  }

  has(clientId: string, filter: string): boolean {
    return this.#byClient.get(clientId)?.has(filter) === true
  }

  /** To be kept before they take effect: see Store.addSubscriptions. */
  note(clientId: string, subscriptions: Iterable<Subscription>): Noted {
    const noted: Noted = { rows: [] }
    for (const subscription of subscriptions) {
      const bytes = bytesOf(recordOf(subscription))
      const row = clientKey(kinds.filter, clientId, subscription.topic)
      this.#journal?.put(row, () => bytes, bytes.length)
      noted.rows.push(row)
    }
    const waiting = this.#waiting.get(clientId)
    if (waiting === undefined) this.#waiting.set(clientId, new Set([noted]))
    else waiting.add(noted)
    return noted
  }

  /** What was noted is on disk; false: the session has ended since. */
  settle(clientId: string, noted: Noted): boolean {
    const waiting = this.#waiting.get(clientId)
    if (!waiting?.delete(noted)) return false
    if (waiting.size === 0) this.#waiting.delete(clientId)
    return true
  }

  /** Is something noted that has not taken effect? */
  isWaiting(clientId: string): boolean {
    return this.#waiting.has(clientId)
  }

  /** At start. */
  restore(key: string, value: Buffer): void {
    this.add(readClientKey(key).clientId, [JSON.parse(value.toString()) as Subscription])
  }

  *rows(): Generator<[string, Buffer]> {
    for (const [clientId, own] of this.#byClient)
      for (const [filter, subscription] of own) yield [clientKey(kinds.filter, clientId, filter), bytesOf(subscription)]
  }

  add(clientId: string, subscriptions: Iterable<Subscription>): void {
    let own = this.#byClient.get(clientId)
    if (!own) this.#byClient.set(clientId, (own = new Map()))
    for (const subscription of subscriptions) {
      const { topic, qos, rh, rap, nl } = subscription
      const before = own.get(topic)
      if (before === undefined) this.#cost += costOf(topic)
      else if (before.qos > 0) this.#unlink(clientId, topic)
      own.set(topic, recordOf(subscription))
      if (qos > 0) this.#link({ clientId, topic, qos, rh, rap, nl })
    }
  }

  remove(clientId: string, filters: Iterable<string>): void {
    const own = this.#byClient.get(clientId)
    if (!own) return
    for (const filter of filters) {
      const before = own.get(filter)
      if (!before) continue
      own.delete(filter)
      this.#cost -= costOf(filter)
      this.#journal?.del(clientKey(kinds.filter, clientId, filter))
      if (before.qos > 0) this.#unlink(clientId, filter)
    }
    if (own.size === 0) this.#byClient.delete(clientId)
  }

  /** Also what is noted and has not taken effect. */
  removeAll(clientId: string): void {
    this.remove(clientId, [...(this.#byClient.get(clientId)?.keys() ?? [])])
    for (const { rows } of this.#waiting.get(clientId) ?? []) for (const row of rows) this.#journal?.del(row)
    this.#waiting.delete(clientId)
  }

  ofClient(clientId: string): Subscription[] {
    return [...(this.#byClient.get(clientId)?.values() ?? [])].map((subscription) => ({ ...subscription }))
  }

  /** Clients with exactly this filter. */
  *clientsOf(filter: string): Generator<string> {
    for (const [clientId, own] of this.#byClient) {
      if (own.has(filter)) yield clientId
    }
  }

  /** What queues a message on `topic`; a session with overlapping filters comes once per filter. */
  matching(topic: string): ClientSubscription[] {
    const found: ClientSubscription[] = []
    for (const clients of this.#byFilter.overTopic(topic)) found.push(...clients.values())
    return found
  }

  queues(topic: string): boolean {
    if (this.#queueing === 0) return false
    return this.#byFilter.overTopic(topic).next().done !== true
  }

  #link(subscription: ClientSubscription): void {
    let clients = this.#byFilter.get(subscription.topic)
    if (!clients) this.#byFilter.set(subscription.topic, (clients = new Map()))
    clients.set(subscription.clientId, subscription)
    this.#queueing++
  }

  #unlink(clientId: string, filter: string): void {
    const clients = this.#byFilter.get(filter)
    if (!clients?.delete(clientId)) return
    this.#queueing--
    if (clients.size === 0) this.#byFilter.delete(filter)
  }
}

/** Bytes that a filter takes, roughly: each level is a place of its own in a tree. */
export function costOf(filter: string): number {
  let levels = 1
  for (let at = filter.indexOf('/'); at >= 0; at = filter.indexOf('/', at + 1)) levels += 1
  return 256 + filter.length + levels * 128
}

function recordOf({ topic, qos, rh, rap, nl, subscriptionIdentifier }: Subscription): Subscription {
  const record: Subscription = { topic, qos, rh, rap, nl }
  if (subscriptionIdentifier !== undefined) record.subscriptionIdentifier = subscriptionIdentifier
  return record
}

function bytesOf(subscription: Subscription): Buffer {
  return Buffer.from(JSON.stringify(subscription))
}
