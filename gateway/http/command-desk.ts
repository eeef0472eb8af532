import { createHash } from 'node:crypto'
import type { Rights } from '../access/identity.js'
import type { Clock, Op, Ref } from '../adapter.js'
import configSchema from '../../schemas/config.schema.json' with { type: 'json' }
import type { Publish } from '../broker/queue.js'
import type { Commands } from '../commands.js'
import type { Devices, Entry } from '../devices.js'
import { GatewayError, asGatewayError } from '../errors.js'
import type { ErrorClass } from '../errors.js'
import { below } from '../topic.js'
import { HttpError } from './problem.js'

/** Seconds after the answer for which an id still means that command; see Remembered. */
const idKept = 60

const defaultTimeout = configSchema.$defs.codename.properties.timeout.default

/** Ids remembered at most. */
const maxIds = 10_000

/** Seconds that are waited for a reply beyond the command's own time limit. They are never needed: every command ends. */
const grace = 5

export interface Asked extends Ref {
  readonly op: Op
  /** As it came: the bytes say 47 or 47.0. */
  readonly payload: Buffer
  /** Given by the client: the same again is answered again, not carried out again. */
  readonly id: string | undefined
  readonly client: string
  /** Left out: everything. */
  readonly rights?: Rights
  /** The client went away; what it asked for goes on. */
  readonly signal: AbortSignal
}

/** A reply as on MQTT, or why it failed. */
export type Outcome = { readonly reply: string } | { readonly error: GatewayError; readonly id: string }

interface Waiter {
  readonly id: string
  readonly op: Op
  readonly client: string
  readonly settle: (outcome: Outcome) => void
}

interface Reply {
  readonly id: string
  readonly op: string
  readonly client: string
  readonly phase: string
  readonly error?: { readonly class: ErrorClass; readonly message: string; readonly code?: string; readonly maybeExecuted?: boolean }
}

export interface CommandDeskOptions {
  readonly clock: Clock
  readonly devices: Devices
  readonly commands: Commands
  readonly publish: Publish
}

/** Commands of HTTP clients: the same as if they had come over MQTT, and the reply that is published is the answer. */
export class CommandDesk {
  readonly #options: CommandDeskOptions
  /** By the topic of the reply. */
  readonly #waiting = new Map<string, Set<Waiter>>()
  /** What each id was used for, oldest first. */
  readonly #ids = new Map<string, { readonly digest: string; readonly until: number }>()
  #counter = 0

  constructor(options: CommandDeskOptions) {
    this.#options = options
  }

  /** Ends with the codename's time limit at the latest. Rejects what never becomes a command. */
  async ask(asked: Asked): Promise<Outcome> {
    const { device, codename, op, payload, client, rights, signal } = asked
    const { clock, commands, publish } = this.#options
    const { entry, limit } = this.#admit(asked)
    const topic = below(entry.topic, 'reply')
    this.#counter += 1
    const id = asked.id ?? `http-${Math.floor(clock.now() * 1000).toString(36)}-${this.#counter}`
    return await new Promise<Outcome>((resolve) => {
      const waiters = this.#waiting.get(topic) ?? new Set()
      this.#waiting.set(topic, waiters)
      // A refusal is also published; what is returned tells the rule besides.
      let [isAsking, early]: [boolean, Outcome | undefined] = [true, undefined]
      const settle = (outcome: Outcome): void => {
        if (isAsking) {
          early = outcome
          return
        }
        timer.cancel()
        signal.removeEventListener('abort', gone)
        waiters.delete(waiter)
        if (waiters.size === 0 && this.#waiting.get(topic) === waiters) this.#waiting.delete(topic)
        resolve(outcome)
      }
      const waiter: Waiter = { id, op, client, settle }
      const gone = (): void => settle({ id, error: new GatewayError('Timeout', 'the asker went away', { maybeExecuted: true }) })
      const timer = clock.after(limit, () =>
        settle({ id, error: new GatewayError('Timeout', 'no reply came; it may have been carried out', { maybeExecuted: true }) })
      )
      signal.addEventListener('abort', gone, { once: true })
      // The reply may be there before this returns.
      waiters.add(waiter)
      const verdict = commands.receive({
        device,
        codename,
        topic: entry.topic,
        op,
        payload,
        retain: false,
        client,
        rights,
        id,
        letters: false
      })
      isAsking = false
      if (verdict.kind === 'refused') settle({ id, error: verdict.error })
      else if (early !== undefined) settle(early)
      else if (verdict.kind === 'pass' && verdict.payload !== undefined) publish(below(entry.topic, op), verdict.payload, op)
    })
  }

  /** Throws the refusal of what never becomes a command. It has no reply, as its name may be anything, but a story. */
  #admit(asked: Asked): { entry: Entry; limit: number } {
    const { device, codename, op, client, id } = asked
    const { devices, commands } = this.#options
    try {
      const entry = devices.expect(device, codename)
      const limit = grace + Math.max(entry.meta.timeout ?? 0, entry.meta.callable?.timeout ?? 0, defaultTimeout)
      this.#own(asked, entry.topic, limit)
      return { entry, limit }
    } catch (error) {
      commands.refused({ device, codename, op, ...(id === undefined ? {} : { id }) }, client, asGatewayError(error))
      throw error
    }
  }

  /** A reply was published. */
  replied(topic: string, payload: string): void {
    const waiters = this.#waiting.get(topic)
    if (waiters === undefined) return
    const { id, op, client, phase, error } = JSON.parse(payload) as Reply
    if (phase === 'accepted') return
    for (const waiter of waiters) {
      if (waiter.id !== id || waiter.op !== op || waiter.client !== client) continue
      if (error === undefined) waiter.settle({ reply: payload })
      else waiter.settle({ id, error: new GatewayError(error.class, error.message, error) })
    }
  }

  /** By mistake two programs on one computer may use the same ids: the second one's command would never be carried out, and nobody told. */
  #own({ id, client, op, payload }: Asked, topic: string, limit: number): void {
    if (id === undefined) return
    const now = this.#options.clock.monotonic()
    const key = JSON.stringify([client, topic, op, id])
    const digest = createHash('sha256').update(payload).digest('base64')
    const known = this.#ids.get(key)
    if (known !== undefined && known.digest !== digest && now <= known.until)
      throw new HttpError('BadPayload', `the id ${JSON.stringify(id)} was used for another command a moment ago; take one that is new`, {
        status: 409,
        rule: 'id',
        path: '/id'
      })
    this.#ids.delete(key)
    this.#ids.set(key, { digest, until: now + limit + idKept })
    for (const [oldest, { until }] of this.#ids) {
      if (now <= until && this.#ids.size <= maxIds) break
      this.#ids.delete(oldest)
    }
  }
}
