/** Answers that may still come to messages that nobody waits for any more: they must not be taken for those to later ones. */
import type { Clock } from '../../gateway/adapter.js'
import type { EventName } from './events.js'

/** One of them. */
export interface Debt {
  /** That was sent. */
  readonly event: EventName
  /** The message. */
  readonly text: string
  /** Monotonic seconds. */
  readonly until: number
  /** So long a stop of the instance waits for it; monotonic seconds. */
  readonly pressing: number
}

/** Seconds for which an answer may be late. */
const owedFor = 60

/** Seconds for which a stop of the instance waits for one (section 9). */
const stopWithin = 10

/** Messages without an answer that are remembered. */
const max = 64

export class Owed {
  readonly #clock: Clock
  /** The oldest first. */
  #debts: Debt[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `pressing`: seconds for which a stop of the instance waits for it. */
  add(event: EventName, bytes: Buffer, pressing = stopWithin): void {
    const now = this.#clock.monotonic()
    this.putBack({ event, text: bytes.toString(), until: now + owedFor, pressing: now + pressing })
  }

  putBack(debt: Debt): void {
    this.#debts = [...this.#left, debt].slice(-max)
  }

  has(event: EventName): boolean {
    return this.#left.some((debt) => answersTo(debt.event).includes(event))
  }

  /** The one to which a message of this event may be the answer. */
  take(event: EventName): Debt | undefined {
    return this.#take((debt) => debt.event === event) ?? this.#take((debt) => answersTo(debt.event).includes(event))
  }

  /** The one that a report may be about; `about`: the message that it quotes. Without event: any. */
  takeReported(event: EventName | undefined, about: string | undefined): Debt | undefined {
    return this.#take(({ text }) => text === about) ?? this.#take((debt) => event === undefined || debt.event === event)
  }

  hasText(text: string): boolean {
    return this.#left.some((debt) => debt.text === text)
  }

  /** Seconds for which a stop of the instance has to wait; 0: it need not. */
  get pressing(): number {
    return Math.max(0, ...this.#left.map(({ pressing }) => pressing - this.#clock.monotonic()))
  }

  /** There is no way on which they could come now: nobody need wait for them. */
  calm(): void {
    this.#debts = this.#debts.map((debt) => ({ ...debt, pressing: -Infinity }))
  }

  clear(): void {
    this.#debts = []
  }

  get #left(): Debt[] {
    const now = this.#clock.monotonic()
    this.#debts = this.#debts.filter(({ until }) => until > now)
    return this.#debts
  }

  #take(fits: (debt: Debt) => boolean): Debt | undefined {
    const at = this.#left.findIndex(fits)
    return at < 0 ? undefined : this.#debts.splice(at, 1)[0]
  }
}

/** iblrig's camera rig answers a cleanup with an interrupt (section 2.1). */
export function answersTo(event: EventName): readonly EventName[] {
  return event === 'EXPCLEANUP' ? ['EXPCLEANUP', 'EXPINTERRUPT'] : [event]
}
