import type { Exact, Op, Request } from './adapter.js'
import { isFiniteExact, parseExact } from '../adapters/common/exact-json.js'
import configSchema from '../schemas/config.schema.json' with { type: 'json' }
import { checkedValue, freshOf, notFinite } from './checked-value.js'
import { CommandIds } from './command-ids.js'
import type { CommandMessage, CommandsOptions, OwnCommand, Verdict } from './command-types.js'
import { self } from './devices.js'
import type { Entry } from './devices.js'
import { idOf, openEnvelope } from './envelope.js'
import type { Envelope } from './envelope.js'
import { GatewayError, asGatewayError } from './errors.js'
import { KeptCommands } from './kept-commands.js'
import { inTime } from './patience.js'
import { ended } from './pending.js'
import type { Pending } from './pending.js'
import { Remembered } from './remembered.js'
import type { Answer } from './remembered.js'
import { commandPayload, logFault, replyPayload } from './reply.js'
import type { ReplyFields } from './reply.js'
import { formatTime } from './time.js'
import type { Step } from './stories.js'
import { below } from './topic.js'
import { Turns } from './turns.js'

/** Seconds after which the asker is told that the command is under way. */
const acceptedAfter = 0.5

/** Seconds that an executor has for a codename that an instance brought along without saying so. */
const defaultTimeout = configSchema.$defs.codename.properties.timeout.default

/** Seconds that who waited must have left for a command to begin, or a tenth of all it had: nobody would hear what came of it. */
const leastLeft = 0.1

/** Commands that may be under way at once. */
const maxPending = 1000

type Named = Pick<Step, 'device' | 'codename' | 'id' | 'op' | 'client'>

const nothing: Partial<Step> = {}

/** Commands to their executor, replies back: exactly one `done` or `failed` for each id. */
export class Commands {
  readonly #options: CommandsOptions
  readonly #pending = new Map<Entry, Pending>()
  readonly #remembered: Remembered
  readonly #kept: KeptCommands
  readonly #turns = new Turns()
  readonly #ids: CommandIds
  #stopped = false

  constructor(options: CommandsOptions) {
    this.#options = options
    this.#ids = new CommandIds(options.clock)
    this.#remembered = new Remembered(options.clock, options.keep)
    this.#kept = new KeptCommands(options.keep)
  }

