/**
 * The bench: each row compares the gateway with what a laboratory would put in its place, in the same run, in turn.
 * `node dist/test/bench/main.js [ROW …] [--rounds N] [--seconds S] [--against FOLDER] [--profile FOLDER]`
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { summary } from './profile.js'
import { rows } from './rows.js'
import type { Line } from './rows.js'
import { table } from './table.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    against: { type: 'string' },
    profile: { type: 'string' }
  }
})

const unknown = positionals.find((name) => !rows.some((row) => row.name === name))
if (unknown !== undefined) {
  console.error(`there is no row ${JSON.stringify(unknown)}; the rows are ${rows.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const chosen = rows.filter(({ name }) => positionals.length === 0 || positionals.includes(name))

const missing = new Set<string>()
const lines: Line[] = []
for (const row of chosen) {
  console.error(`${row.name}: ${row.says} …`)
  const folder = values.profile === undefined ? undefined : `${values.profile}/${row.name}`
  const options = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    against: values.against,
    nodeOptions: folder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', folder]
  }
  lines.push(...(await row.run(options, (reason) => missing.add(reason))))
  if (folder !== undefined) console.log(`\n${row.name}, self time of the gateway:\n${summary(folder)}\n`)
}

const head = ['row', 'side', 'per second', 'p50 ms', 'p99 ms', 'CPU µs', 'load', 'lost', 'rate', 'CPU', 'to reach']
console.log(table(head, lines))
console.log(
  [
    '',
    ...chosen.map(({ name, says }) => `${name}: ${says}`),
    `Medians of ${values.rounds} rounds of ${values.seconds} s, the sides in turn; "rate" and "CPU" are labgate's, divided by that side's.`,
    'Latencies are those at full load. CPU is per operation, of all threads of the side; the load is that of the one process that asks.',
    `Nothing is pinned: side, load and kernel share ${cpus().length} cores (${cpus()[0]?.model.trim()}, Node.js ${process.versions.node}).`,
    '"!": the load process was busy for more than 90 %, so the rate may be its own limit; the CPU column then tells more.',
    'The Python server answers a text made beforehand: PyExpLabSys itself is not installed.',
    ...[...missing].map((reason) => `missing, ${reason}`)
  ].join('\n')
)
