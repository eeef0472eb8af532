import type { Clock, Logger } from './adapter.js'
import { told } from './errors.js'
import type { GatewayError } from './errors.js'
import { Throttle } from './log.js'

/** Seconds between two log lines about the refused messages of one client. */
const every = 10

export interface Refusal {
  readonly topic: string
  readonly client: string
  readonly error: GatewayError
  /** Of the command, where it was one. */
  readonly id: string | undefined
  /** Of so many of one client not each is. */
  readonly isDeadLetter: boolean
}

/** Log lines about refused messages, with restraint: one client that is wrong a thousand times a second is told of once in a while. */
export class RefusalLog {
  readonly #log: Logger
  readonly #throttle: Throttle

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#log = log
    this.#throttle = new Throttle(every, () => clock.monotonic())
  }

  tell({ topic, client, error, id, isDeadLetter }: Refusal): void {
    const held = this.#throttle.pass(`${client}\0${error.class}\0${!isDeadLetter}`)
    if (held === undefined) return
    const reason = id === undefined ? error.message : told(error)
    this.#log.warn(
      { client, topic, id, class: error.class, reason, ...(held > 0 ? { alike: held } : {}) },
      isDeadLetter ? 'a message was refused' : 'a message was refused; of so many of one client not each is a dead letter'
    )
  }
}
