import type { ClientRef } from './packet.js'
import { Queue } from './queue.js'

/** The queues of all sessions, and the numbers of their connections. */
export class Outgoing {
  readonly #queues = new Map<string, Queue>()
  readonly #connections = new WeakMap<ClientRef, number>()
  #lastConnection = 0

  /** The session's queue; made when it is asked for to `add` something. */
  of(clientId: string): Queue {
    let queue = this.#queues.get(clientId)
    if (!queue) this.#queues.set(clientId, (queue = new Queue()))
    return queue
  }

  find(clientId: string): Queue | undefined {
    return this.#queues.get(clientId)
  }

  drop(clientId: string): void {
    this.#queues.delete(clientId)
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
}
