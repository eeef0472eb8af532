import type { Journal } from './journal.js'
import type { ClientRef, PacketLike } from './packet.js'
import { Queue, type Entry, type QueueRows } from './queue.js'
import { clientKey, decodePacket, encodePacket, kinds, ordered, readClientKey, sizeOf } from './record.js'

/** The queues of all sessions, and the numbers of their connections. */
export class Outgoing {
  readonly #queues = new Map<string, Queue>()
  readonly #connections = new WeakMap<ClientRef, number>()
  readonly #journal: Journal | undefined
  /** Bytes that all queues take, roughly. */
  bytes = 0
  #lastConnection = 0
  /** Rows sort in the order in which messages came. */
  #lastRow = 0

  readonly #grown: (clientId: string, bytes: number) => void

  /** `grown`: told by how much a queue takes more or less memory, roughly. */
  constructor(journal?: Journal, grown: (clientId: string, bytes: number) => void = () => {}) {
    this.#journal = journal
    this.#grown = grown
  }

  /** The session's queue; made when it is asked for to `add` something. */
  of(clientId: string): Queue {
    let queue = this.#queues.get(clientId)
    if (!queue) {
      const grown = (bytes: number): void => {
        this.bytes += bytes
        this.#grown(clientId, bytes)
      }
      this.#queues.set(clientId, (queue = new Queue(this.#rows(clientId), grown)))
    }
    return queue
  }

  find(clientId: string): Queue | undefined {
    return this.#queues.get(clientId)
  }

  drop(clientId: string): void {
    this.#queues.get(clientId)?.clear()
    this.#queues.delete(clientId)
  }

  /** At start, in the order of the keys. */
  restore(key: string, value: Buffer): PacketLike {
    const { clientId, rest } = readClientKey(key)
    const { packet, sent } = decodePacket(value)
    this.of(clientId).restore(key, packet, sent)
    this.#lastRow = Math.max(this.#lastRow, Number.parseInt(rest, 16))
    return packet
  }

  *rows(): Generator<[string, Buffer]> {
    for (const queue of this.#queues.values()) for (const entry of queue.entries()) yield [entry.row, bytesOf(entry)]
  }

  /** A number per connection instead of Aedes' Client object, which must not be kept alive by an unacknowledged message. */
  connection(client: ClientRef): number {
    let number = this.#connections.get(client)
    if (number === undefined) this.#connections.set(client, (number = ++this.#lastConnection))
    return number
  }

  /** Messages of all sessions together. */
  get size(): number {
    let size = 0
    for (const queue of this.#queues.values()) size += queue.size
    return size
  }

  #rows(clientId: string): QueueRows | undefined {
    const journal = this.#journal
    if (journal === undefined) return undefined
    const start = clientKey(kinds.queued, clientId)
    return {
      next: () => start + ordered(++this.#lastRow),
      put: (entry) => journal.put(entry.row, () => bytesOf(entry), sizeOf(entry.packet)),
      del: (row) => journal.del(row)
    }
  }
}

function bytesOf({ packet, sentOn }: Entry): Buffer {
  return encodePacket(packet, sentOn !== undefined)
}
