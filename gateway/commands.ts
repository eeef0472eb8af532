import type { Clock, Command, Exact, Logger, Op, Ref, Request, Watch } from './adapter.js'
import { isFiniteExact, toPlain } from '../adapters/common/exact-json.js'
import type { Publish } from './broker/queue.js'
import type { Devices, Entry } from './devices.js'
import { idOf, openEnvelope } from './envelope.js'
import type { Envelope } from './envelope.js'
import { GatewayError, asGatewayError } from './errors.js'
import type { Latest } from './latest.js'
import { json } from './payload.js'
import { Remembered } from './remembered.js'
import type { Answer } from './remembered.js'
import { formatTime } from './time.js'
import { conform } from './validators.js'
import type { Validators } from './validators.js'

/** Seconds after which the asker is told that the command is under way. */
const acceptedAfter = 0.5

/** Seconds that an executor has when neither codename nor call says otherwise. */
const defaultTimeout = 10

/** Commands that may be under way at once. */
const maxPending = 1000

export interface CommandsOptions {
  readonly clock: Clock
  readonly devices: Devices
  readonly validators: Validators
  readonly latest: Latest
  readonly publish: Publish
  /** Hands the command to an instance; rejects when that is down. */
  readonly execute: (instance: string, command: Command, signal: AbortSignal) => Promise<Exact>
  readonly isOffline: (device: string) => boolean
  readonly log: Logger
}

/** What becomes of the MQTT message that carried a command. */
export type Verdict =
  /** Goes on to subscribers; with `payload` for a native device: JSON with an id. */
  | { readonly kind: 'pass'; readonly payload?: string }
  /** Seen already: answered again, not carried out again, not forwarded. */
  | { readonly kind: 'duplicate' }
  /** Answered with `failed`; goes to the dead letters. */
  | { readonly kind: 'refused'; readonly error: GatewayError }

interface Pending {
  readonly entry: Entry
  readonly id: string
  readonly op: Op
  readonly client: string
  readonly key: string | undefined
  readonly native: boolean
  readonly controller: AbortController
  readonly timers: Watch[]
  readonly settle: ((answer: Answer) => void) | undefined
  finished: boolean
}

/** Commands to their executor, replies back: exactly one `done` or `failed` for each id. */
export class Commands {
  readonly #options: CommandsOptions
  readonly #pending = new Map<Entry, Pending>()
  readonly #remembered: Remembered
  #counter = 0
  #stopped = false

