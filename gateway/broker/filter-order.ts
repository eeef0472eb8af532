import type { Client, Subscription } from 'aedes'
import { later } from './store/answer.js'
import type { OrderedAedes } from './order.js'
import type { Store } from './store/store.js'

/** SUBSCRIBE and UNSUBSCRIBE of a client that wait for an UNSUBSCRIBE before them. */
class Line {
  /** UNSUBSCRIBEs that the store has, and Aedes has not dealt with. */
  removing = 0
  readonly waiting: { readonly isRemoval: boolean; readonly run: () => void }[] = []

  /** In the order in which they came; a SUBSCRIBE goes when no UNSUBSCRIBE before it is under way. */
  drain(): void {
    for (let next = this.waiting[0]; next !== undefined && (next.isRemoval || this.removing === 0); next = this.waiting[0]) {
      this.waiting.shift()
      next.run()
    }
  }
}

/** What Aedes' types leave out. */
interface Parsed {
  readonly cmd: string
  messageId?: number | undefined
  readonly subscriptions?: readonly Subscription[]
}
type Inner = Client & { readonly _parser: { prependListener(event: 'packet', listener: (packet: Parsed) => void): void } }

/** A SUBSCRIBE that names a filter twice. */
interface Twice {
  readonly messageId: number
  readonly topics: readonly string[]
}

/**
 * SUBSCRIBE and UNSUBSCRIBE of a client take effect in the order in which it sent them, and each filter of a SUBSCRIBE is answered.
 *
 * Aedes hands an UNSUBSCRIBE of a persistent session to the store and looks at the next packet meanwhile: a SUBSCRIBE of the same filter
 * right behind it would find the subscription still there, and be lost with it (addSubs in subscribe.js, doUnsubscribe in unsubscribe.js).
 * Of a filter that comes twice in one SUBSCRIBE Aedes keeps the last and answers one of them (_dedupe); the answer must have as many
 * return codes as there were filters [MQTT-3.8.4-5].
 */
export class FilterOrder {
  readonly #lines = new WeakMap<object, Line>()
  readonly #twice = new WeakMap<Subscription, Twice>()

  /** Before `aedes.listen()`, and after everybody else who listens for its `unsubscribe`. */
  constructor(aedes: OrderedAedes, store: Store) {
    const { preConnect, authorizeSubscribe } = aedes
    const removeSubscriptions = store.removeSubscriptions.bind(store)
    aedes.preConnect = (client, packet, callback) => {
      const { _parser: parser } = client as Inner
      parser.prependListener('packet', (next) => this.#arrived(next))
      preConnect(client, packet, callback)
    }
    aedes.authorizeSubscribe = (client, subscription, callback) => {
      const line = this.#lines.get(client)
      const run = (): void => authorizeSubscribe(client, subscription, callback)
      if (line === undefined || (line.removing === 0 && line.waiting.length === 0)) run()
      else line.waiting.push({ isRemoval: false, run })
    }
    store.removeSubscriptions = (client, filters) => {
      const line = this.#line(client)
      const begin = (): Promise<void> => {
        line.removing += 1
        return removeSubscriptions(client, filters)
      }
      if (line.waiting.length === 0) return begin()
      return later((run) => line.waiting.push({ isRemoval: true, run: () => void begin().then(run) }))
    }
    aedes.on('unsubscribe', (_topics, client) => {
      const line = this.#lines.get(client)
      if (line === undefined) return
      line.removing = Math.max(0, line.removing - 1)
      if (!client.closed) line.drain()
    })
    aedes.on('subscribe', (granted, client) => this.#answer(granted, client))
  }

  #line(client: object): Line {
    const line = this.#lines.get(client) ?? new Line()
    this.#lines.set(client, line)
    return line
  }

  /** Before Aedes sees the packet: without a packet id Aedes does not answer it. */
  #arrived(packet: Parsed): void {
    const { cmd, messageId, subscriptions } = packet
    if (cmd !== 'subscribe' || subscriptions === undefined || messageId === undefined || subscriptions.length === 1) return
    const topics = subscriptions.map(({ topic }) => topic)
    if (new Set(topics).size === topics.length) return
    for (const subscription of subscriptions) this.#twice.set(subscription, { messageId, topics })
    packet.messageId = undefined
  }

  #answer(granted: readonly Subscription[], client: Client): void {
    const twice = granted[0] && this.#twice.get(granted[0])
    if (twice === undefined || client.closed) return
    const codes = new Map(granted.map(({ topic, qos }) => [topic, qos as number]))
    client.conn.write(suback(twice.messageId, Buffer.from(twice.topics.map((topic) => codes.get(topic) ?? refused))))
  }
}

const refused = 0x80

/** MQTT 3.1.1 section 3.9. */
function suback(messageId: number, codes: Buffer): Buffer {
  const head = [0x90]
  for (let left = codes.length + 2; left > 0; left >>>= 7) head.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
  return Buffer.concat([Buffer.from([...head, messageId >> 8, messageId & 0xff]), codes])
}
