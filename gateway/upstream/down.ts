import type { Rights } from '../access/identity.js'
import type { Clock, Op } from '../adapter.js'
import type { Contract, MutablePacket } from '../broker/contract.js'
import type { Publish } from '../broker/queue.js'
import { idOf } from '../envelope.js'
import { GatewayError } from '../errors.js'
import { replyPayload } from '../reply.js'
import { answeredTopic, below, isOp } from '../topic.js'
import type { Kind, Topics } from '../topic.js'
import { Asked } from './asked.js'
import type { Rewrite } from './rewrite.js'
import type { Select } from './select.js'

export interface DownOptions {
  readonly clock: Clock
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
  readonly #asked: Asked
  /** Refusals of ours, until they are seen: an answer to nothing that is under way. */
  readonly #refusals = new Set<string>()
  commands = 0
  refused = 0

  constructor(options: DownOptions) {
    const { up, down } = options
    this.#options = options
    this.#asked = new Asked(options.clock)
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
    const reading = topics.reading(parsed.device, parsed.codename)
    const id = idOf(payload)
    const error = reading === undefined ? undefined : this.#refusal(parsed.kind, topic, reading, id, payload)
    if (error === undefined || reading === undefined) contract.apply(packet, client, this.#rights)
    else {
      contract.refuse(packet, client, error, id)
      const fields = { id: id ?? '', op: parsed.kind, client, phase: 'failed', error } as const
      const reply = replyPayload(fields, undefined, this.#options.clock.now())
      this.#refusals.add(reply)
      publish(below(reading, 'reply'), reply, 'reply')
    }
    if (packet.isLetter === true) this.refused += 1
    if (packet.topic !== answeredTopic) publish(packet.topic, String(packet.payload), packet.isLetter === true ? 'dead' : parsed.kind)
  }

  /** A reply to what came down goes up. */
  replied(topic: string, payload: Buffer): void {
    const text = payload.toString()
    if (this.#refusals.delete(text)) return
    const { id, op, phase } = JSON.parse(text) as { id: string; op: Kind; phase: string }
    const parsed = this.#options.topics.parse(topic)
    if (phase === 'accepted' || parsed.where !== 'root' || parsed.kind !== 'reply' || !isOp(op)) return
    const reading = this.#options.topics.reading(parsed.device, parsed.codename)
    if (reading !== undefined) this.#asked.answered(below(reading, op), id)
  }

  /** What the contract cannot know: that many are behind this client, and what may be read there. */
  #refusal(op: Op | 'history', topic: string, reading: string, id: string | undefined, payload: Buffer): GatewayError | undefined {
    if ((op === 'get' || op === 'history') && !this.#options.up.has(reading))
      return new GatewayError('Forbidden', 'the readings of this codename do not go up: see `up` of the bridge', { rule: 'up' })
    if (op === 'history' || id === undefined || this.#asked.take(topic, id, payload)) return undefined
    const message = `another command upstream has the id ${JSON.stringify(id)}: it was not carried out; choose ids that nobody else has, as a UUID`
    return new GatewayError('BadPayload', message, { rule: 'id' })
  }
}
