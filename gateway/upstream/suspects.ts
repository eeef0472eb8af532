import type { Clock } from '../adapter.js'

/** Seconds between what was sent last and the end of the connection: later it has another cause. */
const soon = 1

/** So often a topic must have been under way at such an end: before it is sent alone, and before a message of it is put aside; then before the next is. */
const strikes = { alone: 3, out: 8, again: 2 }

/** Seconds for which a topic is held back at first and at most, and topics that are doubted. */
const out = { first: 60, most: 3600, topics: 1000 }

interface Strikes {
  count: number
  /** A message on another topic was acknowledged since: it is not the broker. */
  isProven: boolean
}

interface Doubt {
  seconds: number
  /** Monotonic seconds until which all of the topic is held back; undefined: it is tried. */
  until: number | undefined
}

/**
 * A message that a broker answers with the end of the connection (a topic that NATS cannot map, a payload that is too long for it) would be sent again for
 * ever, and nothing after it. Found by sending it alone, and only where another message went through meanwhile: a broker that is ill ends the connection
 * at any. The message is put aside; the topic only when the next message on it fares no better.
 */
export class Suspects {
  readonly #clock: Clock
  readonly #strikes = new Map<string, Strikes>()
  readonly #doubts = new Map<string, Doubt>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One message at a time is sent, until it is known which it is. */
  get isAlone(): boolean {
    for (const [topic, { count }] of this.#strikes) if (count >= this.#alone(topic)) return true
    return false
  }

  /** Is all of it held back? */
  has(topic: string): boolean {
    return this.#doubts.get(topic)?.until !== undefined
  }

  /** Something else must be sent before it: nothing was acknowledged since it is suspected. */
  wantsWitness(topic: string): boolean {
    const found = this.#strikes.get(topic)
    return found !== undefined && !found.isProven && found.count >= this.#alone(topic)
  }

  /** Topics whose time is over: they are tried. */
  due(): string[] {
    const now = this.#clock.monotonic()
    const topics = [...this.#doubts].filter(([, { until }]) => until !== undefined && until <= now).map(([topic]) => topic)
    for (const topic of topics) {
      const doubt = this.#doubts.get(topic)
      if (doubt !== undefined) doubt.until = undefined
    }
    return topics
  }

  /** Seconds until the next is due; undefined: none is held back. */
  get wait(): number | undefined {
    const next = Math.min(...[...this.#doubts.values()].map(({ until }) => until ?? Infinity))
    return next === Infinity ? undefined : Math.max(0, next - this.#clock.monotonic())
  }

  acknowledged(topic: string): void {
    if (this.#doubts.size > 0) this.#doubts.delete(topic)
    if (this.#strikes.size === 0) return
    this.#strikes.delete(topic)
    for (const found of this.#strikes.values()) found.isProven = true
  }

  /** The broker has ended the connection, `seconds` after these were sent. The topic of the message that is put aside from now on, if there is one. */
  lost(underway: ReadonlySet<string>, seconds: number): string | undefined {
    if (seconds > soon || underway.size === 0) return undefined
    const wasAlone = this.isAlone && underway.size === 1
    for (const topic of this.#strikes.keys()) if (!underway.has(topic)) this.#strikes.delete(topic)
    for (const topic of underway) {
      const found = this.#strikes.get(topic) ?? { count: 0, isProven: false }
      found.count = found.isProven ? found.count + 1 : Math.min(found.count + 1, this.#alone(topic))
      this.#strikes.set(topic, found)
    }
    const [topic] = underway
    const found = topic === undefined ? undefined : this.#strikes.get(topic)
    if (!wasAlone || topic === undefined || found?.isProven !== true) return undefined
    const doubt = this.#doubts.get(topic)
    if (found.count < (doubt === undefined ? strikes.out : strikes.again)) return undefined
    this.#strikes.delete(topic)
    this.#doubts.delete(topic)
    if (this.#doubts.size >= out.topics) this.#doubts.delete(this.#doubts.keys().next().value as string)
    const last = doubt?.seconds ?? 0
    this.#doubts.set(topic, {
      seconds: Math.min(out.most, Math.max(out.first, last * 2)),
      until: doubt === undefined ? undefined : this.#clock.monotonic() + Math.max(out.first, last)
    })
    return topic
  }

  #alone(topic: string): number {
    return this.#doubts.has(topic) ? 1 : strikes.alone
  }
}
