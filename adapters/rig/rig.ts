/**
 * One real rig that we drive: what is asked of it goes out one at a time, and nothing further before the answer has come or its time is
 * over. A real rig that is asked while it waits for the echo of its answer takes the question for a wrong echo, and is deaf from then on
 * (section 7).
 */
import type { Clock, Exact, Watch } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { refuseExpired } from '../common/expired.js'
import type { Payload } from './codec.js'
import { encodeMessage } from './codec.js'
import type { EventName } from './events.js'
import { Exchange } from './rig-exchange.js'
import { Failures } from './rig-failures.js'
import type { Link } from './rig-link.js'
import { Listeners } from './rig-listeners.js'
import { Turns } from './rig-turns.js'

export interface Ask {
  readonly event: EventName
  /** After the event number. */
  readonly elements: readonly Exact[]
  /** An answer of the same event is waited for; false: the echo is enough. */
  readonly answer: boolean
  /** Seconds for the answer, from the echo on. */
  readonly answerWithin: number
  /** Before all others that wait; a stop behind interrupts. Never before what is under way. */
  readonly priority?: 'interrupt' | 'stop'
  /** While it waits it is never sent then; afterwards only nobody is told any more: its answer is echoed all the same. */
  readonly signal?: AbortSignal
  /** Unix seconds after which it is not sent any more. */
  readonly expires?: number
  /** Of our own accord: what comes of it is no event. */
  readonly isPoll?: boolean
  /** Sent as it stands: what an expert wrote, and how it is called in texts; event and elements are what it is taken for. */
  readonly raw?: { readonly bytes: Buffer; readonly label: string }
}

export interface Answered {
  /** After the event number. */
  readonly elements: readonly Exact[]
  readonly event: EventName
  /** Seconds from the message to its echo. */
  readonly echo: number
  /** Seconds from the echo to the answer. */
  readonly answer: number
  /** Seconds that it waited for its turn. */
  readonly waited: number
  /** What a person should know of it. */
  readonly note?: string
}

/** Both reject with a GatewayError; either may be left alone. `echoed` tells the seconds. */
export interface Asked {
  readonly echoed: Promise<{ readonly echo: number; readonly waited: number }>
  readonly answered: Promise<Answered>
  /** It does not wait for its turn any more: a signal cannot take it back. */
  readonly isSent: boolean
}

export interface RigOptions {
  readonly name: string
  readonly device: string
  /** For people: its URI. */
  readonly where: string
  readonly clock: Clock
  /** Seconds, for the texts of failures. */
  readonly echoWithin: number
  readonly link: Pick<Link, 'send' | 'isAwaiting'>
  /** It is to leave now; what this returns is waited for first. */
  readonly onBegin: (ask: Ask) => Promise<unknown> | undefined
  /** It is there. */
  readonly onEchoed: () => void
  /** It echoed, and answered if it was to; `answered` is undefined when the echo was enough. */
  readonly onDone: (ask: Ask, answered: Answered | undefined) => void
  readonly onFailed: (ask: Ask, error: GatewayError) => void
}

/** Messages that may wait for their turn; as many again for those that stop things. */
export const maxWaiting = 32

/** Seconds that a message waits for its turn. Those that stop things wait until it comes: each one before them has its own limit. */
const turnWithin = 60

/** Seconds for which an answer that nobody waits for is left time to come, before the next message might cross it. */
const settleWithin = 0.1

