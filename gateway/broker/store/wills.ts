import type { Journal } from './journal.js'
import type { PacketLike } from './packet.js'
import { clientKey, decodePacket, encodePacket, kinds, readClientKey, sizeOf } from './record.js'

export interface Will extends PacketLike {
  clientId: string
  brokerId: string
}

/** The wills of connected clients. */
export class Wills {
  readonly #byClient = new Map<string, Will>()
  readonly #journal: Journal | undefined

  constructor(journal?: Journal) {
    this.#journal = journal
  }

  /** Marks the caller's own object: Aedes and the exam of aedes-persistence expect to find brokerId and clientId on it. */
  put(clientId: string, brokerId: string, packet: PacketLike): void {
    const will = Object.assign(packet, { clientId, brokerId })
    this.#byClient.set(clientId, will)
    this.#journal?.put(clientKey(kinds.will, clientId), () => encodePacket(will), sizeOf(will))
    this.#journal?.flushSoon()
  }

  /** At start: of a client that was connected at the end of the last run. */
  restore(key: string, value: Buffer): void {
    const { clientId } = readClientKey(key)
    const { packet } = decodePacket(value)
    this.#byClient.set(clientId, Object.assign(packet, { clientId, brokerId: packet.brokerId ?? '' }))
  }

  all(): Will[] {
    return [...this.#byClient.values()]
  }

  *rows(): Generator<[string, Buffer]> {
    for (const [clientId, will] of this.#byClient) yield [clientKey(kinds.will, clientId), encodePacket(will)]
  }

  get(clientId: string): Will | undefined {
    return this.#byClient.get(clientId)
  }

  take(clientId: string): Will | undefined {
    const will = this.#byClient.get(clientId)
    if (this.#byClient.delete(clientId)) this.#journal?.del(clientKey(kinds.will, clientId))
    return will
  }

  /** Of brokers that are not among those alive. */
  *orphans(alive: Readonly<Record<string, unknown>>): Generator<Will> {
    for (const will of this.#byClient.values()) {
      if (!alive[will.brokerId]) yield will
    }
  }
}
