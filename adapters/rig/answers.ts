/** What controllers are told: answers, reports, and what is pushed. Confirmed or not, the rig goes on (section 9). */
import type { Exact, Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { Allowance } from '../common/allowance.js'
import type { ExactMap } from '../common/exact-json.js'
import { RarelyEach } from '../common/rarely.js'
import { encodeMessage, encodeReport } from './codec.js'
import { echoWithin } from './controller.js'
import type { Controller } from './controller.js'
import { numberOf } from './events.js'
import type { AnsweredEvent } from './server-policies.js'
import type { Answer, ServerReadings } from './server-readings.js'
import type { Trouble } from './trouble.js'
import type { Turn } from './turns.js'

export interface AnswersOptions {
  readonly host: Host
  readonly readings: ServerReadings
  /** The turn is over. */
  readonly done: (turn: Turn) => void
  /** A controller has echoed, or has not. */
  readonly changed: () => void
}

/** Reports a second that tell one controller that too much waits. */
const refusalRate = 1

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 30

export class Answers {
  readonly #options: AnswersOptions
  readonly #refusals: Allowance
  readonly #trouble: RarelyEach<string>

  constructor(options: AnswersOptions) {
    const { clock } = options.host
    this.#options = options
    this.#refusals = new Allowance({ clock, rate: refusalRate, over: 1 })
    this.#trouble = new RarelyEach(clock, toldEvery)
  }

  /** Never rejects. Resolves when it is confirmed, or when it is clear that it will not be. */
  async give(turn: Turn, data: readonly Exact[]): Promise<void> {
    const { host, changed, done } = this.#options
    const { controller, event, key, number } = turn
    const bytes = encodeMessage(event, data)
    const code = numberOf[event]
    turn.isAnswered = true
    turn.answer = bytes
    try {
      const { seconds } = await controller.peer.send(bytes)
      controller.hasConfirmed = true
      host.count('answered')
      this.#show(turn, { code, data, confirmed: true, seconds })
      changed()
    } catch (thrown) {
      const trouble = thrown as Trouble
      if (trouble.kind === 'too-large') return this.fail(turn, `ValueError: the answer has ${bytes.length} bytes, more than can be sent`)
      this.#show(turn, { code, data, confirmed: false, error: trouble.message })
      this.#unconfirmed(controller, trouble, `the answer to ${event}`)
    }
    controller.told(bytes, key)
    controller.handled.add({ key, event, number, answer: bytes, isFailed: false })
    done(turn)
  }

  /** A report, which nobody echoes. `text`: `Class: text`. */
  fail(turn: Turn, text: string): void {
    const { controller, event } = turn
    turn.isAnswered = true
    this.#warn(
      `failed ${event}`,
      controller,
      { event, reason: text },
      'a message of a controller was not carried out, or not in full; it got a report'
    )
    this.#show(turn, { code: 0, data: [text, BigInt(numberOf[event])], confirmed: null })
    const { key, number } = turn
    controller.handled.add({ key, event, number, answer: this.#report(controller, text, event), isFailed: true })
    this.#options.done(turn)
  }

  /** There was no room for it. */
  refuse({ controller, event }: Turn): void {
    this.#options.host.count('refused')
    this.#warn('refused', controller, { event }, 'a controller says more than can be answered: the rest is echoed, but not carried out')
    if (!this.#refusals.has(controller.id)) return
    this.#refusals.spend(controller.id, 1)
    this.#report(controller, 'RateLimited: too many messages wait for their answers already; this one was not carried out', event)
  }

  /** Its number means nothing since 1.11, or another thing. */
  older(controller: Controller, reason: string): void {
    const message = 'a controller speaks as iblutil before 1.11: it is echoed, but not understood. Update iblutil there to 1.11 or newer'
    this.#warn('older', controller, { reason }, message)
  }

  /** Tells them something unasked; resolves with what came of it, rejects when none of them has taken it. */
  async push(controllers: readonly Controller[], event: AnsweredEvent, data: readonly Exact[]): Promise<Exact> {
    const bytes = encodeMessage(event, data)
    const told = await Promise.all(controllers.map(async (controller) => await this.#pushTo(controller, bytes)))
    if (told.every(({ error }) => error !== undefined)) {
      const said = told.map(({ name, error = '' }) => `${name}: ${error}`).join('; ')
      throw new GatewayError('Timeout', `no controller has echoed it (${said})`, { code: 'echo-timeout', maybeExecuted: true })
    }
    return new Map([['controllers', new Map(told.map(({ name, came }): [string, Exact] => [name, came]))]])
  }

  async #pushTo(
    controller: Controller,
    bytes: Buffer
  ): Promise<{ readonly name: string; readonly came: ExactMap; readonly error?: string }> {
    const { name, peer } = controller
    try {
      controller.told(bytes)
      const { seconds } = await peer.send(bytes)
      controller.told(bytes)
      return { name, came: new Map<string, Exact>([...confirmed, ['seconds', seconds]]) }
    } catch (thrown) {
      const { message: error } = thrown as Trouble
      this.#unconfirmed(controller, thrown as Trouble, 'what was pushed')
      return { name, came: new Map<string, Exact>([...unconfirmed, ['error', error]]), error }
    }
  }

  /** What was said already, once more; undefined: it is to be said yet. */
  again(controller: Controller, answer: Buffer | undefined): void {
    if (answer === undefined || controller.saying === answer) return
    controller.saying = answer
    controller.peer
      .send(answer)
      .catch(() => this.#options.host.count('dropped'))
      .finally(() => (controller.saying = undefined))
  }

  /** A copy of a start that has ended since; should it be meant, its sender must know that nothing runs. */
  over(controller: Controller, event: AnsweredEvent): void {
    const message = `the same ${event} came again within 2 s, and after its end: taken for a copy of the network, and not carried out`
    this.#warn(`over ${event}`, controller, { event }, message)
    this.#report(controller, `Interrupted: ${message}; send it once more if it is meant`, event)
  }

  #report({ peer }: Controller, text: string, event: AnsweredEvent): Buffer {
    const { host } = this.#options
    const report = encodeReport(text, event)
    peer.send(report).then(
      () => host.count('answered'),
      () => host.count('dropped')
    )
    return report
  }

  #show(turn: Turn, answer: Pick<Answer, 'code' | 'data' | 'confirmed' | 'seconds' | 'error'>): void {
    const { id, session, event, controller, isShown } = turn
    if (isShown) this.#options.readings.answer(controller, { id, session, event, ...answer })
  }

  /** For the original this is the end (section 4.1). Here the next message may find it there again. */
  #unconfirmed(controller: Controller, { kind, message }: Trouble, what: string): void {
    // Stopped, or another took its place: that is told elsewhere.
    if (kind === 'closed') return
    if (kind === 'echo-timeout' || kind === 'echo-mismatch') controller.isSilent = true
    this.#options.changed()
    const next = kind === 'echo-mismatch' ? message : `${message} (${echoWithin} s are usual). Look whether its program still runs`
    this.#warn(kind, controller, {}, `a controller did not confirm ${what}: ${next}`)
  }

  #warn(kind: string, { name, transport }: Controller, fields: object, message: string): void {
    const alike = this.#trouble.pass(kind)
    if (alike === undefined) return
    this.#options.host.log.warn({ controller: name, transport, ...fields, ...(alike > 0 ? { alike } : {}) }, message)
  }
}

const confirmed: readonly (readonly [string, Exact])[] = [['confirmed', true]]
const unconfirmed: readonly (readonly [string, Exact])[] = [['confirmed', false]]
