import type { Job } from './load/job.js'
import { Loader } from './load/loader.js'
import { cpuSeconds } from './processes.js'
import type { Side } from './sides.js'
import { median } from './table.js'

export interface Rounds {
  readonly rounds: number
  readonly seconds: number
}

/** Medians over all rounds of one side. */
export interface Measured {
  readonly name: string
  readonly rate: number
  readonly p50: number
  readonly p99: number
  /** Microseconds of processor time for each operation. */
  readonly cpu: number
  /** Part of one core that the load process used. */
  readonly load: number
  /** Over all rounds. */
  readonly lost: number
}

/** Loads the sides in turn, round after round, so that what else the machine does hits all of them alike. The first round of each warms up. */
export async function compare(sides: readonly Side[], job: (side: Side, seconds: number) => Job, how: Rounds): Promise<Measured[]> {
  const loader = new Loader()
  try {
    for (const side of sides) await loader.run(job(side, 1))
    const found = sides.map((): Omit<Measured, 'name'>[] => [])
    for (let round = 0; round < how.rounds; round++)
      for (const [i, side] of sides.entries()) found[i]?.push(await measure(loader, side, job(side, how.seconds)))
    return sides.map(({ name }, i) => summary(name, found[i] ?? []))
  } finally {
    loader.stop()
  }
}

async function measure(loader: Loader, side: Side, job: Job): Promise<Omit<Measured, 'name'>> {
  const [begun, loadBefore, sideBefore] = [performance.now(), cpuSeconds([loader.pid]), cpuSeconds(side.pids)]
  const { operations, ...result } = await loader.run(job)
  const seconds = (performance.now() - begun) / 1000
  const cpu = ((cpuSeconds(side.pids) - sideBefore) / operations) * 1e6
  return { ...result, cpu, load: (cpuSeconds([loader.pid]) - loadBefore) / seconds }
}

function summary(name: string, rounds: readonly Omit<Measured, 'name'>[]): Measured {
  const middle = (key: keyof Omit<Measured, 'name'>): number => median(rounds.map((round) => round[key]))
  return {
    name,
    rate: middle('rate'),
    p50: middle('p50'),
    p99: middle('p99'),
    cpu: middle('cpu'),
    load: middle('load'),
    lost: rounds.reduce((sum, round) => sum + round.lost, 0)
  }
}
