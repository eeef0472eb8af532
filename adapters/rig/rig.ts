/**
 * One real rig that we drive: what is asked of it goes out one at a time, and nothing further before the answer has come or its time is
 * over. A real rig that is asked while it waits for the echo of its answer takes the question for a wrong echo, and is deaf from then on
 * (section 7).
 */
import type { Clock, Exact, Watch } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { exactEqual } from '../common/exact-json.js'
import { refuseExpired } from '../common/expired.js'
import type { Payload, Report } from './codec.js'
import { encodeMessage, mustEcho } from './codec.js'
import type { EventName } from './events.js'
import { Owed, answersTo } from './owed.js'
import { Trouble } from './peer.js'
import type { Ask, Asked, RigOptions } from './rig-ask.js'
import { Exchange } from './rig-exchange.js'
import type { Candidate } from './rig-exchange.js'
import { Failures } from './rig-failures.js'
import type { Hold } from './rig-hold.js'
import { Listeners } from './rig-listeners.js'
import { Turns } from './rig-turns.js'

export type { Answered, Ask, Asked, RigOptions } from './rig-ask.js'

/** Messages that may wait for their turn; as many again for those that stop things. */
export const maxWaiting = 32

/** Seconds that a message waits for its turn. Those that stop things wait until it comes: each one before them has its own limit. */
const turnWithin = 60

/** Seconds for which an answer that nobody waits for is left time to come, before the next message might cross it. */
const settleWithin = 0.1

/** Seconds for a second answer, where the first may be that to an earlier message. */
const doubtWithin = 1

/**
 * Seconds after a message without an echo: a rig that was only busy has it still before it, echoes and answers it, and is deaf when it finds
 * the next message in place of the echo of that answer. What stops things waits for less.
 */
const holdWithin = 3
const urgentHold = 1

/** Seconds for which a stop of the instance waits for the answer of a rig that need not answer. */
const unaskedWithin = 3

export class Rig {
  readonly name: string
  readonly device: string
  /** For people: its URI. */
  readonly where: string
  readonly #options: RigOptions
  readonly #clock: Clock
  readonly #failures: Failures
  readonly #turns: Turns
  readonly #listeners: Listeners
  readonly #endings = new Set<(event: EventName) => void>()
  #isOpen = false
  /** Under way. */
  #current: Exchange | undefined
  /** Until its answer must be there. */
  #limit: Watch | undefined
  /** When its answer must be there; monotonic seconds. */
  #until = 0
  /** What is under way is over, and only keeps its place. */
  #hold: Hold | undefined
  /** Until what stops things need not wait for that any more. */
  #hurry: Watch | undefined
  readonly #owed: Owed
  /** Told when something may be over. */
  #drained: (() => void) | undefined

  constructor(options: RigOptions) {
    const { name, device, where, clock } = options
    this.name = name
    this.device = device
    this.where = where
    this.#options = options
    this.#clock = clock
    this.#failures = new Failures(options)
    this.#owed = new Owed(clock)
    this.#listeners = new Listeners(clock, `rig ${name} (${where})`)
    this.#turns = new Turns({
      clock,
      max: maxWaiting,
      within: turnWithin,
      onLate: (late) => late.fail(this.#failures.late(late.ask, turnWithin, this.#current?.ask)),
      onAbort: (left) => left.fail(this.#failures.left(left.ask, false))
    })
  }

  start(): void {
    this.#isOpen = true
    this.#owed.clear()
  }

  /** Nothing is under way, and nothing waits. */
  get isIdle(): boolean {
    return this.#current === undefined && this.#turns.length === 0
  }

