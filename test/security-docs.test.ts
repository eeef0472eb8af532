import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { adapterTypes } from '../adapters/index.js'
import { LimitHits } from '../gateway/broker/limit-hits.js'
import { selfDevice } from '../gateway/self.js'
import configSchema from '../schemas/config.schema.json' with { type: 'json' }

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
}

/** The rows of the table under a heading, without its head; in each cell what stands between backticks. */
function table(heading: string): { readonly what: string; readonly cells: readonly (readonly string[])[] }[] {
  const [, section = ''] = readFileSync('SECURITY.md', 'utf8').split(`\n## ${heading}\n`)
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) => {
    const cells = line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, ''))
    return { what: cells[0] ?? '', cells: cells.map((cell) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name]) => name as string)) }
  })
}

/** Bad configurations, each of which is a test of its name. */
const invalid = 'test/gateway/config/invalid'

/** Titles of all tests, as written: those that are put together have `${…}` in them. */
function titles(): string[] {
  const files = ['test', 'gateway', 'adapters', 'schemas'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
  )
  const examples = readdirSync(invalid).flatMap((file) => /^(.*)\.yaml$/.exec(file)?.[1]?.replaceAll('-', ' ') ?? [])
  const written = files
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) =>
      Array.from(readFileSync(file, 'utf8').matchAll(/\b(?:it|describe)\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g), ([, , title]) =>
        (title as string).replace(/\\(.)/g, '$1')
      )
    )
  return [...written, ...examples]
}

/** Whether a title is that of a test; `…` stands for what is put in. */
function isTitle(title: string, of: readonly string[]): boolean {
  const parts = title.split('…').map((part) => part.trim())
  if (parts.length === 1 || of.includes(title)) return of.includes(title)
  return of.some((other) => {
    const fixed = other.split(/\$\{(?:[^{}]|\{[^}]*\})*\}/).map((part) => part.trim())
    return fixed.length > 1 && parts.every((part) => part === '' || fixed.some((one) => one.startsWith(part)))
  })
}

/** Keys of every adapter that listens. */
const sources = configSchema.$defs.sources.properties as Readonly<Record<string, Schema>>

/** A key of the configuration, or of an adapter as `type.key`. */
function isKey(path: string): boolean {
  const [first = '', ...rest] = path.split('.')
  const adapter = adapterTypes.find(({ type }) => type === first)
  let schema: Schema | undefined = adapter === undefined ? (configSchema as Schema).properties?.[first] : (adapter.configSchema as Schema)
  for (const key of rest) schema = schema?.properties?.[key] ?? (adapter === undefined ? undefined : sources[key])
  return schema !== undefined
}

const limits = new LimitHits().all
const counters = new Set(['received', 'answered', 'refused', 'dropped'])

/** A counter of the gateway device, of its limits, or of an instance; other words tell where else it is seen. */
function isCounter(name: string): boolean {
  const codename = /^lab\/gateway\/(.+)$/.exec(name)?.[1]
  if (codename !== undefined) return selfDevice.codenames.has(codename)
  const limit = /^limits\.(.+)$/.exec(name)?.[1]
  if (limit !== undefined) return [...limits.keys()].some((known) => known === limit)
  return counters.has(name) || words.has(name)
}

/** Of replies, of the log and of runs. */
const words = new Set(['RateLimited', 'Busy', 'busy', 'why', 'alike', 'lost'])

describe('SECURITY.md', () => {
  const known = titles()
  const rowsOf = { Bounds: table('Bounds'), Threats: table('Threats') }

  it('has both tables', () => {
    assert.ok(known.length > 2000, 'the tests were not found')
    assert.ok(rowsOf.Bounds.length > 40 && rowsOf.Threats.length > 30)
    for (const { what, cells } of rowsOf.Bounds) assert.equal(cells.length, 5, what)
    for (const { what, cells } of rowsOf.Threats) assert.equal(cells.length, 3, what)
  })

  for (const [name, rows] of Object.entries(rowsOf))
    it(`${name.toLowerCase()}: every row names a test, and each test that it names exists`, () => {
      for (const { what, cells } of rows) {
        const named = cells.at(-1) ?? []
        assert.ok(named.length > 0, `${what} has no test`)
        for (const title of named) assert.ok(isTitle(title, known), `${what}: there is no test ${JSON.stringify(title)}`)
      }
    })

  it('bounds: every file, key and counter exists', () => {
    for (const { what, cells } of rowsOf.Bounds) {
      const [, where = [], bound = [], counter = []] = cells
      assert.ok(where.length > 0, `${what} is nowhere`)
      for (const file of where) assert.ok(existsSync(file), `${what}: there is no ${file}`)
      for (const key of bound) assert.ok(isKey(key), `${what}: there is no key ${key}`)
      for (const name of counter) assert.ok(isCounter(name), `${what}: there is no counter ${name}`)
    }
  })

  it('bounds: every key of broker.limits stands in it, with what it bounds', () => {
    const told = new Set(rowsOf.Bounds.flatMap(({ cells }) => cells[2] ?? []))
    for (const key of Object.keys(configSchema.properties.broker.properties.limits.properties))
      assert.ok(told.has(`broker.limits.${key}`), key)
  })

  it('finds what is not there', () => {
    assert.ok(isTitle('has both tables', known) && !isTitle('has both tables and more', known))
    assert.ok(isTitle('…: every row names a test, and each test that it names exists', known) && !isTitle('…: no such row', known))
    assert.ok(isKey('broker.limits.maxFilters') && isKey('live-server.maxRate'))
    assert.ok(!isKey('broker.limits.maxNothing') && !isKey('live-server.maxNothing') && !isKey('nothing'))
    assert.ok(isCounter('limits.maxFilters') && !isCounter('limits.maxNothing') && !isCounter('lab/gateway/nothing'))
  })
})
