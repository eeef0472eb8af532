import { Readable } from 'node:stream'
import type { Client } from 'aedes'
import { Outlet } from './outlet.js'
import { done } from './store/answer.js'
import type { OrderedAedes } from './order.js'
import type { PacketLike, Subscription } from './store/packet.js'
import type { Store } from './store/store.js'

export interface DeliveryOptions {
  readonly window: number
  readonly shed: (client: Client) => void
  /** Whether it may be sent what waits in its session, which may be from before it had the rights that it has. */
  readonly mayHave: (client: Client, packet: PacketLike) => boolean
}

/** What Aedes' types leave out of its Client: both functions are properties of each client, taken when it subscribes (addSubs). */
type Inner = Client & {
  deliver0: Outlet['deliver0']
  deliverQoS: Outlet['deliverQoS']
}

/**
 * Goes with the subscriptions of a session that returns, of which there may be none: Aedes tells "session present" by their number (gotSubs
 * in connect.js), and only after it has asked about each whether it is allowed (restoreSubs).
 */
const none: Subscription = { topic: 'none', qos: 0 }

/**
 * What goes to clients goes through an {@link Outlet}, in order. Puts one into every client of Aedes, and tells it what it has to know
 * by standing between Aedes and the store: which ids are open, which are acknowledged.
 *
 * A session that returns: Aedes sends again what had been sent, with DUP, and the outlet goes on with the rest.
 */
export class Delivery {
  readonly #aedes: OrderedAedes
  readonly #store: Store
  readonly #options: DeliveryOptions
  readonly #outlets = new WeakMap<object, Outlet>()
  /** Up to which message a client's last SUBSCRIBE had not seen: what is retained later came to it as it was published. */
  readonly #subscribed = new WeakMap<Client, number>()

  /** Before `aedes.listen()`. */
  constructor(aedes: OrderedAedes, store: Store, options: DeliveryOptions) {
    this.#aedes = aedes
    this.#store = store
    this.#options = options
    this.#joinClients()
    this.#joinStore()
    this.#joinWills()
  }

  #joinClients(): void {
    const aedes = this.#aedes
    const { preConnect, authorizeSubscribe } = aedes
    aedes.preConnect = (client, packet, callback) => {
      this.#open(client as Inner)
      preConnect(client, packet, callback)
    }
    // Later than Aedes can go on, see `none`.
    aedes.authorizeSubscribe = (client, subscription, callback) => {
      if ((subscription as Subscription) === none) setImmediate(callback, null, null)
      else authorizeSubscribe(client, subscription, callback)
    }
    aedes.on('clientReady', (client) => client.closed || this.#outlets.get(client)?.start())
    aedes.on('clientDisconnect', (client) => this.#outlets.get(client)?.close())
    aedes.on('subscribe', (_subscriptions, client) => this.#subscribed.set(client, this.#aedes.counter))
  }

  #joinStore(): void {
    const store = this.#store
    const subscriptionsByClient = store.subscriptionsByClient.bind(store)
    const outgoingStream = store.outgoingStream.bind(store)
    const outgoingClearMessageId = store.outgoingClearMessageId.bind(store)
    // Aedes asks for them once, when a client connects that wants its session back.
    store.subscriptionsByClient = (client) => {
      const present = store.openSession(client.id)
      return subscriptionsByClient(client).then((found) => (present ? [...found, none] : found))
    }
    store.outgoingStream = (client) => {
      const outlet = this.#outlets.get(client)
      return outlet === undefined ? outgoingStream(client) : Readable.from(sentBefore(outgoingStream(client), outlet), { highWaterMark: 1 })
    }
    store.outgoingClearMessageId = (client, packet) => {
      const settled = outgoingClearMessageId(client, packet)
      this.#outlets.get(client)?.acknowledged(packet.messageId)
      return settled
    }
  }

  /**
   * A client that takes over a session brings its own will; when Aedes has closed the old connection and published the old will, it
   * deletes the new one (`finish` in client.js names the client only by its id).
   */
  #joinWills(): void {
    const store = this.#store
    const [putWill, delWill] = [store.putWill.bind(store), store.delWill.bind(store)]
    const owners = new Map<string, Client>()
    store.putWill = (client, will) => {
      owners.set(client.id, client as Client)
      return putWill(client, will)
    }
    store.delWill = (client) => {
      const owner = owners.get(client.id)
      if (owner !== undefined && owner !== client && !owner.closed && !('conn' in client)) return done(undefined)
      owners.delete(client.id)
      return delWill(client)
    }
  }

  #open(client: Inner): void {
    const store = this.#store
    const outlet = new Outlet(client, {
      window: this.#options.window,
      authorizeForward: (to, packet) => this.#aedes.authorizeForward(to, packet),
      update: (to, packet) => store.sending(to, packet),
      unsent: (id) => store.unsent(id).filter((packet) => this.#options.mayHave(client, packet)),
      shed: this.#options.shed
    })
    this.#outlets.set(client, outlet)
    client.deliver0 = outlet.deliver0
    // Retained messages come by this way too, without a broker id (completeSubscribe in subscribe.js).
    client.deliverQoS = (packet, written) =>
      packet.brokerId === null ? this.#retained(client, outlet, packet, written) : outlet.deliverQoS(packet, written)
  }

  /** Aedes reads what is retained some time before it comes here: a newer message may have gone out meanwhile. */
  #retained(client: Inner, outlet: Outlet, packet: PacketLike, written: () => void): void {
    const { topic = '' } = packet
    const now = this.#store.retained(topic)
    if (now === undefined || (now.brokerCounter ?? 0) > (this.#subscribed.get(client) ?? Infinity)) {
      setImmediate(written)
      return
    }
    const { qos = 0 } = packet
    if (qos > 0 && !client.clean) {
      packet.brokerId = this.#aedes.id
      // Kept until it is acknowledged, and kept retained.
      void this.#store.outgoingEnqueueCombi([{ clientId: client.id, qos, rap: true }], packet)
    }
    outlet.retained(packet, written)
  }
}

async function* sentBefore(stream: Readable, outlet: Outlet): AsyncGenerator<PacketLike> {
  for await (const packet of stream as AsyncIterable<PacketLike>) {
    if (packet.messageId === undefined) continue
    outlet.resent(packet.messageId)
    yield packet
  }
}
