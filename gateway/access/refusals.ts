import type { Logger } from '../adapter.js'
import { Throttle } from '../log.js'

/** Seconds between two log lines about the same. */
const every = 10

/** Whom it was about. Never a password. */
export interface About {
  /** The listener's name in the configuration. */
  readonly listener: string
  readonly address: string
  readonly user?: string | undefined
  readonly client?: string | undefined
  readonly topic?: string | undefined
}

/** Every refusal is counted, and told with restraint. */
export class Refusals {
  readonly #log: Logger
  readonly #throttle: Throttle
  readonly #counts = new Map<string, bigint>()

  constructor(log: Logger, monotonic: () => number) {
    this.#log = log
    this.#throttle = new Throttle(every, monotonic)
  }

  get counts(): ReadonlyMap<string, bigint> {
    return this.#counts
  }

  /** `reason`: one of few words. */
  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0n) + 1n)
  }

  tell(why: string, about: About): void {
    const held = this.#throttle.pass(`${why}\0${about.listener}\0${about.address}`)
    if (held === undefined) return
    const { listener, address, user, client, topic } = about
    const more = Object.entries({ user, client, topic }).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value.slice(0, 200)]]
    )
    this.#log.warn(
      { listener, address, ...Object.fromEntries(more), why, ...(held > 0 ? { alike: held } : {}) },
      'somebody was refused; counted under access of the gateway device'
    )
  }
}
