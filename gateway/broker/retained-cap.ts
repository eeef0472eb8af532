import { GatewayError } from '../errors.js'
import type { MutablePacket } from './contract.js'

export interface RetainedLimits {
  readonly maxRetained: number
  /** Of topics and payloads. */
  readonly maxRetainedBytes: number
}

interface Kept {
  readonly topic?: string | undefined
  readonly payload?: Buffer | string | undefined
}

/** What the store knows of retained messages. */
interface Retainer {
  retained(topic: string): Kept | undefined
  retainedCount(): number
  storeRetained(packet: Kept): Promise<void>
}

/** Bounds what clients may have retained. What the gateway retains itself is bounded where it is made, but counts. */
export class RetainedCap {
  readonly #store: Retainer
  readonly #limits: RetainedLimits
  #bytes = 0

  /** Counts what `store` is given from now on. */
  constructor(store: Retainer, limits: RetainedLimits) {
    this.#store = store
    this.#limits = limits
    const storeRetained = store.storeRetained.bind(store)
    store.storeRetained = (packet) => {
      const before = size(store.retained(packet.topic ?? ''))
      const stored = storeRetained(packet)
      this.#bytes += size(store.retained(packet.topic ?? '')) - before
      return stored
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Counts what was retained before this run. */
  restored(packets: Iterable<Kept>): void {
    for (const packet of packets) this.#bytes += size(packet)
  }

  /** Why a message cannot be retained. Forgetting, and what gets no larger, always can. */
  check({ retain, topic, payload }: MutablePacket): GatewayError | undefined {
    if (!retain || payload.length === 0) return undefined
    const { maxRetained, maxRetainedBytes } = this.#limits
    const before = this.#store.retained(topic)
    if (before === undefined && this.#store.retainedCount() >= maxRetained)
      return new GatewayError('RateLimited', `${maxRetained} messages are retained (broker.limits.maxRetained)`, { rule: 'retained' })
    const more = size({ topic, payload }) - size(before)
    if (more > 0 && this.#bytes + more > maxRetainedBytes)
      return new GatewayError('RateLimited', `${this.#bytes} bytes are retained (broker.limits.maxRetainedBytes)`, { rule: 'retained' })
    return undefined
  }
}

/** Levels of a topic beyond which each costs as much as a place in the tree takes. */
const freeLevels = 8
const levelBytes = 256

/** Bytes, near enough. */
function size(packet: Kept | undefined): number {
  if (packet === undefined) return 0
  const { topic = '', payload = '' } = packet
  let levels = 1
  for (let at = topic.indexOf('/'); at >= 0; at = topic.indexOf('/', at + 1)) levels += 1
  return topic.length + payload.length + Math.max(0, levels - freeLevels) * levelBytes
}
