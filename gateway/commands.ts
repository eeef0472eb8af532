import type { Clock, Command, Exact, Logger, Op, Ref, Request, Watch } from './adapter.js'
import { isFiniteExact } from '../adapters/common/exact-json.js'
import configSchema from '../schemas/config.schema.json' with { type: 'json' }
import type { Publish } from './broker/queue.js'
import { checkedValue, notFinite } from './checked-value.js'
import type { Devices, Entry } from './devices.js'
import { idOf, openEnvelope } from './envelope.js'
import type { Envelope } from './envelope.js'
import { GatewayError, asGatewayError, freshValue } from './errors.js'
import type { Latest } from './latest.js'
import { inTime } from './patience.js'
import { Remembered } from './remembered.js'
import type { Answer } from './remembered.js'
import { commandPayload, replyPayload } from './reply.js'
import type { ReplyFields } from './reply.js'
import { formatTime } from './time.js'
import type { HistoryQuestion } from './history/ask.js'
import type { Step } from './stories.js'
import { below } from './topic.js'
import type { Validators } from './validators.js'

/** Seconds after which the asker is told that the command is under way. */
const acceptedAfter = 0.5

/** Seconds that an executor has for a codename that an instance brought along without saying so. */
const defaultTimeout = configSchema.$defs.codename.properties.timeout.default

/** Seconds that who waited must have left for a command to begin, or a tenth of all it had: nobody would hear what came of it. */
const leastLeft = 0.1

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
  /** Why a device can not be reached that said so; undefined: it may be there. */
  readonly whyOffline: (device: string) => string | undefined
  readonly log: Logger
  /** Every moment in the life of every command that is no secret. Must be quick, and must not throw. */
  readonly step: (step: Step) => void
  /** Answers a question for the history, on the reply topic, by itself; throws the refusal. */
  readonly askHistory: (question: HistoryQuestion) => void
  /** Where commands under way are kept over a crash; undefined: nowhere. */
  readonly keep?: Keep | undefined
}

/** Things kept by name. */
export interface Keep {
  note(name: string, content: Buffer | undefined): void
  notes(): ReadonlyMap<string, Buffer>
  /** Resolves when everything noted so far is on disk. */
  committed(): Promise<void>
}

/** A command under way, as it is kept. */
interface Kept {
  readonly topic: string
  readonly id: string
  readonly op: Op
  readonly client: string
  readonly key?: string | undefined
}

/** Begins the names of kept commands; the topic follows, as commands of a codename are serial. */
const kept = 'command:'

/** What becomes of the MQTT message that carried a command. */
export type Verdict =
  /** Goes on to subscribers; with `payload` for a native device: JSON with an id. */
  | { readonly kind: 'pass'; readonly payload?: string }
  /** Answered here: a repetition, a mere check, a get from memory. Not forwarded: a native device would carry it out. */
  | { readonly kind: 'answered' }
  /** Answered with `failed`; goes to the dead letters. */
  | { readonly kind: 'refused'; readonly error: GatewayError }

interface Pending {
  readonly entry: Entry
  readonly id: string
  readonly op: Op
  readonly client: string
  readonly key: string | undefined
  readonly native: boolean
  /** Nothing of it is written or published. */
  readonly secret: boolean
  readonly controller: AbortController
  /** Tells the asker after a while that the command is under way. */
  readonly accepted: Watch
  readonly timeout: Watch
  readonly settle: ((answer: Answer) => void) | undefined
  /** Who waits for the codename to be free. */
  readonly waiting: Set<() => void>
  finished: boolean
}

/** Commands to their executor, replies back: exactly one `done` or `failed` for each id. */
export class Commands {
  readonly #options: CommandsOptions
  readonly #pending = new Map<Entry, Pending>()
  readonly #remembered: Remembered
  /** Of native devices: the last command that ended without their reply, which may still come. */
  readonly #unanswered = new WeakMap<Entry, string>()
  #counter = 0
  #stopped = false

  constructor(options: CommandsOptions) {
    this.#options = options
    this.#remembered = new Remembered(options.clock, options.keep)
  }

