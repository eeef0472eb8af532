import type { Clock } from '../../gateway/adapter.js'

export interface AllowanceOptions {
  readonly clock: Clock
  /** A second, on average. */
  readonly rate: number
  /** Seconds over which the average is taken. */
  readonly over: number
}

/** Senders that are told apart; all others together get what one gets. */
const maxSenders = 1024

interface Bucket {
  left: number
  at: number
}

/** How much each sender may still send: a bucket for each that fills again. What is spent beyond it must be waited for. */
export class Allowance {
  readonly #options: AllowanceOptions
  readonly #buckets = new Map<string, Bucket>()
  readonly #others: Bucket
  #forgotten = -Infinity

  constructor(options: AllowanceOptions) {
    this.#options = options
    this.#others = { left: this.#full, at: options.clock.monotonic() }
  }

  /** May this sender say something? */
  has(sender: string): boolean {
    return this.#bucket(sender).left > 0
  }

  /** Spends it, where there is something left. */
  take(sender: string, amount: number): boolean {
    const bucket = this.#bucket(sender)
    if (bucket.left <= 0) return false
    bucket.left -= amount
    return true
  }

  spend(sender: string, amount: number): void {
    this.#bucket(sender).left -= amount
  }

  get #full(): number {
    return Math.max(1, this.#options.rate * this.#options.over)
  }

  #bucket(sender: string): Bucket {
    const now = this.#options.clock.monotonic()
    let bucket = this.#buckets.get(sender)
    if (bucket === undefined) {
      if (this.#buckets.size >= maxSenders) this.#forget(now)
      if (this.#buckets.size >= maxSenders) bucket = this.#others
      else this.#buckets.set(sender, (bucket = { left: this.#full, at: now }))
    }
    bucket.left = Math.min(this.#full, bucket.left + Math.max(0, now - bucket.at) * this.#options.rate)
    bucket.at = now
    return bucket
  }

  /** Who has been quiet for long enough has a full bucket again. Looked for once a second: many senders must cost no more than few. */
  #forget(now: number): void {
    if (now - this.#forgotten < 1) return
    this.#forgotten = now
    for (const [sender, { left, at }] of this.#buckets)
      if (left + (now - at) * this.#options.rate >= this.#full) this.#buckets.delete(sender)
  }
}