  constructor(options: CommandsOptions) {
    this.#options = options
    this.#remembered = new Remembered(options.clock)
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  /** A command topic was published to. Never throws. */
  receive(message: Ref & { topic: string; op: Op | 'history'; payload: Uint8Array; retain: boolean; client: string }): Verdict {
    const { device, codename, topic, op, client } = message
    let id = idOf(message.payload)
    const key = id === undefined ? undefined : `${client}\0${topic}\0${op}\0${id}`
    const known = key === undefined ? undefined : this.#remembered.get(key)
    if (known !== undefined) {
      if (known.reply !== undefined) this.#options.publish(known.topic, known.reply, 'reply')
      return { kind: 'duplicate' }
    }
    id ??= this.#nextId()
    try {
      if (message.retain) throw new GatewayError('Retained', 'a command must not be retained: it would run again at every reconnect')
      const entry = this.#options.devices.expect(device, codename)
      if (op === 'history') throw new GatewayError('ReadOnly', 'this gateway keeps no history yet')
      const envelope = openEnvelope(op, message.payload, entry.meta, this.#options.validators)
      const pending = this.#begin(entry, op, id, client, key, envelope, undefined)
      return pending?.native ? { kind: 'pass', payload: commandPayload(op, id, envelope) } : { kind: 'pass' }
    } catch (thrown) {
      const error = asGatewayError(thrown)
      this.#reply(`${topic}/reply`, key, { id, op, client, error, phase: 'failed' }, undefined)
      return { kind: 'refused', error }
    }
  }

  /** A legacy client asks, through an instance. Resolves with the reply's value before the reply is published. */
  async request(request: Request, client: string): Promise<Exact> {
    const { device, codename, op, within, signal } = request
    const id = `${client}-${this.#nextId()}`
    const answered = new Promise<Answer>((resolve, reject) => {
      try {
        const entry = this.#options.devices.expect(device, codename)
        const envelope: Envelope = { id, value: request.value, expires: undefined, check: false }
        const pending = this.#begin(entry, op, id, client, undefined, envelope, resolve)
        if (pending?.native) this.#options.publish(`${entry.topic}/${op}`, commandPayload(op, id, envelope), op)
      } catch (thrown) {
        const error = asGatewayError(thrown)
        reject(error)
        const topic = this.#options.devices.find(device, codename)?.topic
        if (topic !== undefined) this.#reply(`${topic}/reply`, undefined, { id, op, client, error, phase: 'failed' }, undefined)
      }
    })
    const answer = await this.#impatient(answered, within, signal)
    if (answer.error !== undefined) throw answer.error
    return answer.value ?? null
  }

  /** Would this be accepted, by declaration and schema? Whether the device is free and there only shows when it is asked. */
  check({ device, codename, op, value }: Request): GatewayError | undefined {
    try {
      this.#checked(this.#options.devices.expect(device, codename), op, value)
      return undefined
    } catch (error) {
      return asGatewayError(error)
    }
  }

  /** A native device replied. Returns the refusal when nobody waits for that id. */
  nativeReply(entry: Entry, reply: { id: string; phase: string; value?: Exact; error?: GatewayError }): GatewayError | undefined {
    const pending = this.#pending.get(entry)
    if (pending === undefined || !pending.native || pending.id !== reply.id)
      return new GatewayError('Timeout', `nobody waits for the reply ${JSON.stringify(reply.id)}: it came too late, or its id is wrong`, { rule: 'late' })
    if (reply.phase === 'accepted') return undefined
    this.#finish(pending, reply.error === undefined ? { value: reply.value } : { error: reply.error }, false)
    return undefined
  }

  /** Everything under way is answered; no timer stays. */
  stop(): void {
    this.#stopped = true
    for (const pending of this.#pending.values()) {
      const error = new GatewayError('Unreachable', 'the gateway is stopping', { maybeExecuted: true })
      pending.controller.abort(error)
      this.#finish(pending, { error }, true)
    }
    this.#remembered.clear()
  }

  /** Checks and starts a command; throws the refusal. Undefined: it is answered already. */
  #begin(
    entry: Entry,
    op: Op,
    id: string,
    client: string,
    key: string | undefined,
    envelope: Envelope,
    settle: ((answer: Answer) => void) | undefined
  ): Pending | undefined {
    const { clock, devices, log } = this.#options
    if (this.#stopped) throw new GatewayError('Unreachable', 'the gateway is stopping')
    const value = this.#checked(entry, op, envelope.value)
    if (envelope.expires !== undefined && clock.now() > envelope.expires)
      throw new GatewayError('Expired', `the command expired at ${formatTime(envelope.expires)}; it was not carried out`)
    const executor = devices.executor(entry.device, entry.codename)
    const answered = envelope.check ? { value } : op === 'get' && executor === undefined ? { value: this.#fresh(entry) } : undefined
    if (answered !== undefined) {
      settle?.(answered)
      this.#reply(`${entry.topic}/reply`, key, { id, op, client, phase: 'done' }, answered.value)
      return undefined
    }
    if (this.#pending.has(entry)) throw new GatewayError('Busy', `another command for ${entry.device}/${entry.codename} is still running`)
    if (this.#pending.size >= maxPending) throw new GatewayError('RateLimited', `already ${maxPending} commands under way`)
    const native = executor === undefined
    if (native && this.#options.isOffline(entry.device)) throw new GatewayError('Unreachable', `${entry.device} is offline`)
    const pending: Pending = { entry, id, op, client, key, native, controller: new AbortController(), timers: [], settle, finished: false }
    this.#pending.set(entry, pending)
    if (key !== undefined) this.#remembered.start(key, `${entry.topic}/reply`)
    const timeout = (op === 'call' ? entry.meta.callable?.timeout : undefined) ?? entry.meta.timeout ?? defaultTimeout
    pending.timers.push(
      clock.after(acceptedAfter, () => this.#publishReply(`${entry.topic}/reply`, { id, op, client, phase: 'accepted' }, undefined)),
      clock.after(timeout, () => {
        const error = new GatewayError('Timeout', `no answer within ${timeout} s; it may have been carried out`, { maybeExecuted: true })
        pending.controller.abort(error)
        this.#finish(pending, { error }, true)
      })
    )
    if (native) return pending
    const command: Command = { device: entry.device, codename: entry.codename, id, op, value, client }
    this.#options.execute(executor, command, pending.controller.signal).then(
      (result) => {
        if (pending.finished) log.warn({ device: entry.device, codename: entry.codename, id }, 'an answer came after its time limit and was dropped')
        else this.#finish(pending, { value: result }, true)
      },
      (error: unknown) => this.#finish(pending, { error: asGatewayError(error) }, true)
    )
    return pending
  }

  /** The value as its schema wants it; throws the refusal. */
  #checked(entry: Entry, op: Op, given: Exact | undefined): Exact {
    const { meta, device, codename } = entry
    if (op === 'get') return null
    if (op === 'set' && meta.settable !== true) throw new GatewayError('ReadOnly', `${device}/${codename} is not settable`)
    if (op === 'call' && meta.callable === undefined) throw new GatewayError('ReadOnly', `${device}/${codename} is not callable`)
    const value = given ?? (op === 'call' && given === undefined ? new Map<string, Exact>() : null)
    if (!isFiniteExact(value)) throw new GatewayError('NotFinite', 'NaN and infinities cannot be set')
    const schema = op === 'set' ? meta.schema : meta.callable?.arguments
    const refused = schema && this.#options.validators.check(schema, value, op === 'set' ? 'value' : 'arguments')
    if (refused !== undefined) throw refused
    return conform(schema, value)
  }

  #fresh(entry: Entry): Exact {
    const latest = this.#options.latest.get(entry.device, entry.codename)
    if (latest === undefined) throw new GatewayError('Stale', `${entry.device}/${entry.codename} has no reading yet`)
    if (latest.old) throw new GatewayError('Stale', `the last reading of ${entry.device}/${entry.codename} is ${Math.round(latest.age)} s old`)
    return latest.value
  }

  #finish(pending: Pending, answer: Answer, announce: boolean): void {
    if (pending.finished) return
    pending.finished = true
    this.#pending.delete(pending.entry)
    for (const timer of pending.timers) timer.cancel()
    pending.settle?.(answer)
    const { id, op, client, key, entry } = pending
    const error = answer.error
    const reply = { id, op, client, ...(error === undefined ? { phase: 'done' as const } : { phase: 'failed' as const, error }) }
    this.#reply(`${entry.topic}/reply`, key, reply, answer.value, announce)
  }

  #reply(topic: string, key: string | undefined, reply: ReplyFields, value: Exact | undefined, announce = true): void {
    const payload = replyPayload(reply, value, this.#options.clock.now())
    if (key !== undefined) this.#remembered.finish(key, topic, payload)
    if (announce) this.#options.publish(topic, payload, 'reply')
  }

  #publishReply(topic: string, reply: ReplyFields, value: Exact | undefined): void {
    this.#options.publish(topic, replyPayload(reply, value, this.#options.clock.now()), 'reply')
  }

  /** Lets the asker go when its patience ends; the command goes on and its reply is published all the same. */
  async #impatient(answered: Promise<Answer>, within: number | undefined, signal: AbortSignal | undefined): Promise<Answer> {
    if (within === undefined && signal === undefined) return await answered
    return await new Promise<Answer>((resolve, reject) => {
      const give = (error: GatewayError): void => {
        timer?.cancel()
        reject(error)
      }
      const timer =
        within === undefined
          ? undefined
          : this.#options.clock.after(within, () => give(new GatewayError('Timeout', `no answer within ${within} s; it may have been carried out`, { maybeExecuted: true })))
      signal?.addEventListener('abort', () => give(new GatewayError('Timeout', 'the asker went away', { maybeExecuted: true })), { once: true })
      answered.then(
        (answer) => {
          timer?.cancel()
          resolve(answer)
        },
        (error: unknown) => give(asGatewayError(error))
      )
    })
  }

  #nextId(): string {
    this.#counter += 1
    return `${Math.floor(this.#options.clock.now() * 1000).toString(36)}-${this.#counter}`
  }
}

interface ReplyFields {
  readonly id: string
  readonly op: Op | 'history'
  readonly client: string
  readonly phase: 'accepted' | 'done' | 'failed'
  readonly error?: GatewayError
}

export function replyPayload({ id, op, client, phase, error }: ReplyFields, value: Exact | undefined, now: number): string {
  return json({
    id,
    op,
    client,
    phase,
    time: formatTime(now),
    ...(phase === 'done' && value !== undefined ? { value: toPlain(value) } : {}),
    ...(error === undefined
      ? {}
      : {
          error: {
            class: error.class,
            message: error.message,
            retryable: error.retryable,
            ...(error.code === undefined ? {} : { code: error.code }),
            ...(error.maybeExecuted ? { maybeExecuted: true } : {})
          }
        })
  })
}

/** A command as a native device gets it: always JSON with an id. */
function commandPayload(op: Op, id: string, { value, expires }: Envelope): string {
  const member = op === 'call' ? 'arguments' : 'value'
  return json({
    id,
    ...(value === undefined ? {} : { [member]: toPlain(value) }),
    ...(expires === undefined ? {} : { expires: formatTime(expires) })
  })
}
