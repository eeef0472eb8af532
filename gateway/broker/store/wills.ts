import type { PacketLike } from './packet.js'

export interface Will extends PacketLike {
  clientId: string
  brokerId: string
}

/** The wills of connected clients. */
export class Wills {
  readonly #byClient = new Map<string, Will>()

  /** Marks the caller's own object: Aedes and the exam of aedes-persistence expect to find brokerId and clientId on it. */
  put(clientId: string, brokerId: string, packet: PacketLike): void {
    this.#byClient.set(clientId, Object.assign(packet, { clientId, brokerId }))
  }

  get(clientId: string): Will | undefined {
    return this.#byClient.get(clientId)
  }

  take(clientId: string): Will | undefined {
    const will = this.#byClient.get(clientId)
    this.#byClient.delete(clientId)
    return will
  }

  /** Of brokers that are not among those alive. */
  *orphans(alive: Readonly<Record<string, unknown>>): Generator<Will> {
    for (const will of this.#byClient.values()) {
      if (!alive[will.brokerId]) yield will
    }
  }
}
