// Runs every test: most of them wait for something, so two files at a time; then, one after the other, those that load the machine
// or measure time as an instrument would, and must have it to themselves. With arguments: one plain mocha with these.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Files that run alone, without `dist/` and `.test.js`. */
const alone = [
  // Chromium, with pages under load.
  'test/browser/dashboard',
  'test/browser/dashboard-link',
  'test/browser/dashboard-load',
  'test/browser/live',
  'test/browser/pages',
  'test/browser/plots',
  // Storms and floods of our own.
  'test/faults/crash',
  'test/faults/kills',
  'test/faults/descriptors',
  'test/faults/listeners-fuzz',
  'test/faults/overload',
  'test/faults/rig-storms',
  'test/faults/ws-echo',
  // Recorded talk with its times, and who is too slow.
  'gateway/http/places',
  'test/vectors/rig/rig'
]

const asked = process.argv.slice(2)
let counts
if (asked.length > 0) process.exit(mocha(asked))

const files = alone.map((name) => `dist/${name}.test.js`)
const missing = files.filter((file) => !existsSync(file))
if (missing.length > 0) {
  console.error(`labgate: .ci/test.mjs names tests that are not there: ${missing.join(', ')}`)
  process.exit(1)
}
const { spec: _, ...options } = JSON.parse(readFileSync('.mocharc.json', 'utf8'))
const plain = ['--no-config', ...Object.entries(options).flatMap(([name, value]) => [value].flat().map((one) => `--${name}=${one}`))]
const folder = mkdtempSync(join(tmpdir(), 'labgate-'))
counts = join(folder, 'counts')
const jobs = Math.max(2, availableParallelism())
const codes = [mocha(['--parallel', `--jobs=${jobs}`, ...files.flatMap((file) => ['--ignore', file])]), mocha([...plain, ...files])]
const sums = [0, 0, 0]
for (const line of readFileSync(counts, 'utf8').trim().split('\n')) line.split(' ').forEach((count, i) => (sums[i] += Number(count)))
rmSync(folder, { recursive: true })
console.log(`in all: ${sums[0]} passed, ${sums[1]} failed, ${sums[2]} skipped`)
process.exit(codes.some((code) => code !== 0) ? 1 : 0)

function mocha(args) {
  const env = counts === undefined ? process.env : { ...process.env, LABGATE_TEST_COUNTS: counts }
  const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', ...args], { stdio: 'inherit', env })
  return status ?? 1
}
