import type { Stopwatch } from '../metrics/histogram.js'
import { delivery } from '../topic.js'
import type { Kind } from '../topic.js'

/**
 * Hands a message of the gateway to the broker. False: refused, because the queue is full. `retain` overrides the kind's own;
 * `sure`: it must find room, because it takes back what was said before, and there is at most one for each codename.
 */
export type Publish = (topic: string, payload: string, kind: Kind | 'dead', more?: { retain?: boolean; sure?: boolean }) => boolean

export interface Message {
  readonly cmd: 'publish'
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1
  readonly retain: boolean
  readonly dup: false
}

/** Messages that Aedes may hold undelivered, because a subscriber of theirs reads slowly. */
const inFlight = 1024

/** Bytes that may wait, besides the number of messages. */
const maxBytes = 64 * 1024 * 1024

/**
 * The bounded, ordered queue between the gateway and the broker. Its callers never wait for Aedes: a subscriber that reads
 * slowly holds back Aedes' callback, sometimes for seconds.
 * Readings are refused when it is full, dead letters already at half; states, replies and descriptions always find room,
 * as each is bounded where it is made.
 */
export class Queue {
  readonly #deliver: (message: Message, done: () => void) => void
  readonly max: number
  readonly #watch: Stopwatch | undefined
  readonly #shed: (kind: Kind | 'dead') => void
  /** What was taken leaves its place empty, or a payload of megabytes would stay until the array is cut. */
  #waiting: (Message | undefined)[] = []
  /** When each of these came, by the watch. */
  #since: number[] = []
  #head = 0
  #underway = 0
  #bytes = 0
  #closed = false
  #idle: (() => void)[] = []
  #taken = 0
  #given = 0
  /** Who waits until so many messages have been handed over, in order. */
  #behind: { readonly after: number; readonly run: () => void }[] = []
  #draining = false

  /** `watch`: of each message, from `publish` until the broker is done with it. */
  constructor(options: {
    readonly max: number
    readonly deliver: (message: Message, done: () => void) => void
    readonly shed: (kind: Kind | 'dead') => void
    readonly watch?: Stopwatch
  }) {
    this.#deliver = options.deliver
    this.#watch = options.watch
    this.max = options.max
    this.#shed = options.shed
  }

  get length(): number {
    return this.#waiting.length - this.#head
  }

  /** Readings that still find room. */
  get room(): number {
    return this.#isFull('reading') ? 0 : this.max - this.length
  }

  readonly publish: Publish = (topic, payload, kind, { retain, sure = false } = {}) => {
    if (!sure && this.#isFull(kind)) {
      this.#shed(kind)
      return false
    }
    if (this.#closed) return false
    const how = delivery[kind]
    const message: Message = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload),
      qos: how.qos,
      retain: retain ?? how.retain,
      dup: false
    }
    this.#waiting.push(message)
    this.#since.push(this.#watch?.now() ?? 0)
    this.#taken += 1
    this.#bytes += message.payload.length
    this.#drain()
    return true
  }

  /** Calls `run` when Aedes, and so the store, has all that waits now; delivery may go on. */
  whenHanded(run: () => void): void {
    if (this.length === 0) run()
    else this.#behind.push({ after: this.#taken, run })
  }

  /** Takes nothing more: the broker is about to close. */
  close(): void {
    this.#closed = true
  }

  #isFull(kind: Kind | 'dead'): boolean {
    if (kind !== 'dead' && kind !== 'reading' && kind !== 'value') return false
    return this.length >= (kind === 'dead' ? this.max / 2 : this.max) || this.#bytes >= maxBytes
  }

  /** Resolves when everything that waits now has been handed over and delivered, or after the time limit. */
  async flush(seconds: number): Promise<void> {
    if (this.length === 0 && this.#underway === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000)
      this.#idle.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Not re-entrant: Aedes may call back before `deliver` returns, and order is the point of a queue. */
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    while (this.#underway < inFlight && this.length > 0) {
      const message = this.#waiting[this.#head] as Message
      const since = this.#since[this.#head] as number
      this.#waiting[this.#head++] = undefined
      this.#underway += 1
      this.#bytes -= message.payload.length
      this.#deliver(message, () => this.#delivered(since))
      this.#given += 1
      while (this.#behind[0] !== undefined && this.#behind[0].after <= this.#given) this.#behind.shift()?.run()
    }
    if (this.length === 0 || (this.#head > 1024 && this.#head * 2 > this.#waiting.length)) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#since = this.#since.slice(this.#head)
      this.#head = 0
    }
    this.#draining = false
    if (this.length === 0 && this.#underway === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #delivered(since: number): void {
    this.#underway -= 1
    this.#watch?.took(since)
    this.#drain()
  }
}
