/** Lets something happen at even times. */
import type { Clock, Watch } from '../../gateway/adapter.js'

export interface PaceOptions {
  readonly clock: Clock
  /** Seconds. */
  readonly period: number
  /** Says which part of a period is its own, so that a hundred instances do not all begin at the same moment. */
  readonly id: string
  /** Must not reject. */
  readonly run: () => Promise<void>
  /** So many times it did not happen: the run before still lasted, or the program was held up. */
  readonly skipped: (times: number) => void
}

/** Seconds after which even an instance with a long period has begun. */
const beginWithin = 1

/**
 * Seconds between the moments at which all instances of one clock begin what they do: a few at a time wake the machine less often than
 * one by one, which is what an idle gateway costs. Short periods are not held up by it.
 */
const grid = 0.05

/** Never two runs at once, and no drift: what is late is not made up for, and does not move what follows. */
export class Pace {
  readonly #options: PaceOptions
  #timer: Watch | undefined
  /** Monotonic seconds. */
  #due = 0
  /** The run that lasts. */
  #running: Promise<void> | undefined

  constructor(options: PaceOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, period, id } = this.#options
    const due = clock.monotonic() + share(id) * Math.min(period, beginWithin)
    this.#due = period < 4 * grid ? due : Math.ceil(due / grid) * grid
    this.#arm()
  }

  /** Begins nothing more. Resolves when what runs has ended, which is for others to hasten. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#running
  }

  #arm(): void {
    const { clock } = this.#options
    this.#timer = clock.after(Math.max(this.#due - clock.monotonic(), 0), () => this.#tick())
  }

  #tick(): void {
    const { clock, period, skipped, run } = this.#options
    this.#due += period
    const missed = Math.floor((clock.monotonic() - this.#due) / period) + 1
    if (missed > 0) {
      this.#due += missed * period
      skipped(missed)
    }
    this.#arm()
    if (this.#running !== undefined) return skipped(1)
    this.#running = run().finally(() => (this.#running = undefined))
  }
}

/** From 0 to 1, always the same for one id and spread over many: FNV-1a, its bits mixed once more. */
export function share(id: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
