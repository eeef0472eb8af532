/** Child processes of the bench: each says on its standard output when it is ready, is measured from outside and ended by its id. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** Seconds for a child to become ready, and to end. */
const readyWithin = 120
const endWithin = 8

export interface Child {
  readonly pid: number
  /** Milliseconds from spawn to ready. */
  readonly startedIn: number
  stop(): Promise<void>
}

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Told every line of its output; true: it is ready. */
  readonly isReady: (line: string) => boolean
}

/** Starts a program and resolves when it is ready; rejects with its last lines when it ends before. */
export async function startChild({ file, args, env, isReady }: Command): Promise<Child> {
  const begun = performance.now()
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const last: string[] = []
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${[file, ...args].join(' ')} ${why}\n${last.join('\n')}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`was not ready within ${readyWithin} s`)
    }, readyWithin * 1000)
    const look = (line: string): void => {
      if (last.push(line) > 20) last.shift()
      if (!isReady(line)) return
      clearTimeout(timer)
      resolve()
    }
    createInterface({ input: child.stdout }).on('line', look)
    createInterface({ input: child.stderr }).on('line', look)
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`ended with ${code}`)
    })
  })
  return { pid: child.pid as number, startedIn: performance.now() - begun, stop: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), endWithin * 1000)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

/** The kernel counts processor time in hundredths of a second (USER_HZ) on all machines that Node.js runs on. */
const tick = 0.01

/** Seconds of processor time that processes have used, all threads; NaN where there is no /proc. */
export function cpuSeconds(pids: readonly number[]): number {
  return sum(pids, 'stat', (text) => {
    // The second field, the name, may hold blanks and brackets; times in user and kernel mode are the 14th and 15th.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * tick
  })
}

/** Resident memory in MiB; NaN where there is no /proc. */
export function residentMiB(pids: readonly number[]): number {
  return sum(pids, 'status', (text) => Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) / 1024)
}

function sum(pids: readonly number[], file: string, read: (text: string) => number): number {
  try {
    return pids.reduce((total, pid) => total + read(readFileSync(`/proc/${pid}/${file}`, 'utf8')), 0)
  } catch {
    return NaN
  }
}
