import { Aedes } from 'aedes'
import type { AedesPublishPacket, Client } from 'aedes'
import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Logger } from '../adapter.js'
import { GatewayError } from '../errors.js'
import type { Kind } from '../topic.js'
import type { Contract, MutablePacket } from './contract.js'
import { Guard } from './guard.js'
import { Queue } from './queue.js'
import type { Publish } from './queue.js'
import { Store } from './store/store.js'

export interface BrokerOptions {
  readonly log: Logger
  /** Messages of the gateway that may wait. */
  readonly maxQueue: number
  /** Bytes of one packet of a client. */
  readonly maxPacket: number
  readonly shed: (kind: Kind | 'dead') => void
}

/** Seconds for which a subscriber may refuse to read before it is cut; meanwhile it holds up others (BROKER.md section 3). */
const drainTimeout = 5

/** Codes and messages of errors by which a client merely goes. */
const hangUps = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'connection closed'])

/** The embedded Aedes, with its store in memory, the contract on every message, and the queue of the gateway's own. */
export class Broker {
  readonly #log: Logger
  readonly #store = new Store()
  readonly #aedes: Aedes
  readonly #queue: Queue
  readonly #maxPacket: number
  readonly #told = new WeakSet<Client>()
  #contract: Contract | undefined
  #onPresence: ((client: string, present: boolean) => void) | undefined

  constructor(options: BrokerOptions) {
    this.#log = options.log
    this.#maxPacket = options.maxPacket
    this.#aedes = new Aedes({
      persistence: this.#store,
      connectTimeout: 10_000,
      drainTimeout: drainTimeout * 1000,
      // No limit: at a limit Aedes' emitter lets one stalled subscriber hold up everybody, and when it then works off what piled up
      // it recurses until the stack is full (measured with 4000 messages that nobody had subscribed to).
      concurrency: 0,
      authorizePublish: (client, packet, callback) => this.#authorizePublish(client, packet, callback)
    })
    this.#queue = new Queue({
      max: options.maxQueue,
      shed: options.shed,
      deliver: (message, done) =>
        this.#aedes.publish(message, (error) => {
          if (error) this.#log.error({ topic: message.topic, err: error }, 'the broker could not publish')
          done()
        })
    })
    this.#aedes.on('clientReady', (client) => this.#onPresence?.(client.id, true))
    this.#aedes.on('clientDisconnect', (client) => this.#onPresence?.(client.id, false))
    this.#aedes.on('clientError', (client, error) => this.#cut(client, error, { client: client.id }, 'an MQTT client was cut'))
    this.#aedes.on('connectionError', (client, error) => this.#cut(client, error, {}, 'a connection was no MQTT client and was cut'))
    // Not typed by Aedes, but emitted; without a listener it would end the process.
    const emitter: EventEmitter = this.#aedes
    emitter.on('error', (error: Error) => this.#log.error({ err: error }, 'the broker failed'))
  }

  /** Opens nothing to the outside. `presence` is told of every client that comes or goes. */
  async start(contract: Contract, presence: (client: string, present: boolean) => void): Promise<void> {
    this.#contract = contract
    this.#onPresence = presence
    await this.#aedes.listen()
  }

  /** A connection of an MQTT client, from whatever listener. */
  readonly handle = (stream: Duplex): void => {
    this.#aedes.handle(new Guard(stream, this.#maxPacket))
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

  get clientCount(): number {
    return this.#aedes.connectedClients
  }

  get retainedCount(): number {
    return this.#store.retainedCount()
  }

  /** Delivers what waits, within the time limit, then closes every connection. */
  async stop(seconds: number): Promise<void> {
    await this.#queue.flush(seconds)
    this.#queue.close()
    await new Promise<void>((resolve) => this.#aedes.close(resolve))
  }

  /** One line a connection: Aedes tells the error of every write that was still waiting. That somebody hung up is no news. */
  #cut(client: Client, error: Error, fields: object, message: string): void {
    if (this.#told.has(client)) return
    this.#told.add(client)
    const level = hangUps.has((error as NodeJS.ErrnoException).code ?? error.message) ? 'debug' : 'info'
    this.#log[level]({ ...fields, reason: error.message }, message)
  }

  #authorizePublish(client: Client | null, packet: object, callback: (error?: Error | null) => void): void {
    const published = packet as MutablePacket & Pick<AedesPublishPacket, 'messageId'>
    // A QoS 2 message sent again is thrown away by Aedes after this hook; a command must not be carried out for it.
    const again =
      published.qos === 2 && client !== null && published.messageId !== undefined && this.#store.hasIncoming(client.id, published.messageId)
    try {
      if (!again) this.#contract?.apply(published, client?.id ?? '')
      callback(null)
    } catch (error) {
      this.#log.error({ err: error, topic: published.topic }, 'the contract failed on a message; it was not published')
      callback(new GatewayError('Internal', 'the message could not be judged', { cause: error }))
    }
  }
}
