// Runs every test: most of them wait for something, so two files at a time; then, one after the other, those that load the machine
// or measure time as an instrument would, and must have it to themselves. A file that failed then runs once more, alone; the end says
// which did, and why. With arguments: one plain mocha with these.
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
  'test/faults/overload',
  'test/faults/rig-storms',
  'test/faults/ws-echo',
  // Recorded talk with its times, and who is too slow.
  'gateway/http/places',
  'test/vectors/rig/rig'
]

const asked = process.argv.slice(2)
let records
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
records = folder
const jobs = Math.max(2, availableParallelism())
const codes = [mocha(['--parallel', `--jobs=${jobs}`, ...files.flatMap((file) => ['--ignore', file])]), mocha([...plain, ...files])]
const first = failures()
const again = [...new Set(first.map(({ file }) => file))]
const [passed, failed, skipped] = sums()
rmSync(folder, { recursive: true })
if (first.length > 0) {
  console.log(`\nfailed:`)
  for (const { file, title, text } of first) console.log(`- ${file}: ${title}\n    ${text.replaceAll('\n', '\n    ')}`)
}
console.log(`in all: ${passed} passed, ${failed} failed, ${skipped} skipped`)
if (failed === 0) process.exit(codes.some((code) => code !== 0) ? 1 : 0)
// More is no accident of the load, and what no test tells (a hook, a skipped one) is seen at once.
if (first.length < failed || again.length > 3) process.exit(1)
records = undefined
console.log(`\nonce more, with the machine to itself: ${again.join(', ')}`)
process.exit(mocha([...plain, ...again]))

function failures() {
  const file = join(folder, 'failed')
  return existsSync(file) ? lines(file).map((line) => JSON.parse(line)) : []
}

function sums() {
  const sums = [0, 0, 0]
  for (const line of lines(join(folder, 'counts'))) line.split(' ').forEach((count, i) => (sums[i] += Number(count)))
  return sums
}

function lines(file) {
  return readFileSync(file, 'utf8').trim().split('\n')
}

function mocha(args) {
  const env = records === undefined ? process.env : { ...process.env, LABGATE_TEST_RECORDS: records }
  const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', ...args], { stdio: 'inherit', env })
  return status ?? 1
}
