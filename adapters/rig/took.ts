/** How long the steps of a message took, as replies show it. */
import type { Exact, ExactMap } from '../common/exact-json.js'

/** Seconds. */
export interface Took {
  /** For its turn. */
  readonly waited?: number
  readonly echo?: number
  /** From the echo on. */
  readonly answer?: number
}

/** Milliseconds with one digit; `wait` only where there was one. */
export function tookMs({ waited = 0, echo, answer }: Took): ExactMap {
  const steps: [string, number | undefined][] = [
    ['wait', waited >= 0.001 ? waited : undefined],
    ['echo', echo],
    ['answer', answer]
  ]
  return new Map(
    steps.flatMap(([step, seconds]): [string, Exact][] => (seconds === undefined ? [] : [[step, Math.round(seconds * 1e4) / 10]]))
  )
}
