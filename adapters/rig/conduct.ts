/** How a rig behaves: what it makes of each message of an experiment PC, and what it answers. It knows no socket. */
import type { Exact, Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { Allowance } from '../common/allowance.js'
import { fromPlain, isExactList } from '../common/exact-json.js'
import type { ExactMap } from '../common/exact-json.js'
import { RarelyEach } from '../common/rarely.js'
import { refOf } from '../common/ref.js'
import { automaticAnswer } from './automatic.js'
import type { Known } from './automatic.js'
import { encodeMessage, encodeReport } from './codec.js'
import type { Message, Odd, Payload } from './codec.js'
import { shownOdd } from './conceal.js'
import { echoWithin, keyOf } from './controller.js'
import type { Controller } from './controller.js'
import type { Controllers } from './controllers.js'
import { numberOf, readStatus, statusNames } from './events.js'
import type { StatusName } from './events.js'
import { Logins } from './logins.js'
import { Mirror } from './mirror.js'
import { Performer } from './performer.js'
import { actionsOf, policies, policyFor } from './server-policies.js'
import type { AnsweredEvent, Policy } from './server-policies.js'
import { ServerReadings } from './server-readings.js'
import { ServerState } from './server-state.js'
import { Trouble } from './trouble.js'
import { Turns } from './turns.js'
import type { Turn } from './turns.js'
import type { RigServerConfig } from './types.js'

export interface ConductOptions {
  readonly config: RigServerConfig
  readonly host: Host
  readonly controllers: Controllers
}

/** Reports a second that tell one controller that too much waits. */
const refusalRate = 1

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 30

export class Conduct {
  readonly #config: RigServerConfig
  readonly #host: Host
  readonly #controllers: Controllers
  readonly #readings: ServerReadings
  readonly #state: ServerState
  readonly #turns: Turns
  readonly #performer: Performer
  readonly #logins: Logins
  readonly #info: ExactMap
  readonly #status: Mirror | undefined
  readonly #ref: Mirror | undefined
  readonly #refusals: Allowance
  readonly #trouble: RarelyEach<string>
  #link: 'online' | 'silent' | undefined
  #isStopped = true

  constructor({ config, host, controllers }: ConductOptions) {
    const { id, device, maxRate, alyx, answerWithin, info, status, expRef } = config
    const { clock } = host
    this.#config = config
    this.#host = host
    this.#controllers = controllers
    this.#readings = new ServerReadings({ host, device, maxRate })
    this.#state = new ServerState(id, () => clock.now())
    this.#turns = new Turns({ serve: async (turn) => await this.#serve(turn) })
    this.#performer = new Performer({ host, known: () => this.known })
    this.#logins = new Logins({ host, alyx, controllers, within: answerWithin })
    this.#info = fromPlain(info, { integers: true }) as ExactMap
    const publish = this.#readings.publish.bind(this.#readings)
    const target = (codename: string): { device: string; codename: string } => ({ device, codename })
    if (status !== null)
      this.#status = new Mirror({
        host,
        source: refOf(status),
        target: target('status'),
        read: readStatus,
        what: `status (${statusNames.join(', ')})`,
        publish
      })
    if (expRef !== null)
      this.#ref = new Mirror({
        host,
        source: refOf(expRef),
        target: target('exp_ref'),
        read: textOf,
        what: 'experiment reference',
        publish
      })
    this.#refusals = new Allowance({ clock, rate: refusalRate, over: 1 })
    this.#trouble = new RarelyEach(clock, toldEvery)
  }

  get known(): Known {
    const status = this.#status === undefined ? this.#state.status : (this.#status.value as StatusName | undefined)
    const ref = this.#ref === undefined ? this.#state.ref : (this.#ref.value ?? null)
    return { status, ref: ref === '' ? null : ref, info: this.#info }
  }

  get isInSession(): boolean {
    return this.#state.isInSession
  }

  start(): void {
    this.#isStopped = false
    this.#link = undefined
    this.#readings.open()
    if (this.#status === undefined) this.#readings.status(this.#state.status)
    else this.#status.start()
    if (this.#ref === undefined) this.#readings.ref(this.#state.ref)
    else this.#ref.start()
    this.changed()
    this.#checkActions()
  }

  /** Who waits for an answer is told that there will be none. Nothing is published any more, and nothing begun. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    for (const turn of [...this.#turns.open]) {
      if (!turn.isAnswered) turn.controller.tellLast(encodeReport('Unreachable: the gateway is stopping', turn.event))
      this.#turns.done(turn)
    }
    this.#turns.stop()
    this.#status?.stop()
    this.#ref?.stop()
    this.#logins.clear()
    this.#readings.close()
  }

  /** A controller came or went, echoed or did not. */
  changed(): void {
    if (this.#isStopped) return
    const link = [...this.#controllers].some(({ hasSpoken, isSilent }) => hasSpoken && !isSilent) ? 'online' : 'silent'
    if (link === this.#link) return
    this.#link = link
    this.#readings.link(link)
  }

  /** It was echoed already. */
  take(from: Controller, payload: Payload, bytes: Buffer): void {
    if (this.#isStopped) return
    this.#readings.seen()
    if (from.isSilent && payload.kind !== 'odd') {
      from.isSilent = false
      this.changed()
    }
    switch (payload.kind) {
      case 'odd':
        return this.#odd(from, payload, bytes)
      case 'report':
        if (this.#readings.mayShow(from, bytes.length)) this.#readings.report(from, this.#state.aside(), payload.event, payload.elements)
        return
      case 'message':
        return this.#message(from, payload, bytes)
    }
  }

  /** From MQTT: a modern device says what it does. */
  setStatus(status: StatusName): void {
    this.#state.status = status
    this.#readings.status(status)
  }

  setRef(ref: string | null): void {
    this.#state.ref = ref
    this.#readings.ref(ref)
  }

  /** Tells all controllers something unasked; resolves with what came of it, rejects when none of them has taken it. */
  async push(event: AnsweredEvent, data: Exact | undefined): Promise<Exact> {
    const given = data === undefined ? automaticAnswer(event, this.known) : isExactList(data) ? data : [data]
    if (given === undefined) throw new GatewayError('Stale', 'the status of the rig is not known: give data')
    const bytes = encodeMessage(event, given.length === 0 ? [null] : given)
    const known = [...this.#controllers].filter(({ hasSpoken, isSilent }) => hasSpoken && !isSilent)
    if (known.length === 0)
      throw new GatewayError('Unreachable', 'no controller was heard yet, or none of them echoes: nobody was told', { code: 'offline' })
    const told = await Promise.all(known.map(async (controller) => await this.#pushTo(controller, bytes)))
    const result: Exact = new Map(told)
    if (told.some(([, came]) => came.get('confirmed') === true)) return new Map([['controllers', result]])
    const said = told.map(([name, came]) => `${name}: ${String(came.get('error'))}`).join('; ')
    throw new GatewayError('Timeout', `no controller has echoed it (${said})`, { code: 'echo-timeout', maybeExecuted: true })
  }

  async #pushTo(controller: Controller, bytes: Buffer): Promise<readonly [string, ExactMap]> {
    const { name, peer } = controller
    try {
      const { seconds } = await peer.send(bytes)
      return [
        name,
        new Map<string, Exact>([
          ['confirmed', true],
          ['seconds', seconds]
        ])
      ]
    } catch (thrown) {
      this.#unconfirmed(controller, thrown as Trouble)
      return [
        name,
        new Map<string, Exact>([
          ['confirmed', false],
          ['error', (thrown as Trouble).message]
        ])
      ]
    }
  }

  #odd(from: Controller, { reason: why, isOlder }: Odd, bytes: Buffer): void {
    if (!this.#readings.mayShow(from, bytes.length)) return
    const { detail, reason } = shownOdd(bytes, why)
    this.#readings.dead('event', detail, new GatewayError('BadPayload', reason))
    if (isOlder !== true) return
    from.isOlder = true
    this.#readings.older(from, this.#state.aside(), reason)
    this.#warn(
      'older',
      from,
      { reason },
      'a controller speaks as iblutil before 1.11: it is echoed, but not understood. Update iblutil there to 1.11 or newer'
    )
  }

  #message(from: Controller, { event, elements }: Message, bytes: Buffer): void {
    const key = keyOf(bytes)
    // What is asked only is answered again: a state that was asked for twice is no harm.
    if (from.turns.has(key) || (event !== 'EXPSTATUS' && from.isOwnAnswer(key))) return this.#host.count('dropped')
    if (!from.hasSpoken) {
      from.hasSpoken = true
      this.changed()
    }
    const isShown = this.#readings.mayShow(from, bytes.length)
    const before = this.#state.ref
    const place = event === 'ALYX' ? this.#state.aside() : this.#state.place(event, elements)
    if (this.#ref === undefined && this.#state.ref !== before) this.#readings.ref(this.#state.ref)
    if (isShown) this.#readings.event(from, place, event, elements)
    if (event === 'ALYX') return this.#logins.take(from, elements, place.id)
    const due = this.#host.clock.monotonic() + this.#config.answerWithin
    const turn: Turn = {
      ...place,
      controller: from,
      event,
      elements,
      key,
      size: bytes.length,
      due,
      isShown,
      work: new AbortController(),
      isAnswered: false
    }
    if (!this.#turns.take(turn)) this.#refuse(turn)
  }

  #refuse({ controller, event }: Turn): void {
    this.#host.count('refused')
    this.#warn(
      'refused',
      controller,
      { event },
      'a controller says more than can be answered: what is too much is echoed, but not carried out'
    )
    if (!this.#refusals.has(controller.id)) return
    this.#refusals.spend(controller.id, 1)
    const text = 'RateLimited: too many messages wait for their answers already; this one was not carried out'
    controller.peer.send(encodeReport(text, event)).catch(() => this.#host.count('dropped'))
  }

  /** Never rejects. Resolves when the answer is handed over, confirmed or not. */
  async #serve(turn: Turn): Promise<void> {
    const policy = policyFor(turn.event, this.#config.answers)
    const done = await this.#performer.carryOut(policy, turn)
    if (this.#isStopped) return
    if (!done.ok) return this.#fail(turn, done.text)
    const { status } = this.#state
    this.#state.done(turn.event)
    if (this.#status === undefined && this.#state.status !== status) this.#readings.status(this.#state.status)
    if (policy.kind === 'echo') return this.#turns.done(turn)
    const elements = this.#elements(policy, turn, done.replies)
    if (elements === undefined)
      return this.#fail(turn, `Stale: the status of the rig is not known, as ${String(this.#config.status)} has no fresh reading`)
    const bytes = encodeMessage(turn.event, elements)
    void this.#answer(turn, elements, bytes)
  }

  #elements(policy: Policy, { event, elements }: Turn, [reply]: readonly Exact[]): readonly Exact[] | undefined {
    if (policy.kind === 'same' && elements.length > 0) return elements
    if (policy.kind !== 'action' || reply === undefined) return automaticAnswer(event, this.known)
    if (!isExactList(reply)) return [reply]
    return reply.length === 0 ? [null] : reply
  }

  async #answer(turn: Turn, data: readonly Exact[], bytes: Buffer): Promise<void> {
    const { controller, event, key } = turn
    const code = numberOf[event]
    turn.isAnswered = true
    try {
      const { seconds } = await controller.peer.send(bytes)
      controller.confirmed(bytes, key)
      this.#host.count('answered')
      this.#tell(turn, { code, data, confirmed: true, seconds })
      this.changed()
    } catch (thrown) {
      const trouble = thrown as Trouble
      if (trouble.kind === 'too-large') return this.#fail(turn, `ValueError: the answer has ${bytes.length} bytes, more than can be sent`)
      this.#tell(turn, { code, data, confirmed: false, error: trouble.message })
      this.#unconfirmed(controller, trouble, event)
    }
    this.#turns.done(turn)
  }

  /** A report, which nobody echoes; and the state stays as it is, as nothing is certain. */
  #fail(turn: Turn, text: string): void {
    const { controller, event } = turn
    turn.isAnswered = true
    this.#warn(
      `failed ${event}`,
      controller,
      { event, reason: text },
      'a message of a controller was not carried out, or not in full; it got a report'
    )
    this.#tell(turn, { code: 0, data: [text, BigInt(numberOf[event])], confirmed: null })
    controller.peer.send(encodeReport(text, event)).then(
      () => this.#host.count('answered'),
      () => this.#host.count('dropped')
    )
    this.#turns.done(turn)
  }

  #tell(turn: Turn, answer: { code: number; data: readonly Exact[]; confirmed: boolean | null; seconds?: number; error?: string }): void {
    const { id, session, event, controller, isShown } = turn
    if (isShown) this.#readings.answer(controller, { id, session, event, ...answer })
  }

  /** Never fatal, as it is for the original: the next message may find it there again (section 9). */
  #unconfirmed(controller: Controller, { kind, message }: Trouble, event?: AnsweredEvent): void {
    if (this.#isStopped) return
    if (kind === 'echo-timeout' || kind === 'echo-mismatch') controller.isSilent = true
    this.changed()
    const what = event === undefined ? 'what was pushed' : `the answer to ${event}`
    const next =
      kind === 'echo-mismatch' ? message : `its program may have ended (within ${echoWithin} s: ${message}). Look whether it went on`
    this.#warn(kind, controller, {}, `a controller did not confirm ${what}: ${next}`)
  }

  /** What an operator wrote may be refused by a schema: better told at the start than in the middle of an experiment. */
  #checkActions(): void {
    for (const [event, policy] of policies(this.#config.answers))
      for (const action of actionsOf(policy)) {
        const refused = this.#performer.check(action)
        if (refused === undefined || (refused instanceof GatewayError && refused.class.startsWith('Unknown'))) continue
        const what = `${action.op} ${action.ref.device}/${action.ref.codename}`
        this.#host.log.warn(
          { event, reason: refused.message },
          `${what} will be refused as it stands under answers: change its value or arguments`
        )
      }
  }

  #warn(kind: string, { name, transport }: Controller, fields: object, message: string): void {
    const alike = this.#trouble.pass(kind)
    if (alike !== undefined) this.#host.log.warn({ controller: name, transport, ...fields, ...(alike > 0 ? { alike } : {}) }, message)
  }
}

function textOf(value: Exact): string | undefined {
  return typeof value === 'string' && value.length <= 200 ? value : undefined
}
