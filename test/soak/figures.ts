/** What can be seen of a process from outside, and of its folder. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes; NaN when the process is gone. */
export function resident(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
  } catch {
    return NaN
  }
}

/** Open files and sockets; NaN when the process is gone. */
export function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return NaN
  }
}

/** Bytes of all files below a folder; 0 when there is none. */
export function diskBytes(folder: string): number {
  let sum = 0
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      try {
        sum += entry.isDirectory() ? diskBytes(path) : statSync(path).size
      } catch {
        // It was removed meanwhile.
      }
    }
  } catch {
    // There is none yet.
  }
  return sum
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  return sorted.length === 0 ? NaN : (sorted[sorted.length >> 1] as number)
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? NaN
}

export const mebi = (bytes: number): string => (bytes / 1_048_576).toFixed(1)