  /** Never throws: what is wrong rejects both promises. */
  ask(ask: Ask): Asked {
    let exchange: Exchange
    try {
      exchange = new Exchange(ask, ask.raw?.bytes ?? encodeMessage(ask.event, ask.elements), this.#clock)
    } catch (error) {
      exchange = new Exchange(ask, Buffer.alloc(0), this.#clock)
      exchange.fail(asGatewayError(error))
      return exchange
    }
    if (!this.#isOpen) exchange.fail(this.#failures.closed(ask, false))
    else if (ask.signal?.aborted === true) exchange.fail(this.#failures.left(ask, false))
    else if (!this.#turns.hasRoom(ask)) exchange.fail(this.#failures.full(ask))
    else {
      // A start that is still to come would have the rig run after it was told to end.
      if (ask.priority !== undefined) {
        for (const begun of this.#turns.takeStarts()) begun.fail(this.#failures.overtaken(begun.ask, ask))
        for (const tell of this.#endings) tell(ask.event)
      }
      this.#turns.push(exchange)
      this.#next()
      this.#hurryOn()
    }
    return exchange
  }

  /** Tells each stop and interrupt that it is asked for, whoever asks: from then on nothing should begin that was asked before. */
  onEnding(tell: (event: EventName) => void): Watch {
    this.#endings.add(tell)
    return { cancel: () => this.#endings.delete(tell) }
  }

  /** The next message of that event that comes after this call. Rejects with Timeout. */
  next(event: EventName, within: number, signal?: AbortSignal): Promise<readonly Exact[]> {
    return this.#listeners.next(event, within, signal)
  }

  /** What this payload is an answer to, if it is one. Changes nothing. */
  answers(payload: Payload): Ask | undefined {
    const current = this.#current
    if (current === undefined || payload.kind !== 'message' || !isAnswer(current, payload.event)) return undefined
    return this.#isConfirmed(current) || (current.isWritten && !this.#owed.has(payload.event)) ? current.ask : undefined
  }

  /** It is the answer that is waited for. */
  wants(payload: Payload): boolean {
    return this.#current?.isEchoed === true && this.answers(payload) !== undefined
  }

  /** A payload came that is no confirmation. */
  heard(payload: Payload): void {
    if (payload.kind === 'odd') return
    if (payload.kind === 'report') this.#reported(payload)
    else {
      const { event, elements } = payload
      const debt = this.#owed.take(event)
      const current = this.#current
      if (current !== undefined && isAnswer(current, event)) {
        if (this.#hold !== undefined) this.#heardHeld(this.#hold, event, debt === undefined)
        else if (current.isEchoed) this.#offer(current, { elements, debt })
        else if (this.#isConfirmed(current) || (current.isWritten && debt === undefined)) current.cameEarly({ elements, debt })
      }
      this.#listeners.tell(event, elements)
    }
    this.#drained?.()
  }

  /** The echo came for which nobody waits any more: the rig was busy, and does now what it was told. */
  late(): void {
    const hold = this.#hold
    if (hold === undefined || hold.exchange.isEchoed) return
    const { ask } = hold.exchange
    this.#keep(hold.exchange, ask.answer ? Math.min(ask.answerWithin, holdWithin) : settleWithin, true)
  }

  /** Its connection is gone: what was echoed over it gets no answer, unless the rig speaks over the next one (section 7). */
  lost(reason: string): void {
    const current = this.#current
    this.#owed.calm()
    if (this.#hold !== undefined) return this.#release(this.#hold.exchange)
    if (current?.isEchoed !== true) return
    if (current.perhaps !== undefined) return this.#accept(current)
    this.#owe(current, 0)
    this.#failed(current, this.#failures.ofTrouble(current.ask, new Trouble('offline', reason, true)))
  }

  /** Nothing new is sent. Resolves when no answer is to come any more, so that a late one is still echoed, or after so many seconds. */
  async drain(within: number): Promise<void> {
    this.#isOpen = false
    for (let next = this.#turns.shift(); next !== undefined; next = this.#turns.shift()) next.fail(this.#failures.closed(next.ask, false))
    this.#listeners.close(new GatewayError('Unreachable', `rig ${this.name}: the instance was stopped meanwhile`, { code: 'closed' }))
    await new Promise<void>((resolve) => {
      const limit = this.#clock.after(within, () => end())
      let again: Watch | undefined
      const end = (): void => {
        limit.cancel()
        again?.cancel()
        this.#drained = undefined
        resolve()
      }
      const look = (): void => {
        again?.cancel()
        if (this.#current !== undefined) return
        const { pressing } = this.#owed
        if (pressing === 0) end()
        else again = this.#clock.after(pressing, look)
      }
      this.#drained = look
      look()
    })
    const left = this.#current
    if (left === undefined) return
    if (this.#hold === undefined) this.#failed(left, this.#failures.closed(left.ask, true))
    else this.#over(left)
  }

  #next(): void {
    while (this.#current === undefined && this.#isOpen) {
      const next = this.#turns.shift()
      if (next === undefined) return
      try {
        const { expires } = next.ask
        refuseExpired(expires === undefined ? {} : { expires }, this.#clock)
        this.#begin(next)
      } catch (error) {
        next.fail(asGatewayError(error))
      }
    }
  }

  #begin(exchange: Exchange): void {
    this.#current = exchange
    exchange.sent()
    exchange.whenAborted(() => exchange.fail(this.#failures.left(exchange.ask, true)))
    this.#send(exchange).then(
      ({ seconds }) => this.#echoed(exchange, seconds),
      (trouble: unknown) => this.#unechoed(exchange, trouble)
    )
  }

  async #send(exchange: Exchange): Promise<{ readonly seconds: number }> {
    const { ask, bytes } = exchange
    const ready = this.#options.onBegin(ask)
    if (ready !== undefined) await ready
    return await this.#options.link.send({ bytes, onWritten: () => (exchange.isWritten = true) })
  }

  #unechoed(exchange: Exchange, trouble: unknown): void {
    if (exchange !== this.#current) return
    const { ask, report, early } = exchange
    // Whoever reports that it failed has got it, whatever became of the echo.
    if (report !== undefined) return this.#failed(exchange, this.#failures.report(ask, report))
    const error = this.#failures.ofTrouble(ask, trouble)
    const isUnclear = error.code === 'echo-timeout' || error.code === 'echo-mismatch'
    // An echo in other words is none; anything else of its event is its answer.
    const mayCome = exchange.event !== undefined && early.every(({ elements }) => exactEqual(elements, ask.elements))
    if (mayCome && (isUnclear || (error.code === 'offline' && error.maybeExecuted))) this.#owe(exchange, holdWithin)
    exchange.fail(error)
    this.#options.onFailed(ask, error)
    if (isUnclear && mayCome) this.#keep(exchange, holdWithin, true)
    else this.#over(exchange)
  }

  #echoed(exchange: Exchange, seconds: number): void {
    if (exchange !== this.#current) return
    const { ask, report, early, bytes } = exchange
    exchange.confirm(seconds)
    const hasEcho = mustEcho(bytes)
    if (hasEcho) this.#options.onEchoed()
    if (report !== undefined) return this.#failed(exchange, this.#failures.report(ask, report))
    if (!ask.answer) {
      exchange.done()
      this.#options.onDone(ask, undefined)
      const mayCome = hasEcho && exchange.event !== undefined && exchange.event !== 'ALYX'
      if (mayCome && early.every(({ debt }) => debt !== undefined)) this.#keep(exchange, settleWithin, false)
      else this.#over(exchange)
      return
    }
    this.#until = this.#clock.monotonic() + ask.answerWithin
    this.#limit = this.#clock.after(ask.answerWithin, () => this.#timeUp(exchange))
    for (const candidate of early) if (exchange === this.#current) this.#offer(exchange, candidate)
  }

  /** Where an earlier message is without its answer yet, this may be that; the rig answers in order, so a second one is its own. */
  #offer(exchange: Exchange, { elements, debt }: Candidate): void {
    if (debt === undefined) return this.#answered(exchange, elements)
    exchange.perhaps = { elements, debt }
    // Of another event it is most likely not the answer: there is time.
    if (debt.event !== exchange.event) return
    this.#limit?.cancel()
    this.#limit = this.#clock.after(Math.min(doubtWithin, this.#until - this.#clock.monotonic()), () => this.#timeUp(exchange))
  }

  #timeUp(exchange: Exchange): void {
    if (exchange.perhaps !== undefined) return this.#accept(exchange)
    this.#owe(exchange)
    this.#failed(exchange, this.#failures.answerTimeout(exchange.ask, exchange.echo, exchange.said))
  }

  /** No better answer came. */
  #accept(exchange: Exchange): void {
    const { perhaps } = exchange
    if (perhaps === undefined) return
    exchange.note = `this may be the late answer to an earlier ${perhaps.debt.event}`
    this.#owed.putBack(perhaps.debt)
    this.#answered(exchange, perhaps.elements)
  }

  #answered(exchange: Exchange, elements: readonly Exact[]): void {
    this.#options.onDone(exchange.ask, exchange.done(elements))
    this.#over(exchange)
  }

  #reported({ text, event, about }: Report): void {
    const current = this.#current
    // What it quotes is the message itself, and no earlier one was the same.
    const isOurs = current?.isWritten === true && about === current.bytes.toString() && !this.#owed.hasText(about)
    const debt = isOurs ? undefined : this.#owed.takeReported(event, about)
    if (current === undefined || (event !== undefined && event !== current.event) || !current.isWritten) return
    if (this.#hold !== undefined) this.#heardHeld(this.#hold, current.event, debt === undefined)
    else if (debt !== undefined) current.said ??= text
    else if (current.isEchoed) this.#failed(current, this.#failures.report(current.ask, text))
    else current.report ??= text
  }

  /** Something came for which the place was kept, perhaps. */
  #heardHeld({ exchange, isOwed }: Hold, event: EventName | undefined, isNew: boolean): void {
    if (isOwed ? event === undefined || !this.#owed.has(event) : isNew) this.#over(exchange)
  }

  #owe({ event, bytes }: Exchange, pressing?: number): void {
    if (event !== undefined) this.#owed.add(event, bytes, pressing)
  }

  /** It is settled; the next one waits until what may still come of it is here, or so many seconds. */
  #keep(exchange: Exchange, seconds: number, isOwed: boolean): void {
    this.#limit?.cancel()
    this.#hurry?.cancel()
    this.#hurry = undefined
    this.#hold = { exchange, isOwed, since: this.#clock.monotonic() }
    this.#limit = this.#clock.after(seconds, () => this.#release(exchange))
    this.#hurryOn()
  }

  #hurryOn(): void {
    const hold = this.#hold
    if (hold === undefined || this.#hurry !== undefined || !this.#turns.isUrgent) return
    const left = Math.max(0, hold.since + urgentHold - this.#clock.monotonic())
    this.#hurry = this.#clock.after(left, () => this.#release(hold.exchange))
  }

  /** Nothing came of it. */
  #release(exchange: Exchange): void {
    if (this.#hold?.isOwed === false) this.#owe(exchange, unaskedWithin)
    this.#over(exchange)
  }

  #failed(exchange: Exchange, error: GatewayError): void {
    exchange.fail(error)
    this.#options.onFailed(exchange.ask, error)
    this.#over(exchange)
  }

  #over(exchange: Exchange): void {
    if (exchange !== this.#current) return
    this.#limit?.cancel()
    this.#limit = undefined
    this.#hurry?.cancel()
    this.#hurry = undefined
    this.#hold = undefined
    this.#current = undefined
    this.#drained?.()
    this.#next()
  }

  /** Its echo is here, though who waits for it may not have been told yet. */
  #isConfirmed({ isEchoed, isWritten }: Exchange): boolean {
    return isEchoed || (isWritten && !this.#options.link.isAwaiting)
  }
}

function isAnswer({ event }: Exchange, heard: EventName): boolean {
  return event !== undefined && answersTo(event).includes(heard)
}
