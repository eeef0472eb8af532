import type { Clock, Watch } from './adapter.js'

/** Seconds; Node cannot wait longer than 2^31 ms in one go. */
const longest = 2_000_000

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
  after(seconds: number, run: () => void): Watch {
    let timer: NodeJS.Timeout
    const wait = (left: number): void => {
      const part = Math.min(Math.max(left, 0), longest)
      timer = setTimeout(() => (left > part ? wait(left - part) : run()), part * 1000)
    }
    wait(seconds)
    return { cancel: () => clearTimeout(timer) }
  }
}
