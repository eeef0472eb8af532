import type { Clock } from '../adapter.js'

/** Seconds between what was sent last and the end of the connection: later it has another cause. */
const soon = 1

/** So often a topic must have been under way at such an end: before it is sent alone, and before it is left out. */
const strikes = { alone: 3, out: 8 }

/** Seconds for which it is left out, and topics that are. */
const out = { seconds: 3600, most: 1000 }

/**
 * A message that a broker answers with the end of the connection (a topic that NATS cannot map, a payload that is too long for it) would be sent again for
 * ever, and nothing after it. Found by sending it alone, and then left out for an hour.
 */
export class Suspects {
  readonly #clock: Clock
  readonly #strikes = new Map<string, number>()
  /** Until when, monotonic seconds. */
  readonly #out = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One message at a time is sent, until it is known which it is. */
  get isAlone(): boolean {
    for (const count of this.#strikes.values()) if (count >= strikes.alone) return true
    return false
  }

  /** Is it left out? */
  has(topic: string): boolean {
    const until = this.#out.get(topic)
    if (until === undefined) return false
    if (this.#clock.monotonic() <= until) return true
    this.#out.delete(topic)
    return false
  }

  acknowledged(topic: string): void {
    if (this.#strikes.size > 0) this.#strikes.delete(topic)
  }

  /** The broker has ended the connection, `seconds` after these were sent. The topic that is left out from now on, if there is one. */
  lost(underway: ReadonlySet<string>, seconds: number): string | undefined {
    if (seconds > soon || underway.size === 0) return undefined
    const wasAlone = this.isAlone && underway.size === 1
    for (const topic of this.#strikes.keys()) if (!underway.has(topic)) this.#strikes.delete(topic)
    for (const topic of underway) this.#strikes.set(topic, (this.#strikes.get(topic) ?? 0) + 1)
    const [topic] = underway
    if (!wasAlone || topic === undefined || (this.#strikes.get(topic) ?? 0) < strikes.out) return undefined
    this.#strikes.delete(topic)
    if (this.#out.size >= out.most) this.#out.delete(this.#out.keys().next().value as string)
    this.#out.set(topic, this.#clock.monotonic() + out.seconds)
    return topic
  }
}
