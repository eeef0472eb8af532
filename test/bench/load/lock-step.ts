import type { Result } from './job.js'
import { quantiles } from './latencies.js'

/** Asks one thing after another. */
export interface Asker {
  /** Resolves with whether it was answered as it should be. */
  ask(): Promise<boolean>
  close(): void
}

/** Clients that ask without a pause, each as soon as its last question was answered. `more`: whether there is something left to ask. */
export async function lockStep(seconds: number, askers: readonly Asker[], more: () => boolean = () => true): Promise<Result> {
  const begun = performance.now()
  const end = begun + seconds * 1000
  const taken: number[] = []
  let lost = 0
  const work = async (asker: Asker): Promise<void> => {
    for (let now = performance.now(); now < end && more(); now = performance.now()) {
      if (await asker.ask()) taken.push(performance.now() - now)
      else lost += 1
    }
    asker.close()
  }
  await Promise.all(askers.map(work))
  const passed = (performance.now() - begun) / 1000
  return { operations: taken.length, rate: taken.length / passed, lost, ...quantiles([taken]) }
}
