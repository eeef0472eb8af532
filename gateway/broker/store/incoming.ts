import type { Journal } from './journal.js'
import { type PacketLike, publishOf, type Publish } from './packet.js'
import { clientKey, decodePacket, encodePacket, kinds, ordered, readClientKey, sizeOf } from './record.js'

/** Bytes of a message that is kept whole; of a larger one the id is enough: nobody asks for more, and many would fill the memory. */
const whole = 2048

/** QoS 2 messages received, until their PUBREL: by client and packet id, to know a repetition [MQTT-4.3.3-2]. */
export class Incoming {
  readonly #byClient = new Map<string, Map<number, Publish>>()
  readonly #journal: Journal | undefined

  constructor(journal?: Journal) {
    this.#journal = journal
  }

  put(clientId: string, packet: PacketLike): void {
    if (packet.messageId === undefined) return
    let own = this.#byClient.get(clientId)
    if (!own) this.#byClient.set(clientId, (own = new Map()))
    const copy = sizeOf(packet) > whole ? publishOf({ ...packet, topic: '', payload: '' }) : publishOf(packet)
    const kept = { ...copy, messageId: packet.messageId }
    own.set(packet.messageId, kept)
    this.#journal?.put(rowOf(clientId, packet.messageId), () => encodePacket(kept), sizeOf(kept))
  }

  /** At start. */
  restore(key: string, value: Buffer): PacketLike {
    const { clientId } = readClientKey(key)
    const { packet } = decodePacket(value)
    const own = this.#byClient.get(clientId) ?? new Map<number, Publish>()
    this.#byClient.set(clientId, own.set(packet.messageId ?? 0, packet as Publish))
    return packet
  }

  *rows(): Generator<[string, Buffer]> {
    for (const [clientId, own] of this.#byClient) for (const [id, packet] of own) yield [rowOf(clientId, id), encodePacket(packet)]
  }

  get(clientId: string, messageId: number | undefined): Publish | undefined {
    return messageId === undefined ? undefined : this.#byClient.get(clientId)?.get(messageId)
  }

  delete(clientId: string, messageId: number | undefined): boolean {
    const own = this.#byClient.get(clientId)
    if (messageId === undefined || !own?.delete(messageId)) return false
    this.#journal?.del(rowOf(clientId, messageId))
    if (own.size === 0) this.#byClient.delete(clientId)
    return true
  }

  drop(clientId: string): void {
    for (const messageId of this.#byClient.get(clientId)?.keys() ?? []) this.#journal?.del(rowOf(clientId, messageId))
    this.#byClient.delete(clientId)
  }

  of(clientId: string): number {
    return this.#byClient.get(clientId)?.size ?? 0
  }

  clients(): string[] {
    return [...this.#byClient.keys()]
  }

  get size(): number {
    let size = 0
    for (const own of this.#byClient.values()) size += own.size
    return size
  }
}

function rowOf(clientId: string, messageId: number): string {
  return clientKey(kinds.receiving, clientId, ordered(messageId))
}
