/** The page's own time, and nobody else looks at it: on a phone it may be wrong, so that of the gateway counts (see store.ts). Seconds. */

export interface Timer {
  cancel(): void
}

/** Unix seconds by this machine. */
export function wall(): number {
  return Date.now() / 1000
}

/** Seconds that only go forward; whoever sets the clock of this machine does not move them. */
export function monotonic(): number {
  return performance.now() / 1000
}

export function after(seconds: number, run: () => void): Timer {
  const timer = setTimeout(run, seconds * 1000)
  return { cancel: () => clearTimeout(timer) }
}

export function every(seconds: number, run: () => void): Timer {
  const timer = setInterval(run, seconds * 1000)
  return { cancel: () => clearInterval(timer) }
}
