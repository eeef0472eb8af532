/** Messages on their way to an answer: in order for each controller, bounded, and none that ends an experiment waits for another. */
import type { Exact } from '../../gateway/adapter.js'
import type { Controller } from './controller.js'
import type { EventName } from './events.js'
import type { AnsweredEvent } from './server-policies.js'
import type { Place } from './server-state.js'

export interface Turn extends Place {
  readonly controller: Controller
  readonly event: AnsweredEvent
  /** After the event number. */
  readonly elements: readonly Exact[]
  /** Of its bytes. */
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Monotonic seconds until which it must be answered. */
  readonly due: number
  /** Its place among all messages of all controllers. */
  readonly number: number
  /** It became a reading. */
  readonly isShown: boolean
  /** Nothing more of it is begun; the reason is the event that ended it. */
  readonly work: AbortController
  /** An answer or a report is on its way. */
  isAnswered: boolean
  /** What was written of that. */
  answer?: Buffer
}

export interface TurnsOptions {
  /** Carries it out, and hands over its answer. Never rejects. */
  readonly serve: (turn: Turn) => Promise<void>
}

/** Messages of one controller that may be without an answer; some more of those that end an experiment. */
const maxTurns = 16
const maxStops = 4

/** Bytes of all messages without an answer together; and of one that ends an experiment, which is taken all the same. */
const maxBytes = 2 ** 24
const stopBytes = 2 ** 13

export const stops: ReadonlySet<EventName> = new Set(['EXPEND', 'EXPINTERRUPT'])
const starts: ReadonlySet<AnsweredEvent> = new Set(['EXPINIT', 'EXPSTART'])

export class Turns {
  readonly #options: TurnsOptions
  readonly #open = new Set<Turn>()
  #bytes = 0

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Those that are not answered yet. */
  get open(): ReadonlySet<Turn> {
    return this.#open
  }

  /** False: too many wait, or too much. */
  take(turn: Turn): boolean {
    const { controller, event, size } = turn
    const isStop = stops.has(event)
    if (controller.turns.size >= maxTurns + (isStop ? maxStops : 0)) return false
    if (this.#bytes + size > maxBytes && !(isStop && size <= stopBytes)) return false
    if (isStop) this.#endStarts(event)
    this.#open.add(turn)
    this.#bytes += size
    controller.turns.add(turn)
    if (isStop) void this.#options.serve(turn)
    else {
      controller.line.push(turn)
      if (!controller.isServing) void this.#go(controller)
    }
    return true
  }

  /** It is answered, confirmed or not: the same bytes are a new message from now on. */
  done(turn: Turn): void {
    if (!this.#open.delete(turn)) return
    this.#bytes -= turn.size
    turn.controller.turns.delete(turn)
  }

  /** Nothing more is begun. */
  stop(): void {
    for (const { work } of this.#open) work.abort('stop')
  }

  /** Of whatever controller: what it was to begin must not begin after the end. */
  #endStarts(by: AnsweredEvent): void {
    for (const { event, work } of this.#open) if (starts.has(event)) work.abort(by)
  }

  async #go(controller: Controller): Promise<void> {
    controller.isServing = true
    for (let turn = controller.line.shift(); turn !== undefined; turn = controller.line.shift()) await this.#options.serve(turn)
    controller.isServing = false
  }
}
