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

/**
 * A clock that never says less than `time` (Unix seconds) and what has passed since: of a computer that begins at 1970 the times are wrong
 * all the same, but not by decades, and stand in the history between what was before and what comes after.
 */
export function notBefore(clock: Clock, time: number): Clock {
  const began = clock.monotonic()
  return {
    now: () => Math.max(clock.now(), time + clock.monotonic() - began),
    monotonic: () => clock.monotonic(),
    after: (seconds, run) => clock.after(seconds, run)
  }
}
