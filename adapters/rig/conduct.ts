/** How a rig behaves: what it makes of each message of an experiment PC, and what it answers. It knows no socket. */
import type { Exact, Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { isExactList, isExactMap } from '../common/exact-json.js'
import { Answers } from './answers.js'
import { automaticAnswer, sameAnswer } from './automatic.js'
import { encodeReport } from './codec.js'
import type { Message, Odd, Payload } from './codec.js'
import { shownOdd } from './conceal.js'
import { keyOf } from './controller.js'
import type { Controller } from './controller.js'
import type { Controllers } from './controllers.js'
import { readStatus, statusNumberOf } from './events.js'
import type { EventName } from './events.js'
import { Logins } from './logins.js'
import { Performer } from './performer.js'
import { RigSelf } from './rig-self.js'
import { actionsOf, policies, policyFor } from './server-policies.js'
import type { AnsweredEvent, Policy } from './server-policies.js'
import { ServerReadings } from './server-readings.js'
import { Turns, stops } from './turns.js'
import type { Turn } from './turns.js'
import type { RigServerConfig } from './types.js'

export interface ConductOptions {
  readonly config: RigServerConfig
  readonly host: Host
  readonly controllers: Controllers
}

export class Conduct {
  readonly self: RigSelf
  readonly #config: RigServerConfig
  readonly #host: Host
  readonly #controllers: Controllers
  readonly #readings: ServerReadings
  readonly #answers: Answers
  readonly #turns: Turns
  readonly #performer: Performer
  readonly #logins: Logins
  #link: 'online' | 'silent' | undefined
  #isStopped = true
  /** Messages so far that were not the network's, and the number of the last that ends an experiment. */
  #accepted = 0
  #ended = -1
  /** The last that was carried out. */
  #doneBy = -1

  constructor({ config, host, controllers }: ConductOptions) {
    const { device, maxRate, alyx, answerWithin, readOnly } = config
    this.#config = config
    this.#host = host
    this.#controllers = controllers
    this.#readings = new ServerReadings({ host, device, maxRate, readOnly })
    this.self = new RigSelf({ config, host, readings: this.#readings })
    this.#turns = new Turns({ serve: async (turn) => await this.#serve(turn) })
    this.#answers = new Answers({
      host,
      readings: this.#readings,
      done: (turn) => this.#turns.done(turn),
      changed: () => this.changed()
    })
    this.#performer = new Performer({ host, known: () => this.self.known })
    this.#logins = new Logins({ host, alyx, controllers, within: answerWithin })
  }

  start(): void {
    this.#isStopped = false
    this.#link = undefined
    this.#readings.open()
    this.self.start()
    this.changed()
    this.#checkActions()
  }

  /** Who waits for an answer is told that there will be none. Nothing is published any more, and nothing begun. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    const waiting = Array.from(this.#turns.open)
    for (const { event, id, isAnswered } of waiting)
      if (stops.has(event) && !isAnswered)
        this.#host.log.warn(
          { event, id },
          'the gateway stops while an end is carried out: what it had not begun yet is left; see to the devices'
        )
    this.#turns.stop()
    for (const turn of waiting) {
      if (turn.answer === undefined) turn.controller.tellLast(encodeReport('Unreachable: the gateway is stopping', turn.event))
      this.#turns.done(turn)
    }
    this.self.stop()
    this.#logins.clear()
    this.#readings.close()
  }

  /** A controller came or went, echoed or did not. */
  changed(): void {
    if (this.#isStopped) return
    const link = this.#listening().length > 0 ? 'online' : 'silent'
    if (link === this.#link) return
    this.#link = link
    this.#readings.link(link)
  }

  /** It was echoed already. */
  take(from: Controller, payload: Payload, bytes: Buffer): void {
    if (this.#isStopped) return
    this.#readings.seen()
    if (payload.kind === 'odd') return this.#odd(from, payload, bytes)
    if (from.isSilent) {
      from.isSilent = false
      this.changed()
    }
    if (payload.kind === 'message') return this.#message(from, payload, bytes)
    if (!this.#readings.mayShow(from, bytes.length)) return
    this.#readings.report(from, this.self.aside(), payload.event, payload.elements)
  }

  /** Tells all controllers something unasked. `data` undefined: what they would be answered. */
  async push(event: AnsweredEvent, data: Exact | undefined): Promise<Exact> {
    const given = data === undefined ? automaticAnswer(event, this.self.known) : withStatus(event, isExactList(data) ? data : [data])
    if (given === undefined) throw new GatewayError('Stale', `${this.self.whyUnknown}: give data`)
    const controllers = this.#listening()
    if (controllers.length > 0) return await this.#answers.push(controllers, event, given.length === 0 ? [null] : given)
    const message = 'no controller was heard yet, or none of them echoes: nobody was told'
    throw new GatewayError('Unreachable', message, { code: 'offline' })
  }

  /** Those that drive the rig, and echo what they are told. */
  #listening(): Controller[] {
    return Array.from(this.#controllers).filter(({ hasSpoken, isSilent }) => hasSpoken && !isSilent)
  }

  #odd(from: Controller, { reason: why, isOlder }: Odd, bytes: Buffer): void {
    if (!this.#readings.mayShow(from, bytes.length)) return
    const { detail, reason } = shownOdd(bytes, why)
    this.#readings.dead('event', detail, new GatewayError('BadPayload', reason))
    if (isOlder !== true) return
    from.isOlder = true
    this.#readings.older(from, this.self.aside(), reason)
    this.#answers.older(from, reason)
  }

  #message(from: Controller, { event, elements }: Message, bytes: Buffer): void {
    const key = keyOf(bytes)
    if (this.#isDoubled(from, event, key)) return this.#host.count('dropped')
    if (!from.hasSpoken) {
      from.hasSpoken = true
      this.changed()
    }
    const isShown = this.#readings.mayShow(from, bytes.length)
    this.#accepted += 1
    const size = bytes.length
    const hasRoom = event === 'ALYX' || this.#turns.hasRoom({ controller: from, event, size })
    if (hasRoom && stops.has(event) && !this.#isRefused(event)) this.#ended = this.#accepted
    const isRefused = this.#isRefused(event)
    if (isRefused) this.#host.count('refused')
    // What is refused begins no session, ends none, and names no experiment.
    const place = event === 'ALYX' || !hasRoom || isRefused ? this.self.aside() : this.self.place(event, elements)
    if (isShown) this.#readings.event(from, place, event, elements)
    if (event === 'ALYX' && isRefused) return
    if (event === 'ALYX') return this.#logins.take(from, elements, place.id)
    if (!hasRoom) return this.#answers.refuse(from, event)
    const due = this.#host.clock.monotonic() + this.#config.answerWithin
    const work = new AbortController()
    const turn = {
      ...place,
      controller: from,
      event,
      elements,
      key,
      size,
      due,
      number: this.#accepted,
      isShown,
      work,
      isAnswered: false
    }
    this.#turns.take(turn)
  }

  /**
   * The network has doubled a message, or the echo of an answer. A message that was answered gets its answer again, should it be meant, but is
   * not carried out again. What is only asked is answered as it is now; and a stop counts as doubled only when nothing else was said since.
   */
  #isDoubled(from: Controller, event: EventName, key: string): boolean {
    const isQuestion = event === 'EXPSTATUS' || event === 'EXPINFO'
    const turn = from.answering(key)
    if (turn !== undefined && (!stops.has(event) || turn.number === this.#accepted)) {
      if (turn.answer === undefined) return true
      // Its answer is on its way, or lost.
      if (isQuestion) return false
      this.#answers.again(from, turn.answer)
      return true
    }
    if (event !== 'EXPSTATUS' && from.isOwnAnswer(key)) return true
    const copied = !from.mayDouble ? undefined : from.handled.copied(key, this.#accepted, this.#ended)
    if (copied === undefined) return false
    if (copied.isOver) this.#answers.over(from, copied.got.event)
    else this.#answers.again(from, copied.got.answer)
    return true
  }

  /** Only questions are answered where nothing may be done. */
  #isRefused(event: EventName): boolean {
    return this.#config.readOnly && event !== 'EXPSTATUS' && event !== 'EXPINFO'
  }

  /** Never rejects. Resolves when the answer is handed over, confirmed or not. */
  async #serve(turn: Turn): Promise<void> {
    if (this.#isRefused(turn.event))
      return this.#answers.fail(turn, 'Forbidden: this rig is only looked at here (readOnly); nothing was done')
    const policy = policyFor(turn.event, this.#config.answers)
    if (this.#host.clock.monotonic() >= turn.due) return this.#answers.fail(turn, 'TimeoutError: its turn came too late; it was not begun')
    const done = await this.#performer.carryOut(policy, turn)
    if (this.#isStopped) return
    // When it failed the status stays as it is: nobody knows how far it came.
    if (done.ok) this.#done(turn)
    if (policy.kind === 'echo' || !done.ok) this.self.left(turn.event)
    if (policy.kind === 'echo') return this.#turns.done(turn)
    if (!done.ok) return this.#answers.fail(turn, done.text)
    const given = this.#answers.give(turn, () => this.#dataOf(policy, turn, done.replies), `Stale: ${this.self.whyUnknown}`)
    void given.then(() => this.self.left(turn.event))
  }

  /** Of two that were carried out at once the younger one says what the status is. */
  #done({ event, number }: Turn): void {
    if (number > this.#doneBy && event !== 'EXPSTATUS' && event !== 'EXPINFO') {
      this.#doneBy = number
      this.self.done(event)
    }
  }

  /** After the event number. Undefined: the status belongs to it, and is not known. */
  #dataOf(policy: Policy, { event, elements }: Turn, [reply]: readonly Exact[]): readonly Exact[] | undefined {
    if (policy.kind === 'same') return sameAnswer(event, elements, this.self.known)
    if (policy.kind !== 'action' || reply === undefined) return automaticAnswer(event, this.self.known)
    // A call of a rig that we drive replies with what that rig answered, among other things.
    const given = isExactMap(reply) ? (reply.get('answer') ?? reply) : reply
    if (!isExactList(given)) return [reply]
    return given.length === 0 ? [null] : given
  }

  /** What an operator wrote may be refused by a schema: better told at the start than in the middle of an experiment. */
  #checkActions(): void {
    if (this.#config.readOnly) return
    for (const [event, policy] of policies(this.#config.answers))
      for (const action of actionsOf(policy)) {
        const refused = this.#performer.check(action)
        if (refused === undefined || (refused instanceof GatewayError && refused.class.startsWith('Unknown'))) continue
        const what = `${action.op} ${action.ref.device}/${action.ref.codename}`
        const message = `${what} will be refused as it stands under answers: change its value or arguments`
        this.#host.log.warn({ event, reason: refused.message }, message)
      }
  }
}

/** A status may be given by its name, and travels as its number (section 2.1). What is neither goes as it is: receivers check nothing. */
function withStatus(event: AnsweredEvent, data: readonly Exact[]): readonly Exact[] {
  const [first, ...rest] = data
  const name = (event === 'EXPSTATUS' || event === 'EXPINFO') && typeof first === 'string' ? readStatus(first) : undefined
  return name === undefined ? data : [BigInt(statusNumberOf[name]), ...rest]
}