  /** A command topic was published to. Never throws. `id`: of a command that brings none. */
  receive(
    message: Ref & { topic: string; op: Op | 'history'; payload: Uint8Array; retain: boolean; client: string; id?: string }
  ): Verdict {
    const { device, codename, topic, op, client, payload } = message
    const given = idOf(payload)
    const id = given ?? message.id ?? this.#nextId()
    // Of what is not there nothing is remembered: its names may be long, and it cannot be carried out twice.
    const isKnown = this.#options.devices.find(device, codename) !== undefined
    const key = given === undefined || !isKnown ? undefined : `${client}\0${topic}\0${op}\0${given}`
    const known = key === undefined || op === 'history' ? undefined : this.#remembered.get(key)
    if (known !== undefined) {
      if (known.reply !== undefined) this.#options.publish(known.topic, known.reply, 'reply')
      return { kind: 'answered' }
    }
    try {
      if (message.retain) throw new GatewayError('Retained', 'a command must not be retained: it would run again at every reconnect')
      if (op === 'history') {
        // Nothing is carried out: also what is not declared has a history.
        this.#options.askHistory({ entry: this.#options.devices.expectAny(device, codename), id, key, client, payload })
        return { kind: 'answered' }
      }
      const entry = this.#options.devices.expect(device, codename)
      const envelope = openEnvelope(op, payload, entry.meta, this.#options.validators)
      if (envelope.value !== undefined && !isFiniteExact(envelope.value)) throw notFinite(op)
      const pending = this.#begin(entry, op, id, client, key, envelope, undefined)
      if (pending === undefined) return { kind: 'answered' }
      return pending.native ? { kind: 'pass', payload: commandPayload(op, id, envelope) } : { kind: 'pass' }
    } catch (thrown) {
      const error = asGatewayError(thrown)
      this.#reply(below(topic, 'reply'), op === 'history' ? undefined : key, { id, op, client, error, phase: 'failed' }, undefined)
      return { kind: 'refused', error }
    }
  }

  /** A legacy client asks, through an instance. Resolves with the reply's value before the reply is published. */
  async request(request: Request, client: string): Promise<Exact> {
    const { device, codename, op, within, patience = 0, signal, turnSignal, secret = false } = request
    const asked = this.#options.clock.monotonic()
    const passed = (): number => this.#options.clock.monotonic() - asked
    const waits = Math.min(patience, within ?? patience)
    const signals = [signal, turnSignal].filter((one) => one !== undefined)
    const isGone = (): boolean => signals.some(({ aborted }) => aborted)
    const running = (): Pending | undefined => {
      const entry = this.#options.devices.find(device, codename)
      return entry && this.#pending.get(entry)
    }
    for (let left = waits; left > 0 && !isGone(); left = waits - passed()) {
      const other = running()
      // Nothing may be awaited between this and the begin: another would find the codename free too.
      if (other === undefined) break
      await this.#ended(other, left, signals)
    }
    const left = within === undefined ? undefined : Math.max(0, within - passed())
    const isLate = left !== undefined && (left === 0 || left < Math.min(leastLeft, (within ?? 0) / 10))
    const id = this.#idFor(request, client)
    const answered = new Promise<Answer>((resolve, reject) => {
      try {
        const entry = this.#options.devices.expect(device, codename)
        if (isGone()) throw new GatewayError('Timeout', 'the asker went away before its turn came; nothing was done')
        // Whose codename is taken still is told that.
        if (isLate && running() === undefined) throw new GatewayError('Timeout', 'its turn came too late; nothing was done')
        const envelope: Envelope = { id, value: request.value, expires: undefined, check: false }
        const pending = this.#begin(entry, op, id, client, undefined, envelope, resolve, secret)
        if (pending?.native) this.#options.publish(below(entry.topic, op), commandPayload(op, id, envelope), op)
      } catch (thrown) {
        const error = asGatewayError(thrown)
        reject(error)
        const topic = this.#options.devices.find(device, codename)?.topic
        if (topic !== undefined && !secret)
          this.#reply(below(topic, 'reply'), undefined, { id, op, client, error, phase: 'failed' }, undefined)
      }
    })
    const answer = await inTime(answered, { clock: this.#options.clock, left, within, signal })
    if (answer.error !== undefined) throw answer.error
    return answer.value ?? null
  }

  /** Would this be accepted, by declaration and schema? Whether the device is free and there only shows when it is asked. */
  check({ device, codename, op, value, secret }: Request): GatewayError | undefined {
    try {
      checkedValue(this.#options.devices.expect(device, codename), { op, value, secret }, this.#options)
      return undefined
    } catch (error) {
      return asGatewayError(error)
    }
  }

  /** A native device replied. Returns the reply as everybody sees it; throws the refusal when nobody waits for that id. */
  nativeReply(entry: Entry, { id, phase, ...answer }: Answer & { id: string; phase: string }): string {
    const pending = this.#pending.get(entry)
    if (pending === undefined || !pending.native || pending.id !== id)
      throw new GatewayError('Timeout', `nobody waits for the reply ${JSON.stringify(id)}: it came too late, or its id is wrong`, {
        rule: 'late'
      })
    if (phase !== 'accepted') return this.#finish(pending, answer)
    pending.accepted.cancel()
    return replyPayload({ ...pending, phase }, undefined, this.#options.clock.now())
  }

  /** What was under way when an earlier run crashed is answered: nobody knows whether it was carried out. */
  recover(): void {
    const { keep } = this.#options
    this.#remembered.recover()
    for (const [name, content] of Array.from(keep?.notes() ?? [])) {
      if (!name.startsWith(kept)) continue
      const { topic, key, ...command } = JSON.parse(content.toString()) as Kept
      const error = new GatewayError('Unreachable', 'the gateway ended while the command was under way; it may have been carried out', {
        maybeExecuted: true
      })
      this.#reply(below(topic, 'reply'), key, { ...command, error, phase: 'failed' }, undefined, true)
      keep?.note(name, undefined)
    }
  }

  /** Everything under way is answered; no timer stays. */
  stop(): void {
    this.#stopped = true
    for (const pending of this.#pending.values()) {
      const error = new GatewayError('Unreachable', 'the gateway is stopping', { maybeExecuted: true })
      pending.controller.abort(error)
      this.#conclude(pending, { error })
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
    settle: ((answer: Answer) => void) | undefined,
    secret = false
  ): Pending | undefined {
    const { clock, devices } = this.#options
    if (this.#stopped) throw new GatewayError('Unreachable', 'the gateway is stopping')
    const value = checkedValue(entry, { op, value: envelope.value, secret }, this.#options)
    if (envelope.expires !== undefined && clock.now() > envelope.expires)
      throw new GatewayError('Expired', `the command expired at ${formatTime(envelope.expires)}; it was not carried out`)
    const executor = devices.executor(entry.device, entry.codename)
    const answered = envelope.check ? { value } : op === 'get' && executor === undefined ? { value: this.#fresh(entry) } : undefined
    if (answered !== undefined) {
      settle?.(answered)
      // A mere check must not stand in the way of the command itself.
      this.#reply(below(entry.topic, 'reply'), envelope.check ? undefined : key, { id, op, client, phase: 'done' }, answered.value)
      return undefined
    }
    if (this.#pending.has(entry)) throw new GatewayError('Busy', `another command for ${entry.device}/${entry.codename} is still running`)
    if (this.#pending.size >= maxPending) throw new GatewayError('RateLimited', `already ${maxPending} commands under way`)
    const native = executor === undefined
    const offline = native ? this.#options.whyOffline(entry.device) : undefined
    if (offline !== undefined) throw new GatewayError('Unreachable', `${entry.device} is offline: ${offline}`)
    const controller = new AbortController()
    const timeout = (op === 'call' ? entry.meta.callable?.timeout : undefined) ?? entry.meta.timeout ?? defaultTimeout
    const pending: Pending = {
      entry,
      id,
      op,
      client,
      key,
      native,
      controller,
      secret,
      settle,
      waiting: new Set(),
      finished: false,
      accepted: clock.after(acceptedAfter, () => {
        if (!secret) this.#reply(below(entry.topic, 'reply'), undefined, { id, op, client, phase: 'accepted' }, undefined)
      }),
      timeout: clock.after(timeout, () => {
        const error = new GatewayError('Timeout', `no answer within ${timeout} s; it may have been carried out`, { maybeExecuted: true })
        controller.abort(error)
        if (native) this.#unanswered.set(entry, id)
        this.#conclude(pending, { error })
      })
    }
    this.#pending.set(entry, pending)
    if (key !== undefined) this.#remembered.start(key, below(entry.topic, 'reply'))
    const { keep } = this.#options
    const record: Kept = { topic: entry.topic, id, op, client, key }
    if (!secret) keep?.note(kept + entry.topic, Buffer.from(JSON.stringify(record)))
    if (executor === undefined) return pending
    const { expires } = envelope
    const named = { device: entry.device, codename: entry.codename, id, op, value, client, ...(secret ? { secret } : {}) }
    const command: Command = expires === undefined ? named : { ...named, expires }
    // On disk first: nobody must find a heater on and no word of who switched it.
    if (keep === undefined || secret) this.#run(pending, executor, command)
    else void keep.committed().then(() => pending.finished || this.#runInTime(pending, executor, command))
    return pending
  }

  /** The disk may have taken its time. */
  #runInTime(pending: Pending, executor: string, command: Command): void {
    const { expires } = command
    if (expires === undefined || this.#options.clock.now() <= expires) this.#run(pending, executor, command)
    else {
      const message = `the command expired at ${formatTime(expires)}, while it was being written to disk; it was not carried out`
      this.#conclude(pending, { error: new GatewayError('Expired', message) })
    }
  }

  #run(pending: Pending, executor: string, command: Command): void {
    const { device, codename, id } = command
    const { execute, log } = this.#options
    execute(executor, command, pending.controller.signal).then(
      (result) => {
        if (pending.finished && !this.#stopped) log.warn({ device, codename, id }, 'an answer came after its time limit and was dropped')
        else this.#conclude(pending, { value: result })
      },
      (error: unknown) => this.#conclude(pending, { error: asGatewayError(error) })
    )
  }

  /** Resolves when the command is finished, the seconds are over, or the asker goes. */
  async #ended({ waiting }: Pending, seconds: number, signals: readonly AbortSignal[]): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        timer.cancel()
        waiting.delete(go)
        for (const signal of signals) signal.removeEventListener('abort', go)
        resolve()
      }
      const timer = this.#options.clock.after(seconds, go)
      for (const signal of signals) signal.addEventListener('abort', go, { once: true })
      waiting.add(go)
    })
  }

  #fresh(entry: Entry): Exact {
    const { device, codename, meta } = entry
    const isOffline = this.#options.whyOffline(device) !== undefined
    return freshValue(this.#options.latest.get(device, codename), { device, codename, maxAge: meta.maxAge, isOffline })
  }

  /** The one final answer, unless it was given before. */
  #conclude(pending: Pending, answer: Answer): void {
    if (pending.finished) return
    const payload = this.#finish(pending, answer)
    if (!pending.secret) this.#options.publish(below(pending.entry.topic, 'reply'), payload, 'reply')
  }

  /** Lets the asker go and returns the final reply, which the caller publishes. */
  #finish(pending: Pending, { value, error }: Answer): string {
    const { id, op, client, key, entry } = pending
    pending.finished = true
    this.#pending.delete(entry)
    pending.accepted.cancel()
    pending.timeout.cancel()
    this.#options.keep?.note(kept + entry.topic, undefined)
    pending.settle?.(error === undefined ? { value } : { error })
    const outcome = error === undefined ? { phase: 'done' as const } : { phase: 'failed' as const, error }
    const payload = replyPayload({ id, op, client, ...outcome }, value, this.#options.clock.now())
    if (key !== undefined) this.#remembered.finish(key, below(entry.topic, 'reply'), payload, true)
    for (const resume of pending.waiting) resume()
    return payload
  }

  #reply(topic: string, key: string | undefined, reply: ReplyFields, value: Exact | undefined, carriedOut = false): void {
    const payload = replyPayload(reply, value, this.#options.clock.now())
    if (key !== undefined) this.#remembered.finish(key, topic, payload, carriedOut)
    this.#options.publish(topic, payload, 'reply')
  }

  /** A late reply to one command must not be taken for that to the next. */
  #idFor({ device, codename, id }: Request, client: string): string {
    if (id === undefined) return `${client}-${this.#nextId()}`
    const entry = this.#options.devices.find(device, codename)
    return entry !== undefined && this.#unanswered.get(entry) === id ? `${id}.${this.#nextId()}` : id
  }

  #nextId(): string {
    this.#counter += 1
    return `${Math.floor(this.#options.clock.now() * 1000).toString(36)}-${this.#counter}`
  }
}
