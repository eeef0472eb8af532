import type { Clock } from './adapter.js'
import { ended } from './pending.js'
import type { Pending } from './pending.js'

/** Calls that wait at once, and seconds that one waits. */
const maxWaiting = 32
const longest = 5

/** What the gateway carries out itself takes a moment: of two who begin or end a run at once none is refused. */
export class Turns {
  #waiting = 0

  get isFull(): boolean {
    return this.#waiting >= maxWaiting
  }

  /** Begins when none is running any more, or the time is over. Rejects as the begin throws. */
  async take(clock: Clock, running: () => Pending | undefined, begin: () => void): Promise<void> {
    const until = clock.monotonic() + longest
    this.#waiting += 1
    try {
      for (let other = running(); other !== undefined; other = running()) {
        const left = until - clock.monotonic()
        if (left <= 0) break
        await ended(other, clock, left, [])
      }
      begin()
    } finally {
      this.#waiting -= 1
    }
  }
}
