import type { Client } from 'aedes'
import type { Logger } from '../adapter.js'
import { Throttle } from '../log.js'
import { NotLetIn } from './admission.js'
import { Cut } from './guard.js'
import type { Guard } from './guard.js'
import { LimitHits } from './limit-hits.js'

/** Seconds between two log lines about the same fault from the same address, or about the same slow client. */
const toldEvery = 10

/** Codes and messages of errors by which a client merely goes. */
const hangUps = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'connection closed'])

/** What the broker refuses: counted each time, and told in the log with restraint. */
export class Reports {
  readonly hits = new LimitHits()
  readonly #log: Logger
  readonly #throttle: Throttle
  readonly #told = new WeakSet<Client>()

  constructor(log: Logger, monotonic: () => number) {
    this.#log = log
    this.#throttle = new Throttle(toldEvery, monotonic)
  }

  /** One line a connection: Aedes tells the error of every write that was still waiting. That somebody hung up is no news. */
  cut(client: Client, error: Error, fields: object, message: string): void {
    if (this.#told.has(client)) return
    this.#told.add(client)
    if (error instanceof NotLetIn) return
    if (error instanceof Cut) this.hits.hit(error.rule)
    else if (error.message === 'connect did not arrive in time') this.hits.hit('connectTime')
    const quiet = hangUps.has((error as NodeJS.ErrnoException).code ?? error.message)
    const { address, shed } = client.conn as Guard
    const held = quiet ? 0 : this.#throttle.pass(`${address} ${kindOf(error)}`)
    if (held === undefined) return
    const more = { ...(shed > 0 ? { missed: shed } : {}), ...(held > 0 ? { alike: held } : {}) }
    this.#log[quiet ? 'debug' : 'info']({ ...fields, address, reason: error.message, ...more }, message)
  }

  /** There are too many connections. */
  turnedAway(rule: 'maxConnections' | 'maxConnectRate', address: string): void {
    this.hits.hit(rule)
    const held = this.#throttle.pass(`${address} ${rule}`)
    const limit = rule === 'maxConnections' ? 'maxConnections or maxConnectionsPerAddress' : 'maxConnectRate'
    if (held !== undefined) this.#log.warn({ address, alike: held }, `a connection was closed: there are too many (broker.limits.${limit})`)
  }

  /** A message was not kept for an absent client. */
  dropped(client: string, total: bigint): void {
    this.hits.hit('maxQueued')
    const held = this.#throttle.pass(`queued ${client}`)
    if (held !== undefined)
      this.#log.warn(
        { client, lost: Number(total) },
        'messages for an absent client are dropped: too many wait (broker.limits.maxQueued, maxQueuedBytes)'
      )
  }

  /** A slow client missed a message of QoS 0. */
  shed(client: Client, guard: Guard): void {
    this.hits.hit('shedOutput')
    const held = this.#throttle.pass(`shed ${client.id}`)
    if (held !== undefined)
      this.#log.warn(
        { client: client.id, missed: guard.shed },
        'a client reads slowly: it misses messages of QoS 0 (broker.limits.shedOutput)'
      )
  }

  /** A filter was answered with 0x80. */
  filterRefused(client: Client, filter: string, rule: 'maxFilters' | 'shared'): void {
    this.hits.hit(rule === 'shared' ? 'protocol' : rule)
    const held = this.#throttle.pass(`${rule} ${client.id}`)
    const why = rule === 'shared' ? 'shared subscriptions are of MQTT 5' : 'broker.limits.maxFilters'
    if (held !== undefined) this.#log.warn({ client: client.id, filter, alike: held }, `a filter was refused (${why})`)
  }
}

/** Which fault it is, without what the client chose: lengths, and whatever else is in the words. */
function kindOf(error: Error): string {
  if (error instanceof Cut) return error.rule
  return (error as NodeJS.ErrnoException).code ?? error.message.replace(/\d+/g, '0')
}
