import type { Journal } from './journal.js'
import { type PacketLike, ownOf } from './packet.js'
import { decodePacket, encodePacket, kinds, sizeOf } from './record.js'
import { type Place, TopicTree } from './tree.js'

/** The last retained message of each topic. */
export class Retained {
  readonly #tree = new TopicTree<PacketLike>()
  /** The way through the tree is for wildcards: a topic is written again and again. */
  readonly #places = new Map<string, Place<PacketLike>>()
  readonly #journal: Journal | undefined

  constructor(journal?: Journal) {
    this.#journal = journal
  }

  get size(): number {
    return this.#tree.size
  }

  get(topic: string): PacketLike | undefined {
    return this.#places.get(topic)?.value
  }

  /** An empty payload removes what was there [MQTT-3.3.1-10]. */
  put(packet: PacketLike): void {
    const topic = packet.topic ?? ''
    if (packet.payload?.length) {
      const kept = { ...packet, payload: ownOf(packet.payload) }
      this.#set(topic, kept)
      this.#journal?.put(kinds.retained + topic, () => encodePacket(kept), sizeOf(kept))
    } else if (this.#places.delete(topic)) {
      this.#tree.delete(topic)
      this.#journal?.del(kinds.retained + topic)
    }
  }

  /** At start. */
  restore(key: string, value: Buffer): PacketLike {
    const { packet } = decodePacket(value)
    this.#set(packet.topic ?? key.slice(1), packet)
    return packet
  }

  *rows(): Generator<[string, Buffer]> {
    for (const packet of this.all()) yield [kinds.retained + (packet.topic ?? ''), encodePacket(packet)]
  }

  /** Of every topic, those that begin with $ too. */
  all(): Generator<PacketLike> {
    return this.#tree.values()
  }

  #set(topic: string, packet: PacketLike): void {
    const place = this.#places.get(topic)
    if (place === undefined) this.#places.set(topic, this.#tree.set(topic, packet))
    else place.value = packet
  }

  /** Each topic once, however many of the filters match it. */
  *find(filters: readonly string[]): Generator<PacketLike> {
    const seen = filters.length > 1 ? new Set<string | undefined>() : undefined
    for (const filter of filters) {
      for (const packet of this.#tree.underFilter(filter)) {
        if (seen?.has(packet.topic)) continue
        seen?.add(packet.topic)
        yield packet
      }
    }
  }
}
