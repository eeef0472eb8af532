import { type PacketLike, publishOf, type Publish } from './packet.js'

/** QoS 2 messages received, until their PUBREL: by client and packet id, to know a repetition [MQTT-4.3.3-2]. */
export class Incoming {
  readonly #byClient = new Map<string, Map<number, Publish>>()

  put(clientId: string, packet: PacketLike): void {
    if (packet.messageId === undefined) return
    let own = this.#byClient.get(clientId)
    if (!own) this.#byClient.set(clientId, (own = new Map()))
    own.set(packet.messageId, { ...publishOf(packet), messageId: packet.messageId })
  }

  get(clientId: string, messageId: number | undefined): Publish | undefined {
    return messageId === undefined ? undefined : this.#byClient.get(clientId)?.get(messageId)
  }

  delete(clientId: string, messageId: number | undefined): boolean {
    const own = this.#byClient.get(clientId)
    if (messageId === undefined || !own?.delete(messageId)) return false
    if (own.size === 0) this.#byClient.delete(clientId)
    return true
  }

  drop(clientId: string): void {
    this.#byClient.delete(clientId)
  }

  get size(): number {
    let size = 0
    for (const own of this.#byClient.values()) size += own.size
    return size
  }
}
