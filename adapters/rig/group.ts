/** Several rigs as one device, as the Services of the labs' programs have them (section 4.2). */
import type { Command, Exact, Host, Reading } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { refuseExpired } from '../common/expired.js'
import { awaited } from './calls.js'
import { callOf, interruptAfter } from './group-call.js'
import type { GroupCall, GroupMode } from './group-call.js'
import { Endings } from './group-endings.js'
import { Listening } from './group-listening.js'
import { Line, Turn, isWeak } from './group-line.js'
import { failureOf, mayHaveDone, resultOf } from './group-outcome.js'
import type { Outcome } from './group-outcome.js'
import type { GroupRig } from './group-rig.js'
import { Round } from './group-round.js'
import { failureText } from './group-text.js'
import type { Runs } from './runs.js'

export interface GroupOptions {
  /** Its device. */
  readonly name: string
  /** In the order in which they are asked. */
  readonly rigs: readonly GroupRig[]
  readonly mode: GroupMode
  /** Seconds for each answer, from its echo on, unless a call says otherwise. */
  readonly answerWithin: number
  /** Seconds of rigs that have a limit of their own: the longer one counts. */
  readonly ownWithin?: ReadonlyMap<string, number>
  /** Rigs that have carried out an init or a start that failed at another: let them be, or interrupt them. */
  readonly afterFailure: 'leave' | 'interrupt'
  readonly host: Host
  readonly runs: Runs
}

/** One life: created with its rigs, and closed with them. */
export class Group {
  readonly #options: GroupOptions
  readonly #line = new Line()
  readonly #endings: Endings
  readonly #under = new Set<{ readonly waiting: readonly string[] }>()
  readonly #shown = new Map<string, string>()
  #isOpen = false

  constructor(options: GroupOptions) {
    this.#options = options
    this.#endings = new Endings(options.rigs)
    options.runs.watch(() => this.#show())
  }

  /** Publishes who runs by what is known, also from before. */
  open(): void {
    this.#isOpen = true
    this.#show()
  }

  /**
   * No further rig is asked; what is under way ends with its rig, so close the rigs too. Resolves when every call has ended; nothing is
   * published then.
   */
  async close(): Promise<void> {
    await this.#line.close()
    this.#isOpen = false
  }

  /** A call of the group; the reply has an entry for each rig. Rejects with a GatewayError that names each rig that failed. */
  async execute(command: Command, signal: AbortSignal): Promise<Exact> {
    const { codename, op, value } = command
    const { name } = this.#options
    if (op !== 'call') throw new GatewayError('ReadOnly', `${name}/${codename} is called`)
    if (codename === 'await') return await this.#await(value, signal)
    const call = callOf(command)
    const turn = new Turn(call.priority ?? 'other')
    const watch = call.isBeginning ? this.#endings.watch((rig, text) => turn.halt('ended', { rig, text })) : undefined
    try {
      return await this.#line.take(turn, signal, async () => {
        turn.begin()
        refuseExpired(command, this.#options.host.clock)
        return await this.#go(call, turn, command.id)
      })
    } finally {
      watch?.cancel()
    }
  }

  async #go(call: GroupCall, turn: Turn, id: string): Promise<Exact> {
    const { name } = this.#options
    const rigs = this.#endings.own
    const outcomes = await this.#round(call, call.isEnding ? rigs.toReversed() : rigs, turn)
    const hasFailed = [...outcomes.values()].some(({ kind }) => kind !== 'done')
    const interrupts = hasFailed ? await this.#interrupt(call, outcomes, turn) : new Map<string, Outcome>()
    const result = resultOf(this.#names, outcomes, interrupts)
    await this.#publish('result', new Map<string, Exact>([['id', id], ['call', call.name], ['ok', !hasFailed], ...result]))
    if (!hasFailed) return result
    const running = this.#running
    const message = failureText({ group: name, call, outcomes, interrupts, running })
    // Nobody hears the reply.
    if (turn.why === 'gone' || turn.why === 'closed') this.#options.host.log.warn({ reason: message }, 'a call of a group was not finished')
    throw failureOf(message, outcomes, turn.why)
  }

  async #round(call: GroupCall, rigs: readonly GroupRig[], turn: Turn): Promise<ReadonlyMap<string, Outcome>> {
    const { mode, host, answerWithin, ownWithin } = this.#options
    const round = new Round({
      rigs,
      call,
      mode,
      answerWithin: (rig) => Math.max(answerWithin, ownWithin?.get(rig) ?? 0),
      clock: host.clock,
      onWaiting: () => this.#show()
    })
    // What stops rigs is for the rigs, whether somebody waits for it or not.
    turn.onHalt((halt) => (isWeak(halt.why) && call.isEnding ? undefined : round.halt(halt)))
    this.#under.add(round)
    await round.run()
    this.#under.delete(round)
    return round.outcomes
  }

  /** The rigs that have carried it out, or may have, from the last to the first. Who takes the place of the call sees to them itself. */
  async #interrupt(call: GroupCall, outcomes: ReadonlyMap<string, Outcome>, turn: Turn): Promise<ReadonlyMap<string, Outcome>> {
    const { afterFailure, name } = this.#options
    const isOurs = turn.why === undefined || isWeak(turn.why)
    if (afterFailure === 'leave' || !isOurs || !call.isBeginning) return new Map()
    const begun = this.#endings.own.filter((rig) => mayHaveDone(outcomes.get(rig.name))).toReversed()
    const message = failureText({ group: name, call, outcomes, interrupts: new Map(), running: [] })
    return await this.#round(interruptAfter(message), begun, turn)
  }

  async #await(value: Exact, signal: AbortSignal): Promise<Exact> {
    const { rigs, name, answerWithin, host } = this.#options
    const { event, within = answerWithin } = awaited(value)
    const listening = new Listening({ rigs, event, within, signal, clock: host.clock, onWaiting: () => this.#show() })
    this.#under.add(listening)
    const outcomes = await listening.run()
    this.#under.delete(listening)
    if ([...outcomes.values()].every(({ kind }) => kind === 'done')) return resultOf(this.#names, outcomes)
    const call = { name: 'await', isEnding: false }
    throw failureOf(failureText({ group: name, call, outcomes, interrupts: new Map(), running: [] }), outcomes)
  }

  get #names(): string[] {
    return this.#options.rigs.map(({ name }) => name)
  }

  get #running(): string[] {
    return this.#names.filter((name) => this.#options.runs.has(name))
  }

  #show(): void {
    const waiting = new Set([...this.#under].flatMap((one) => one.waiting))
    this.#showText('waiting_for', this.#names.filter((name) => waiting.has(name)).join(', '))
    this.#showText('running', this.#running.join(', '))
  }

  #showText(codename: string, text: string): void {
    if (!this.#isOpen || this.#shown.get(codename) === text) return
    this.#shown.set(codename, text)
    void this.#publish(codename, text)
  }

  /** Never rejects. */
  async #publish(codename: string, value: Exact): Promise<void> {
    if (!this.#isOpen) return
    const { host, name } = this.#options
    const reading: Reading = { device: name, codename, value, source: 'push' }
    try {
      await host.publish(reading)
    } catch (thrown) {
      host.count('dropped')
      // The next one is published anew.
      this.#shown.delete(codename)
      host.log.debug({ codename, reason: asGatewayError(thrown).message }, 'a reading of a group was not published')
    }
  }
}
