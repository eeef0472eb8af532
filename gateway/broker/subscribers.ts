import { Readable } from 'node:stream'
import type { AedesPublishPacket, Client, Subscription } from 'aedes'
import { Guard } from './guard.js'
import { costOf } from './store/subscriptions.js'

export interface SubscriberLimits {
  /** Filters of one client. */
  readonly maxFilters: number
  readonly shedOutput: number
  readonly maxOutput: number
}

/** What a client has subscribed to; how many of its filters were granted each QoS. */
interface Granted {
  readonly filters: Map<string, number>
  readonly counts: [number, number, number]
  /** What they take, as long as the client is connected. */
  cost: number
  isGone: boolean
}

/** Bytes that the filters of all clients that are connected may take, and again those of all sessions; a filter takes some hundred. */
const maxCost = 64 * 1024 * 1024

/** Filters of sessions, whose clients may be away. */
interface Stored {
  readonly filters: { readonly cost: number; has(clientId: string, filter: string): boolean }
}

/**
 * What each client may be sent: how many filters it has, at which QoS, and whether there is room for it.
 * Aedes has neither a bound nor a memory of these, and applies the granted QoS to exact filters only (deliverQoS in
 * aedes/lib/client.js).
 */
export class Subscribers {
  readonly #limits: SubscriberLimits
  readonly #monotonic: () => number
  readonly #shed: (client: Client, guard: Guard) => void
  readonly #granted = new WeakMap<Client, Granted>()
  readonly #stored: Stored
  #cost = 0

  constructor(options: {
    limits: SubscriberLimits
    stored: Stored
    monotonic: () => number
    shed: (client: Client, guard: Guard) => void
  }) {
    this.#limits = options.limits
    this.#stored = options.stored
    this.#monotonic = options.monotonic
    this.#shed = options.shed
  }

  /** A filter of a SUBSCRIBE, or of a session that returns. False: the client has too many. */
  grant(client: Client, { topic, qos }: Subscription): boolean {
    const granted = this.#granted.get(client) ?? this.#first(client)
    const { filters, counts } = granted
    const before = filters.get(topic)
    if (before === undefined) {
      if (filters.size >= this.#limits.maxFilters || !this.#hasRoom(client, topic)) return false
      this.#pay(granted, costOf(topic))
    } else counts[before as 0 | 1 | 2] -= 1
    filters.set(topic, qos)
    counts[qos as 0 | 1 | 2] += 1
    return true
  }

  #first(client: Client): Granted {
    const granted: Granted = { filters: new Map(), counts: [0, 0, 0], cost: 0, isGone: client.conn.destroyed }
    this.#granted.set(client, granted)
    client.conn.once('close', () => {
      this.#cost -= granted.cost
      granted.isGone = true
    })
    return granted
  }

