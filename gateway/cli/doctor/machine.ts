/** The computer: Node.js, memory, file descriptors, clock. */
import { readFile, readdir, stat } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import { versions } from 'node:process'
import { systemClock } from '../../clock.js'
import { descriptorLimit, forConnections } from '../../descriptors.js'
import { thisMachine } from '../../machine.js'
import { formatTime } from '../../time.js'
import { bytes, fail, ok, warn } from './check.js'
import type { Check, Patient } from './check.js'

/** Of package.json, `engines`. */
const leastNode = [20, 19] as const

/** Bytes that are free, below which it gets tight, and with which it does not run. */
const memory = { tight: 134_217_728, none: 67_108_864 }

export async function machineChecks(patient: Patient): Promise<Check[]> {
  return [node(), await memoryCheck(), descriptors(patient), ...(await clock(patient))]
}

function node(): Check {
  const [major = 0, minor = 0] = versions.node.split('.').map(Number)
  const isOld = major < leastNode[0] || (major === leastNode[0] && minor < leastNode[1])
  if (isOld) return fail('Node.js', `version ${versions.node}`, `install ${leastNode.join('.')} or newer`)
  return ok('Node.js', `version ${versions.node}`)
}

async function memoryCheck(): Promise<Check> {
  const info = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const available = Number(/^MemAvailable: +(\d+) kB/m.exec(info)?.[1] ?? NaN) * 1024
  const free = Number.isNaN(available) ? freemem() : available
  const found = `${bytes(free)} of ${bytes(totalmem())} free`
  if (free < memory.none) return fail('memory', found, 'end other programs, or take a computer with more of it')
  if (free < memory.tight) return warn('memory', found, 'end other programs; lower history.maxMemory and broker.limits.maxQueuedBytes')
  return ok('memory', found)
}

function descriptors({ checked }: Patient): Check {
  const limit = descriptorLimit()
  if (limit === undefined) return ok('file descriptors', 'no limit is known here')
  const wanted = checked?.config.broker.limits.maxConnections
  const most = forConnections(limit)
  if (wanted !== undefined && wanted > most)
    return warn('file descriptors', `${limit} for this shell, which leaves ${most} for connections; broker.limits.maxConnections is ${wanted}`, 'raise it (ulimit -n, or LimitNOFILE of the service), or lower maxConnections') // prettier-ignore
  return ok('file descriptors', `${limit} for this shell`)
}

async function clock({ checked, running }: Patient): Promise<Check[]> {
  const begun = { wall: systemClock.now(), monotonic: systemClock.monotonic() }
  const [synchronised, isWithoutClock] = await Promise.all([thisMachine.isSynchronised(), thisMachine.isWithoutClock()])
  const checks = [
    synchronised === true
      ? ok('clock', `${formatTime(Math.floor(begun.wall))}, synchronised`)
      : synchronised === false
        ? warn('clock', `${formatTime(Math.floor(begun.wall))}, not synchronised`, 'switch on time from the network: timedatectl set-ntp true; without a network, a clock module with a battery') // prettier-ignore
        : warn('clock', `${formatTime(Math.floor(begun.wall))}; whether it is synchronised cannot be told here`, 'see that something sets it (systemd-timesyncd, chrony, ntpd)') // prettier-ignore
  ]
  if (isWithoutClock && synchronised !== true)
    checks.push(warn('clock without battery', 'this board forgets the time when it is switched off', 'let it get the time from the network before the gateway starts, or add a clock module: until then values are uncertain')) // prettier-ignore
  const jumped = systemClock.now() - begun.wall - (systemClock.monotonic() - begun.monotonic)
  if (Math.abs(jumped) > 0.5) checks.push(warn('clock jumps', `it was set by ${jumped.toFixed(1)} s just now`, 'find out who sets it: two programs that both do are one too many')) // prettier-ignore
  if (running?.offset !== undefined && Math.abs(running.offset) > 2)
    checks.push(warn('clock of the gateway', `${Math.abs(running.offset).toFixed(0)} s ${running.offset > 0 ? 'ahead of' : 'behind'} that of this computer`, 'set both by the network: readings look older or younger than they are')) // prettier-ignore
  const newest = checked?.config.gateway.data === undefined ? undefined : await newestFile(checked.config.gateway.data)
  if (newest !== undefined && newest > systemClock.now() + 60)
    checks.push(fail('clock and data', `what is stored was written at ${formatTime(Math.floor(newest))}, which is yet to come`, 'set the clock before the gateway starts: it stands before the newest stored time')) // prettier-ignore
  return checks
}

/** When something in the folder was written last, Unix seconds. */
async function newestFile(folder: string): Promise<number | undefined> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  // Runs are archives, and may be many.
  const some = names.filter((name) => !name.startsWith('runs')).slice(0, 2000)
  const times = await Promise.all(some.map(async (name) => await stat(join(folder, name)).then(({ mtimeMs }) => mtimeMs / 1000, () => 0))) // prettier-ignore
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b))
}