/** Seconds for which an answer that did not come in time may still come: it must not be taken for one to the next message. */
const owedFor = 60

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
  /** Answers that did not come in time, and until when they may (monotonic seconds). */
  readonly #owed = new Map<EventName, number>()
  /** Told when nothing is under way any more. */
  #drained: (() => void) | undefined

  constructor(options: RigOptions) {
    const { name, device, where, clock } = options
    this.name = name
    this.device = device
    this.where = where
    this.#options = options
    this.#clock = clock
    this.#failures = new Failures(options)
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
    if (current === undefined || payload.kind !== 'message' || !answersTo(current.ask.event).includes(payload.event)) return undefined
    return this.#isConfirmed(current) || (current.isWritten && !this.#isOwed(payload.event)) ? current.ask : undefined
  }

  /** A payload came that is no confirmation. */
  heard(payload: Payload): void {
    if (payload.kind === 'odd') return
    if (payload.kind === 'report') return this.#reported(payload.text, payload.event)
    const { event, elements } = payload
    const current = this.#current
    const isOwed = this.#isOwed(event)
    this.#owed.delete(event)
    if (current !== undefined && answersTo(current.ask.event).includes(event)) {
      const isConfirmed = this.#isConfirmed(current)
      if (isOwed && isConfirmed) current.note = `this may be the late answer to an earlier ${event}`
      if (current.isEchoed) this.#answered(current, elements)
      else if (isConfirmed || (current.isWritten && !isOwed)) current.early ??= elements
    }
    this.#listeners.tell(event, elements)
  }

  /** Nothing new is sent. Resolves when what is under way is over, so that a late answer is still echoed, or after so many seconds. */
  async drain(within: number): Promise<void> {
    this.#isOpen = false
    for (let next = this.#turns.shift(); next !== undefined; next = this.#turns.shift()) next.fail(this.#failures.closed(next.ask, false))
    this.#listeners.close(new GatewayError('Unreachable', `rig ${this.name}: the instance was stopped meanwhile`, { code: 'closed' }))
    if (this.#current === undefined) return
    await new Promise<void>((resolve) => {
      const limit = this.#clock.after(within, resolve)
      this.#drained = () => {
        limit.cancel()
        resolve()
      }
    })
    this.#drained = undefined
    const left = this.#current
    if (left !== undefined) this.#failed(left, this.#failures.closed(left.ask, true))
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
    const { ask, report } = exchange
    // Whoever reports that it failed has got it, whatever became of the echo.
    this.#failed(exchange, report === undefined ? this.#failures.ofTrouble(ask, trouble) : this.#failures.report(ask, report))
  }

  #echoed(exchange: Exchange, seconds: number): void {
    if (exchange !== this.#current) return
    const { ask, report, early } = exchange
    exchange.confirm(seconds)
    this.#options.onEchoed()
    if (report !== undefined) this.#failed(exchange, this.#failures.report(ask, report))
    else if (!ask.answer) {
      exchange.done()
      this.#options.onDone(ask, undefined)
      if (early !== undefined || ask.event === 'ALYX') this.#over(exchange)
      else this.#limit = this.#clock.after(settleWithin, () => this.#over(exchange))
    } else if (early !== undefined) this.#answered(exchange, early)
    else
      this.#limit = this.#clock.after(ask.answerWithin, () => {
        for (const event of answersTo(ask.event)) this.#owed.set(event, this.#clock.monotonic() + owedFor)
        this.#failed(exchange, this.#failures.answerTimeout(ask, exchange.echo))
      })
  }

  #answered(exchange: Exchange, elements: readonly Exact[]): void {
    // One that only waits for what may still come is settled already.
    if (exchange.ask.answer) this.#options.onDone(exchange.ask, exchange.done(elements))
    this.#over(exchange)
  }

  #reported(text: string, event: EventName | undefined): void {
    const current = this.#current
    if (current === undefined || (event !== undefined && event !== current.ask.event)) return
    if (!current.isWritten) return
    if (!current.isEchoed) current.report ??= text
    else if (current.ask.answer) this.#failed(current, this.#failures.report(current.ask, text))
    else this.#over(current)
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
    this.#current = undefined
    this.#drained?.()
    this.#next()
  }

  /** Its echo is here, though who waits for it may not have been told yet. */
  #isConfirmed({ isEchoed, isWritten }: Exchange): boolean {
    return isEchoed || (isWritten && !this.#options.link.isAwaiting)
  }

  #isOwed(event: EventName): boolean {
    return (this.#owed.get(event) ?? -Infinity) > this.#clock.monotonic()
  }
}

/** iblrig's camera rig answers a cleanup with an interrupt (section 2.1). */
function answersTo(event: EventName): readonly EventName[] {
  return event === 'EXPCLEANUP' ? ['EXPCLEANUP', 'EXPINTERRUPT'] : [event]
}
