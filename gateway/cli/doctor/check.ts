import { systemClock } from '../../clock.js'
import type { Checked } from '../../config.js'
import type { Surroundings } from '../surroundings.js'

export type Verdict = 'OK' | 'WARN' | 'FAIL'

export interface Check {
  /** What was looked at, such as `port broker.tcp`. */
  readonly name: string
  readonly verdict: Verdict
  /** What was found. */
  readonly found: string
  /** What to do; empty when nothing need be done. */
  readonly next: string
}

/** What the checks know. */
export interface Patient {
  readonly around: Surroundings
  /** Undefined: none was given, or it is not good. */
  readonly checked: Checked | undefined
  /** What a gateway that runs says; undefined: none was reached. */
  readonly running: Running | undefined
}

export interface Running {
  readonly url: string
  /** Its name; undefined where it does not tell who asks. */
  readonly name: string | undefined
  /** Seconds by which its clock is ahead of this one. */
  readonly offset: number | undefined
  readonly status: string
  readonly troubles: readonly { readonly name: string; readonly status: string; readonly reason: string }[]
  /** States by id of the instance; undefined where it does not tell them to who asks. */
  readonly instances: ReadonlyMap<string, string> | undefined
}

export function ok(name: string, found: string): Check {
  return { name, verdict: 'OK', found, next: '' }
}

export function warn(name: string, found: string, next: string): Check {
  return { name, verdict: 'WARN', found, next }
}

export function fail(name: string, found: string, next: string): Check {
  return { name, verdict: 'FAIL', found, next }
}

/** Undefined when it takes longer than so many seconds. What it throws is thrown. */
export async function within<T>(seconds: number, work: Promise<T>): Promise<T | undefined> {
  return await new Promise<T | undefined>((resolve, reject) => {
    const timer = systemClock.after(seconds, () => resolve(undefined))
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** Bytes as people read them. */
export function bytes(count: number): string {
  const [unit, size] = count >= 2 ** 30 ? ['GiB', 2 ** 30] : count >= 2 ** 20 ? ['MiB', 2 ** 20] : ['KiB', 2 ** 10]
  return `${(count / size).toFixed(count / size < 10 ? 1 : 0)} ${unit}`
}
