/** What the history costs, and how fast it answers. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as labs from './labs.js'
import type { Result } from './load/job.js'
import { Loader } from './load/loader.js'
import { cpuSeconds } from './processes.js'
import type { Line, Options, Row } from './rows.js'
import { labgate } from './sides.js'
import type { Side } from './sides.js'
import { figure } from './table.js'

const codenames = 1000
const hertz = 10

/** Seconds that the readings come; ten minutes are LABGATE_HISTORY_SECONDS=600. */
const seconds = Number(process.env['LABGATE_HISTORY_SECONDS'] ?? 10)

interface Recorded {
  readonly name: string
  readonly folder: string
  readonly side: Side
  readonly loader: Loader
}

export const history: Row = {
  name: 'history',
  says: `${codenames.toLocaleString('en')} codenames at ${hertz} Hz for ${seconds} s, with a history of every reading and without one, at the same time; from the publisher's write to the subscriber's read`,
  run: async ({ nodeOptions }) => {
    const sides: Recorded[] = []
    try {
      for (const record of ['every', 'off'] as const) sides.push(await begin(record, nodeOptions))
      const topics = labs.topics(codenames)
      // Compilers work for a while on what runs so often.
      await Promise.all(sides.map(({ side, loader }) => loader.run({ kind: 'steady', mqtt: side.ports.mqtt, topics, hertz, seconds: 3 })))
      const before = sides.map(({ folder }) => sizeOf(folder))
      const found = await Promise.all(sides.map((each) => load(each, topics)))
      const [withHistory, without] = found as [Loaded, Loaded]
      for (const { side } of sides) await side.stop()
      const bytes = (sizeOf(sides[0]?.folder ?? '') - (before[0] ?? 0)) / withHistory.operations
      return [
        ...sides.map(({ name }, i) => lineOf(name, found[i] as Loaded, i === 0 ? without : undefined)),
        ...found.map(({ max = NaN }, i): Line => ['history', `${sides[i]?.name}: the longest`, `${figure(max)} ms`]),
        ['history', 'more CPU for each reading', `${figure(withHistory.cpu - without.cpu)} µs`],
        ['history', 'on the disk for each reading', `${figure(bytes)} B`]
      ]
    } finally {
      for (const { side, loader, folder } of sides) {
        loader.stop()
        await side.stop()
        rmSync(folder, { recursive: true, force: true })
      }
    }
  }
}

interface Loaded extends Result {
  /** Microseconds of processor time for each reading. */
  readonly cpu: number
  readonly load: number
}

async function begin(record: 'every' | 'off', nodeOptions: Options['nodeOptions']): Promise<Recorded> {
  const folder = mkdtempSync(join(tmpdir(), 'labgate-bench-history-'))
  const name = record === 'off' ? 'labgate, no history' : 'labgate, history'
  return { name, folder, side: await labgate(labs.recorded(codenames, folder, record), { name, nodeOptions }), loader: new Loader() }
}

async function load({ side, loader }: Recorded, topics: readonly string[]): Promise<Loaded> {
  const [begun, loadBefore, before] = [performance.now(), cpuSeconds([loader.pid]), cpuSeconds(side.pids)]
  const result = await loader.run({ kind: 'steady', mqtt: side.ports.mqtt, topics, hertz, seconds })
  const passed = (performance.now() - begun) / 1000
  const cpu = ((cpuSeconds(side.pids) - before) / result.operations) * 1e6
  return { ...result, cpu, load: (cpuSeconds([loader.pid]) - loadBefore) / passed }
}

function lineOf(name: string, { rate, p50, p99, cpu, load: part, lost }: Loaded, other: Loaded | undefined): Line {
  const ratios = other === undefined ? ['', ''] : [`${figure(rate / other.rate)} x`, `${figure(cpu / other.cpu)} x`]
  const reach = `${(codenames * hertz).toLocaleString('en')}/s`
  return ['history', name, figure(rate), figure(p50), figure(p99), figure(cpu), `${figure(part * 100)} %`, String(lost), ...ratios, reach]
}

/** Bytes of all files of the history. */
function sizeOf(folder: string): number {
  const root = join(folder, 'history')
  if (!existsSync(root)) return 0
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
