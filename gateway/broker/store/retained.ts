import type { PacketLike } from './packet.js'
import { TopicTree } from './tree.js'

/** The last retained message of each topic. */
export class Retained {
  readonly #tree = new TopicTree<PacketLike>()

  get size(): number {
    return this.#tree.size
  }

  get(topic: string): PacketLike | undefined {
    return this.#tree.get(topic)
  }

  /** An empty payload removes what was there [MQTT-3.3.1-10]. */
  put(packet: PacketLike): void {
    const topic = packet.topic ?? ''
    if (packet.payload?.length) this.#tree.set(topic, { ...packet })
    else this.#tree.delete(topic)
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
