/** A group of processes that gets a part of one core: what a slow computer is, as far as that can be had here. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pid } from 'node:process'
import { Missing } from './sides.js'

/** Microseconds in which the part is given. */
const period = 100_000

/** Where the kernel's controller of the processor is. */
const folders = { v1: '/sys/fs/cgroup/cpu', v2: '/sys/fs/cgroup' }

export interface Quota {
  /** What starts a program in it, from its first moment on. */
  command(program: readonly string[]): readonly string[]
  /** How often it had to wait for the next period, and in how many it was. */
  throttled(): { readonly waited: number; readonly of: number }
  /** Its processes must have ended. */
  remove(): void
}

/** Rejected with {@link Missing} where none can be set. */
export function openQuota(cores: number): Quota {
  const isV1 = existsSync(join(folders.v1, 'cpu.cfs_quota_us'))
  const folder = join(isV1 ? folders.v1 : folders.v2, `labgate-bench-${pid}`)
  try {
    mkdirSync(folder)
    if (isV1) {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), String(period))
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(cores * period))
    } else writeFileSync(join(folder, 'cpu.max'), `${cores * period} ${period}`)
  } catch (error) {
    try {
      rmdirSync(folder)
    } catch {
      // It was never made.
    }
    throw new Missing(
      `no part of a core can be set here (${(error as Error).message}): it needs Linux, its controller of the processor, and root`
    )
  }
  return {
    command: (program) => ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', join(folder, 'cgroup.procs'), ...program],
    throttled: () => {
      const text = existsSync(join(folder, 'cpu.stat')) ? readFileSync(join(folder, 'cpu.stat'), 'utf8') : ''
      const of = (name: string): number => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1])
      return { waited: of('nr_throttled'), of: of('nr_periods') }
    },
    remove: () => rmdirSync(folder)
  }
}
