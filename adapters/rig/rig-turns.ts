/** Messages that wait for their turn at one rig: interrupts first, then what stops, then all others as they came. */
import type { Clock, Watch } from '../../gateway/adapter.js'
import type { Exchange } from './rig-exchange.js'
import type { Ask } from './rig-ask.js'

export interface TurnsOptions {
  readonly clock: Clock
  /** Messages that may wait; as many again for those that interrupt or stop: those always find room beside the others. */
  readonly max: number
  /** Seconds that an ordinary one waits. */
  readonly within: number
  /** Its turn did not come in time. */
  readonly onLate: (exchange: Exchange) => void
  /** Nobody waits for it any more. */
  readonly onAbort: (exchange: Exchange, reason: unknown) => void
}

interface Waiting {
  readonly exchange: Exchange
  readonly limit: Watch | undefined
}

export class Turns {
  readonly #options: TurnsOptions
  readonly #waiting: Waiting[] = []

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#waiting.length
  }

  /** Something waits that interrupts or stops. */
  get isUrgent(): boolean {
    return this.#waiting[0]?.exchange.ask.priority !== undefined
  }

  hasRoom({ priority }: Ask): boolean {
    const isUrgent = priority !== undefined
    return this.#waiting.filter(({ exchange }) => (exchange.ask.priority !== undefined) === isUrgent).length < this.#options.max
  }

  push(exchange: Exchange): void {
    const { clock, within, onLate, onAbort } = this.#options
    const give = (tell: () => void): void => {
      if (this.#take(exchange)) tell()
    }
    const limit = exchange.ask.priority === undefined ? clock.after(within, () => give(() => onLate(exchange))) : undefined
    exchange.whenAborted((reason) => give(() => onAbort(exchange, reason)))
    const behind = this.#waiting.findIndex((other) => rank(other.exchange) > rank(exchange))
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, { exchange, limit })
  }

  /** Takes the next one out: it is its taker's now. */
  shift(): Exchange | undefined {
    const next = this.#waiting.shift()
    next?.limit?.cancel()
    return next?.exchange
  }

  /** Takes out what would start something, or prepare it. */
  takeStarts(): readonly Exchange[] {
    const starts = this.#waiting.map(({ exchange }) => exchange).filter(({ ask }) => ask.event === 'EXPINIT' || ask.event === 'EXPSTART')
    return starts.filter((exchange) => this.#take(exchange))
  }

  #take(exchange: Exchange): boolean {
    const at = this.#waiting.findIndex((waiting) => waiting.exchange === exchange)
    if (at < 0) return false
    this.#waiting.splice(at, 1)[0]?.limit?.cancel()
    return true
  }
}

function rank({ ask: { priority } }: Exchange): number {
  if (priority === 'interrupt') return 0
  return priority === 'stop' ? 1 : 2
}
