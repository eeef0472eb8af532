/** One message to a rig, from the moment it is asked for until nothing of it is to come any more. */
import type { Clock, Exact } from '../../gateway/adapter.js'
import type { GatewayError } from '../../gateway/errors.js'
import { readPayload } from './codec.js'
import type { EventName } from './events.js'
import type { Debt } from './owed.js'
import type { Answered, Ask, Asked } from './rig-ask.js'

interface Settle<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: GatewayError) => void
}

/** What may be its answer; `debt`: or that to this earlier message. */
export interface Candidate {
  readonly elements: readonly Exact[]
  readonly debt: Debt | undefined
}

/** Messages before an echo that may be answers. */
const maxEarly = 4

export class Exchange implements Asked {
  readonly ask: Ask
  readonly bytes: Buffer
  readonly echoed: Promise<{ readonly echo: number; readonly waited: number }>
  readonly answered: Promise<Answered>
  /** What came of the same event before the echo: the network may turn the two round. */
  readonly early: Candidate[] = []
  /** The last one that may be its answer, and may be an earlier one's. */
  perhaps: (Candidate & { readonly debt: Debt }) | undefined
  /** A report that may be about it, and may be about an earlier one. */
  said: string | undefined
  /** It left. */
  isWritten = false
  /** The rig said that it failed, before its echo was here. */
  report: string | undefined
  /** Why its answer may be another's. */
  note: string | undefined
  readonly #clock: Clock
  readonly #asked: number
  #sent: number | undefined
  #echo: number | undefined
  #echoAt = 0
  #settleEcho: Settle<{ echo: number; waited: number }> | undefined
  #settleAnswer: Settle<Answered> | undefined
  #forget: () => void = () => undefined

  constructor(ask: Ask, bytes: Buffer, clock: Clock) {
    this.ask = ask
    this.bytes = bytes
    this.#clock = clock
    this.#asked = clock.monotonic()
    this.echoed = new Promise((resolve, reject) => (this.#settleEcho = { resolve, reject }))
    this.answered = new Promise((resolve, reject) => (this.#settleAnswer = { resolve, reject }))
    // Who asks may wait for one of the two alone.
    this.echoed.catch(() => undefined)
    this.answered.catch(() => undefined)
  }

  /** What its answer is told by; undefined: none comes. */
  get event(): EventName | undefined {
    const { event, raw } = this.ask
    if (raw === undefined) return event
    const payload = readPayload(raw.bytes)
    return payload.kind === 'message' ? payload.event : undefined
  }

  cameEarly(candidate: Candidate): void {
    if (this.early.length < maxEarly) this.early.push(candidate)
  }

  get isEchoed(): boolean {
    return this.#echo !== undefined
  }

  /** Seconds from the message to its echo. */
  get echo(): number {
    return this.#echo ?? 0
  }

  get isSent(): boolean {
    return this.#sent !== undefined
  }

  /** Calls `run` when nobody waits for it any more. */
  whenAborted(run: (reason: unknown) => void): void {
    this.#forget()
    const { signal } = this.ask
    const aborted = (): void => run(signal?.reason)
    signal?.addEventListener('abort', aborted, { once: true })
    this.#forget = () => signal?.removeEventListener('abort', aborted)
  }

  sent(): void {
    this.#sent = this.#clock.monotonic()
  }

  confirm(seconds: number): void {
    this.#echo = seconds
    this.#echoAt = this.#clock.monotonic()
    this.#settleEcho?.resolve({ echo: seconds, waited: this.#waited })
  }

  /** Without elements: none was waited for. Returns what its caller is told. */
  done(elements?: readonly Exact[]): Answered {
    const answer = elements === undefined ? 0 : this.#clock.monotonic() - this.#echoAt
    const answered: Answered = {
      elements: elements ?? [],
      event: this.ask.event,
      echo: this.echo,
      answer,
      waited: this.#waited,
      ...(this.note === undefined ? {} : { note: this.note })
    }
    this.#forget()
    this.#settleAnswer?.resolve(answered)
    return answered
  }

  fail(error: GatewayError): void {
    this.#forget()
    this.#settleEcho?.reject(error)
    this.#settleAnswer?.reject(error)
  }

  get #waited(): number {
    return (this.#sent ?? this.#clock.monotonic()) - this.#asked
  }
}