  /** A command topic was published to. Never throws. */
  receive(message: CommandMessage): Verdict {
    const { device, codename, topic, op, client, payload } = message
    const given = idOf(payload)
    const id = given ?? message.id ?? this.#ids.next()
    // Of what is not there nothing is remembered: its names may be long, and it cannot be carried out twice.
    const isKnown = this.#options.devices.find(device, codename) !== undefined
    const key = given === undefined || !isKnown ? undefined : `${client}\0${topic}\0${op}\0${given}`
    if (op === 'history') return this.#askHistory(message, id, key)
    const known = key === undefined ? undefined : this.#remembered.get(key)
    const named = { device, codename, id, client, op }
    if (known !== undefined) {
      this.#step('asked', named, { repeated: true })
      if (known.reply !== undefined) this.#options.publish(known.topic, known.reply, 'reply')
      return { kind: 'answered' }
    }
    let isTold = false
    try {
      if (message.retain) throw new GatewayError('Retained', 'a command must not be retained: it would run again at every reconnect')
      const entry = this.#options.devices.expect(device, codename)
      const envelope = { ...openEnvelope(op, payload, entry.meta, this.#options.validators), rights: message.rights }
      this.#step('asked', named, { value: envelope.value, check: envelope.check })
      isTold = true
      if (envelope.value !== undefined && !isFiniteExact(envelope.value)) throw notFinite(op)
      const running = (): Pending | undefined => this.#pending.get(entry)
      const begin = (): Pending | undefined => this.#begin(entry, op, id, client, key, envelope, undefined)
      if (device === self && running() !== undefined && !envelope.check && !this.#turns.isFull) {
        if (key !== undefined) this.#remembered.start(key, below(topic, 'reply'))
        const refuse = (thrown: unknown): void => this.#refuse(topic, key, named, { error: asGatewayError(thrown) })
        void this.#turns.take(this.#options.clock, running, begin).catch(refuse)
        return { kind: 'answered' }
      }
      const pending = begin()
      if (pending === undefined) return { kind: 'answered' }
      return pending.native ? { kind: 'pass', payload: commandPayload(op, id, envelope) } : { kind: 'pass' }
    } catch (thrown) {
      const error = asGatewayError(thrown)
      if (!isTold) this.#step('asked', named)
      this.#refuse(topic, key, named, { error, dead: message.letters })
      return { kind: 'refused', error, id }
    }
  }

  #refuse(topic: string, key: string | undefined, named: Named, { error, dead }: { error: GatewayError; dead?: boolean }): void {
    this.#reply(below(topic, 'reply'), key, { ...named, error, phase: 'failed' }, undefined)
    this.#step('refused', named, { error, dead })
  }

  /** Nothing is carried out: also what is not declared has a history, and who repeats a question is answered anew. */
  #askHistory(message: CommandMessage, id: string, key?: string): Verdict {
    const { device, codename, topic, payload, retain, client } = message
    try {
      if (retain) throw new GatewayError('Retained', 'a question must not be retained: it would be asked again at every reconnect')
      const { devices, askHistory } = this.#options
      askHistory({ entry: devices.expectAny(device, codename), id, key, client, payload })
      return { kind: 'answered' }
    } catch (thrown) {
      const error = asGatewayError(thrown)
      this.#reply(below(topic, 'reply'), undefined, { id, op: 'history', client, error, phase: 'failed' }, undefined)
      return { kind: 'refused', error, id }
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
      await ended(other, this.#options.clock, left, signals)
    }
    const left = within === undefined ? undefined : Math.max(0, within - passed())
    const isLate = left !== undefined && (left === 0 || left < Math.min(leastLeft, (within ?? 0) / 10))
    const named = { device, codename, id: this.#idFor(request, client), op, client }
    const { id } = named
    if (!secret) this.#step('asked', named, { value: request.value, waited: passed() })
    let begun: Pending | undefined
    const answered = new Promise<Answer>((resolve, reject) => {
      try {
        const entry = this.#options.devices.expect(device, codename)
        if (isGone()) throw new GatewayError('Timeout', 'the asker went away before its turn came; nothing was done')
        // Whose codename is taken still is told that.
        if (isLate && running() === undefined) throw new GatewayError('Timeout', 'its turn came too late; nothing was done')
        const envelope: Envelope = { id, value: request.value, expires: undefined, check: false }
        begun = this.#begin(entry, op, id, client, undefined, envelope, resolve, secret)
        if (begun?.native) this.#options.publish(below(entry.topic, op), commandPayload(op, id, envelope), op)
      } catch (thrown) {
        const error = asGatewayError(thrown)
        reject(error)
        if (secret) return
        this.#step('refused', named, { error })
        const topic = this.#options.devices.find(device, codename)?.topic
        if (topic !== undefined) this.#reply(below(topic, 'reply'), undefined, { id, op, client, error, phase: 'failed' }, undefined)
      }
    })
    const answer = await inTime(answered, { clock: this.#options.clock, left, within, signal }).catch((error: unknown) => {
      if (begun !== undefined) begun.unheard = true
      throw error
    })
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

  /** An instance refused for its client what would have become a command. */
  refused(request: Request, client: string, error: GatewayError): void {
    if (request.secret === true) return
    const { device, codename, op, value } = request
    const named = { device, codename, id: this.#idFor(request, client), op, client }
    this.#step('asked', named, { value })
    this.#step('refused', named, { error })
  }

  /** A native device replied. Returns the reply as everybody sees it; throws the refusal when nobody waits for that id. */
  nativeReply(entry: Entry, { id, phase, ...answer }: Answer & { id: string; phase: string }): string {
    const pending = this.#pending.get(entry)
    if (pending === undefined || !pending.native || pending.id !== id) {
      const missed = this.#ids.missed(entry)
      if (missed?.id === id && phase !== 'accepted')
        this.#step('late', { ...missed, device: entry.device, codename: entry.codename }, answer)
      throw new GatewayError('Timeout', `nobody waits for the reply ${JSON.stringify(id)}: it came too late, or its id is wrong`, {
        rule: 'late'
      })
    }
    if (phase !== 'accepted') return this.#finish(pending, answer)
    pending.accepted.cancel()
    this.#tell('accepted', pending)
    return replyPayload({ ...pending, phase }, undefined, this.#options.clock.now())
  }

  /** What was under way when an earlier run crashed is answered: nobody knows whether it was carried out. */
  recover(): void {
    this.#remembered.recover()
    for (const { topic, key, asked, id, op, client } of this.#kept.left()) {
      const error = new GatewayError('Unreachable', 'the gateway ended while the command was under way; it may have been carried out', {
        maybeExecuted: true
      })
      this.#reply(below(topic, 'reply'), key, { id, op, client, error, phase: 'failed' }, undefined, true)
      if (asked === undefined) continue
      const { device, codename, at, value } = asked
      const named = { device, codename, id, op, client }
      const given = value === undefined ? undefined : parseExact(value, { words: true })
      this.#step('asked', named, { at, earlier: true, value: given?.ok ? given.value : undefined })
      this.#step('failed', named, { error })
    }
  }

  /** Everything under way is answered; no timer stays. */
  stop(): void {
    this.#stopped = true
    this.giveUp('the gateway is stopping')
    this.#remembered.clear()
  }

  /** What is under way, or such of it, is answered now: nobody will hear what came of it. */
  giveUp(why: string, such: (pending: Pending) => boolean = () => true): void {
    for (const pending of [...this.#pending.values()].filter(such)) {
      const error = new GatewayError('Unreachable', why, { maybeExecuted: true })
      pending.controller.abort(error)
      this.#conclude(pending, { error })
    }
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
    const named = { device: entry.device, codename: entry.codename, id, op, client }
    if (!secret) this.#step('checked', named)
    const executor = devices.executor(entry.device, entry.codename)
    const isRead = op === 'get' && executor === undefined
    const answered = envelope.check ? { value } : isRead ? { value: freshOf(entry, this.#options) } : undefined
    if (answered !== undefined) {
      settle?.(answered)
      // A mere check must not stand in the way of the command itself.
      this.#reply(below(entry.topic, 'reply'), envelope.check ? undefined : key, { id, op, client, phase: 'done' }, answered.value)
      if (!secret) this.#step('done', named, envelope.check ? { ...answered, check: true } : answered)
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
      executor,
      controller,
      secret,
      settle,
      waiting: new Set(),
      finished: false,
      unheard: false,
      accepted: clock.after(acceptedAfter, () => {
        if (secret) return
        this.#tell('accepted', pending)
        this.#reply(below(entry.topic, 'reply'), undefined, { id, op, client, phase: 'accepted' }, undefined)
      }),
      timeout: clock.after(timeout, () => {
        const error = new GatewayError('Timeout', `no answer within ${timeout} s; it may have been carried out`, { maybeExecuted: true })
        controller.abort(error)
        if (native) this.#ids.miss(entry, pending)
        this.#conclude(pending, { error })
      })
    }
    this.#pending.set(entry, pending)
    if (key !== undefined) this.#remembered.start(key, below(entry.topic, 'reply'))
    if (!secret) this.#kept.start(pending, value, clock.now())
    if (executor === undefined) {
      this.#tell('begun', pending)
      return pending
    }
    const { expires, rights } = envelope
    const asked = { ...named, value, ...(secret ? { secret } : {}), ...(executor === self && rights !== undefined ? { rights } : {}) }
    const command: OwnCommand = expires === undefined ? asked : { ...asked, expires }
    // On disk first: nobody must find a heater on and no word of who switched it.
    const { keep } = this.#options
    if (keep === undefined || secret) this.#run(pending, executor, command)
    else
      void keep.committed().then(() => {
        if (pending.finished) return
        this.#tell('written', pending)
        this.#runInTime(pending, executor, command)
      })
    return pending
  }

  /** The disk may have taken its time. */
  #runInTime(pending: Pending, executor: string, command: OwnCommand): void {
    const { expires } = command
    if (expires === undefined || this.#options.clock.now() <= expires) return this.#run(pending, executor, command)
    const message = `the command expired at ${formatTime(expires)}, while it was being written to disk; it was not carried out`
    this.#conclude(pending, { error: new GatewayError('Expired', message) })
  }

  #run(pending: Pending, executor: string, command: OwnCommand): void {
    const { device, codename, id } = command
    const { execute, log } = this.#options
    this.#tell('begun', pending, { instance: executor })
    execute(executor, command, pending.controller.signal).then(
      (result) => {
        if (!pending.finished || this.#stopped) return this.#conclude(pending, { value: result })
        this.#tell('late', pending, { value: result })
        log.warn({ device, codename, id }, 'an answer came after its time limit and was dropped')
      },
      (thrown: unknown) => {
        const error = asGatewayError(thrown)
        // Of another class it is what the instance says of having been told to end.
        if (pending.finished && error.class === 'DeviceError' && !this.#stopped) this.#tell('late', pending, { error })
        this.#conclude(pending, { error })
      }
    )
  }

  /** The one final answer, unless it was given before. */
  #conclude(pending: Pending, answer: Answer): void {
    if (pending.finished) return
    const payload = this.#finish(pending, answer)
    if (!pending.secret) this.#options.publish(below(pending.entry.topic, 'reply'), payload, 'reply')
  }

  /** Lets the asker go and returns the final reply, which the caller publishes. */
  #finish(pending: Pending, { value, error }: Answer): string {
    const { id, op, client, key, entry, unheard } = pending
    pending.finished = true
    this.#pending.delete(entry)
    pending.accepted.cancel()
    pending.timeout.cancel()
    this.#kept.finish(entry.topic)
    pending.settle?.(error === undefined ? { value } : { error })
    this.#tell(error === undefined ? 'done' : 'failed', pending, { value, error, unheard })
    const outcome = error === undefined ? { phase: 'done' as const } : { phase: 'failed' as const, error }
    if (!pending.secret) logFault(this.#options.log, { id, op, client, ...outcome })
    const payload = replyPayload({ id, op, client, ...outcome }, value, this.#options.clock.now())
    if (key !== undefined) this.#remembered.finish(key, below(entry.topic, 'reply'), payload, true)
    for (const resume of pending.waiting) resume()
    return payload
  }

  #reply(topic: string, key: string | undefined, reply: ReplyFields, value: Exact | undefined, carriedOut = false): void {
    logFault(this.#options.log, reply)
    const payload = replyPayload(reply, value, this.#options.clock.now())
    if (key !== undefined) this.#remembered.finish(key, topic, payload, carriedOut)
    this.#options.publish(topic, payload, 'reply')
  }

  #tell(what: Step['what'], { entry: { device, codename }, id, op, client, secret }: Pending, more?: Partial<Step>): void {
    if (!secret) this.#step(what, { device, codename, id, op, client }, more)
  }

  #step(what: Step['what'], { device, codename, id, op, client }: Named, more: Partial<Step> = nothing): void {
    const { at = this.#options.clock.now(), instance, value, error, check, repeated, earlier, waited, unheard, dead } = more
    // Written out: a spread costs more than the rest of a step.
    const { step } = this.#options
    step({ at, what, device, codename, id, op, client, instance, value, error, check, repeated, earlier, waited, unheard, dead })
  }

  #idFor(request: Request, client: string): string {
    return this.#ids.of(request, client, this.#options.devices.find(request.device, request.codename))
  }
}
