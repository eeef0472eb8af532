/** Clients that mean harm, one kind after another: what the gateway's memory does, and what a decent client notices. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { folder, write } from '../process/program.js'
import { pause } from './audit.js'
import { Control } from './control.js'
import { mebi, resident } from './figures.js'
import { Plant } from './plant.js'
import { freePorts } from '../support/free-ports.js'

/** Each with its seconds, and what its peak of memory may be above the rest before it, in MiB. */
const phases: readonly (readonly [name: string, seconds: number, bound: number])[] = [
  ['quiet', 10, 64],
  ['stalled', 15, 96],
  ['trickling', 15, 64],
  ['flooding', 10, 160],
  ['idle', 20, 128],
  ['connects', 15, 128],
  ['topics', 15, 256],
  ['halves', 15, 128],
  ['retained', 90, 400],
  ['everything', 30, 400]
]

/** Milliseconds that the decent client may wait at most, in any phase. */
const patience = 1500

interface Row {
  readonly name: string
  readonly said: string
  readonly before: number
  readonly peak: number
  readonly after: number
  readonly bound: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly count: number
}

const columns: readonly (readonly [title: string, width: number, show: (row: Row) => string])[] = [
  ['phase', -11, ({ name }) => name],
  ['before MiB', 10, ({ before }) => mebi(before)],
  ['peak', 6, ({ peak }) => mebi(peak)],
  ['after', 6, ({ after }) => mebi(after)],
  ['may', 4, ({ bound }) => `+${bound}`],
  ['p50 ms', 7, ({ p50 }) => p50.toFixed(1)],
  ['p99', 7, ({ p99 }) => p99.toFixed(1)],
  ['max', 7, ({ max }) => max.toFixed(0)],
  ['trips', 6, ({ count }) => String(count)],
  ['what', -10, ({ said }) => said]
]

const pad = (text: string, width: number): string => (width < 0 ? text.padEnd(-width) : text.padStart(width))

/** Resolves with whether memory kept to its bounds, the decent client was served, and nothing ended. */
export async function hostile(only: readonly string[], signal: AbortSignal): Promise<boolean> {
  const files = folder()
  const [mqtt, http] = (await freePorts(2)) as [number, number]
  const yaml = stringify({
    gateway: { data: join(files, 'data') },
    broker: { tcp: { port: mqtt } },
    http: { port: http },
    adapters: [{ id: 'instruments', type: 'simulator', instruments: { furnace: { model: 'furnace' } } }]
  })
  const plant = new Plant(write(join(files, 'gateway.yaml'), yaml), join(files, 'gateway.log'))
  await plant.start()
  const control = await Control.start(mqtt)
  let holds = true
  try {
    console.log(columns.map(([title, width]) => pad(title, width)).join(' '))
    for (const [name, seconds, bound] of phases.filter(([each]) => only.length === 0 || only.includes(each))) {
      if (signal.aborted) break
      await pause(2000)
      control.take()
      const before = resident(plant.pid)
      let peak = before
      const watch = setInterval(() => (peak = Math.max(peak, resident(plant.pid) || 0)), 100)
      const said = await attack(name, mqtt, http, seconds, signal)
      const { p50, p99, max, count } = control.take()
      clearInterval(watch)
      await pause(8000)
      const row: Row = { name, said, before, peak, after: resident(plant.pid), bound, p50, p99, max, count }
      console.log(columns.map(([, width, show]) => pad(show(row), width)).join(' '))
      const good = peak - before <= bound * 1_048_576 && max <= patience && count > 0
      if (!good) console.log(`  BROKEN: memory may grow by ${bound} MiB, and a round trip may take ${patience} ms`)
      holds &&= good
    }
    if (plant.unexpected.length > 0) console.log(`BROKEN: the gateway ended: ${plant.unexpected.join('; ')}`)
    for (const error of plant.errors.slice(0, 10)) console.log(`error in the log: ${error.slice(0, 300)}`)
    console.log(holds && plant.unexpected.length === 0 ? 'ALL HOLDS' : 'NOT ALL HOLDS')
    return holds && plant.unexpected.length === 0
  } finally {
    control.close()
    await plant.kill('SIGTERM')
  }
}

async function attack(name: string, mqtt: number, http: number, seconds: number, signal: AbortSignal): Promise<string> {
  const path = fileURLToPath(new URL('attacker.js', import.meta.url))
  const child = fork(path, [name, String(mqtt), String(http), String(seconds)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true
  })
  const stop = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop)
  try {
    const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown]
    return String(said)
  } finally {
    signal.removeEventListener('abort', stop)
    if (child.exitCode === null && child.signalCode === null) await Promise.race([once(child, 'exit'), pause(5000).then(stop)])
  }
}