  #pay(granted: Granted, cost: number): void {
    if (granted.isGone) return
    granted.cost += cost
    this.#cost += cost
  }

  /** What a session has already is never refused: it was bounded when it came. */
  #hasRoom(client: Client, topic: string): boolean {
    const cost = costOf(topic)
    const { filters } = this.#stored
    return Math.max(this.#cost, client.clean ? 0 : filters.cost) + cost <= maxCost || filters.has(client.id, topic)
  }

  /** Whether a filter was granted. */
  holds(client: Client, topic: string): boolean {
    return this.#granted.get(client)?.filters.has(topic) === true
  }

  /** The client has unsubscribed. */
  drop(client: Client, topics: readonly string[]): void {
    const granted = this.#granted.get(client)
    for (const topic of topics) {
      const qos = granted?.filters.get(topic)
      if (granted === undefined || qos === undefined) continue
      granted.filters.delete(topic)
      this.#pay(granted, -costOf(topic))
      granted.counts[qos as 0 | 1 | 2] -= 1
    }
  }

  /**
   * A message on its way to a client: what of it is delivered, and whether. A slow client misses messages of QoS 0, counted; it is cut
   * when too much of QoS 1 or 2 waits for it, and finds that in its session when it returns.
   */
  forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const guard = client.conn as Guard
    // A test may hand Aedes a bare stream.
    if (!(guard instanceof Guard)) return packet
    // What is retained or kept in a session comes as fast as it is read: see `paced`.
    const live = !packet.retain && packet.messageId === undefined
    if (live && packet.qos > 0) {
      const qos = Math.min(packet.qos, this.#most(client, packet.topic))
      if (qos < packet.qos) packet.qos = qos as 0 | 1 | 2
    }
    if (packet.qos > 0) {
      guard.output.promise(this.#monotonic())
      if (!live || guard.waiting <= this.#limits.maxOutput) return packet
      guard.slow(`it reads too slowly: ${guard.waiting} bytes wait (broker.limits.maxOutput)`)
      return null
    }
    if (!live || (!guard.output.full && guard.waiting <= this.#limits.shedOutput)) return packet
    guard.shed += 1
    this.#shed(client, guard)
    return null
  }

  /** The highest QoS that the client's filters grant to a topic [MQTT-3.3.5-1]. */
  #most(client: Client, topic: string): number {
    const granted = this.#granted.get(client)
    if (granted === undefined) return 2
    const { filters, counts } = granted
    const [none, one, two] = counts
    if (none === 0 && one === 0) return 2
    if (two === 0 && (none === 0 || one === 0)) return one > 0 ? 1 : 0
    return most(filters, topic)
  }
}

function most(filters: Iterable<readonly [string, number]>, topic: string): number {
  let highest = -1
  for (const [filter, qos] of filters) if (qos > highest && qos <= 2 && matches(filter, topic)) highest = qos
  return highest < 0 ? 2 : highest
}

/** [MQTT-4.7] */
export function matches(filter: string, topic: string): boolean {
  const [wanted, given] = [filter.split('/'), topic.split('/')]
  if (given[0]?.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true
    if (given[at] === undefined || (level !== '+' && level !== given[at])) return false
  }
  return wanted.length === given.length
}

interface Streams {
  createRetainedStreamCombi(filters: readonly string[]): Readable
  outgoingStream(client: { id: string }): Readable
  addSubscriptions(client: { id: string }, subscriptions: readonly { topic: string }[]): Promise<void>
}

/**
 * Makes what the store sends wait until the client has room: as nobody else waits for it, it need not be shed. Retained messages go out at
 * min(published, granted) [MQTT-3.8.4-6]. Aedes does not say who asks for retained messages, but it emits 'subscribe' right before:
 * the returned function must be told. Aedes stores a whole SUBSCRIBE once for each of its filters, and refused ones too (storeSubscriptions
 * in its subscribe.js); here each that was granted is stored once.
 */
export function paceStreams(
  store: Streams,
  holds: (client: Client, topic: string) => boolean
): (subs: readonly Subscription[], client: Client) => void {
  let asking: { client: Client; subs: readonly Subscription[] } | undefined
  const retained = store.createRetainedStreamCombi.bind(store)
  const outgoing = store.outgoingStream.bind(store)
  const add = store.addSubscriptions.bind(store)
  store.createRetainedStreamCombi = (filters) => {
    const found = retained(filters)
    const asked = asking
    asking = undefined
    return asked === undefined ? found : Readable.from(paced(found, asked.client, asked.subs), { highWaterMark: 1 })
  }
  store.outgoingStream = (client) => {
    const found = outgoing(client)
    return 'conn' in client ? Readable.from(paced(found, client as Client), { highWaterMark: 1 }) : found
  }
  const stored = new WeakMap<object, number>()
  store.addSubscriptions = (client, subscriptions) => {
    const from = stored.get(subscriptions) ?? 0
    const granted = subscriptions.map(({ topic }, at) => at >= from && holds(client as Client, topic))
    stored.set(subscriptions, granted.lastIndexOf(true) + 1)
    return add(
      client,
      subscriptions.filter((_, at) => granted[at])
    )
  }
  return (subs, client) => (asking = { client, subs })
}

async function* paced(found: Readable, client: Client, subs: readonly Subscription[] = []): AsyncGenerator {
  const granted = subs.map(({ topic, qos }) => [topic, qos as number] as const)
  const alike = granted.every(([, qos]) => qos === granted[0]?.[1])
  const guard = client.conn as Guard
  for await (const packet of found as AsyncIterable<AedesPublishPacket>) {
    if (guard instanceof Guard) {
      await guard.output.room()
      if (guard.destroyed) return
    }
    const qos = granted.length === 0 ? 2 : alike ? (granted[0] as readonly [string, number])[1] : most(granted, packet.topic)
    yield qos < packet.qos ? { ...packet, qos } : packet
  }
}
