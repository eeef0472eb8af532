import type { Rights } from '../access/identity.js'
import type { Contract, MutablePacket } from '../broker/contract.js'
import type { Publish } from '../broker/queue.js'
import { answeredTopic, isOp } from '../topic.js'
import type { Topics } from '../topic.js'
import type { Rewrite } from './rewrite.js'
import type { Select } from './select.js'

export interface DownOptions {
  readonly topics: Topics
  readonly contract: Contract
  readonly publish: Publish
  readonly rewrite: Rewrite
  readonly up: Select
  readonly down: Select
  /** Who asks, as replies and logs name it. */
  readonly client: string
}

/** Commands that come from upstream: those that are let in, by the contract, as if an MQTT client had sent them. */
export class Down {
  readonly #options: DownOptions
  readonly #rights: Rights
  commands = 0
  refused = 0

  constructor(options: DownOptions) {
    const { up, down } = options
    this.#options = options
    this.#rights = { mayRead: (topic) => up.has(topic), mayWrite: (topic) => down.has(topic), maySubscribe: () => 'none' }
  }

  /** A message came, on a topic of theirs. Never throws. */
  receive(there: string, payload: Buffer, retain: boolean): void {
    const { topics, contract, publish, rewrite, down, client } = this.#options
    const topic = rewrite.down(there)
    const parsed = topic === undefined ? undefined : topics.parse(topic)
    // What is no command at all was not asked for.
    if (topic === undefined || parsed?.where !== 'root' || !isOp(parsed.kind) || !down.has(topic)) {
      this.refused += 1
      return
    }
    this.commands += 1
    const packet: MutablePacket = { topic, payload, retain, qos: 1 }
    contract.apply(packet, client, this.#rights)
    if (packet.isLetter === true) this.refused += 1
    if (packet.topic !== answeredTopic) publish(packet.topic, String(packet.payload), packet.isLetter === true ? 'dead' : parsed.kind)
  }
}
