import { systemClock } from '../clock.js'

/** Lets everything else come first: sockets, timers, what others ask. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Seconds of work in one go: what a device sends meanwhile must not wait for who looks at a plot. */
const most = 0.003

/** Of work that takes long: lets others come every few milliseconds of the machine's time, whatever clock the history goes by. */
export class Pace {
  #since = systemClock.monotonic()

  get isDue(): boolean {
    return systemClock.monotonic() - this.#since > most
  }

  async turn(): Promise<void> {
    await nextTurn()
    this.#since = systemClock.monotonic()
  }
}
