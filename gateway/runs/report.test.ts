import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finishRun } from './finish.js'
import { Finisher } from './finisher.js'
import { verifyRun } from './manifest.js'
import { ticksOf } from './plot.js'
import { runFormat } from './types.js'
import type { RunRecord } from './types.js'

const id = '2026-11-21T14-00-00Z_x'
const at = (seconds: number): string => new Date(Date.parse('2026-11-21T14:00:00Z') + seconds * 1000).toISOString()

describe('the files of a run', () => {
  let folder: string

  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'labgate-run-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  type Written = [readings: readonly object[], more?: Partial<RunRecord>, commands?: readonly object[], half?: string]

  function write(...[readings, more = {}, commands = [], half = '']: Written): void {
    const record: RunRecord = {
      format: runFormat,
      id,
      name: 'x',
      by: 'me',
      state: 'complete',
      started: at(0),
      ended: at(100),
      gateway: { name: 'g', version: '1' },
      configuration: { file: 'x.yaml', sha256: '0' },
      devices: 'all',
      readings: readings.length,
      commands: 0,
      lost: 0,
      bytes: 0,
      clock: [],
      ...more
    }
    const text = (lines: readonly object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    writeFileSync(join(folder, 'run.json'), JSON.stringify(record))
    writeFileSync(join(folder, 'readings.ndjson'), text(readings) + half)
    writeFileSync(join(folder, 'commands.ndjson'), text(commands))
  }

  async function finish(...written: Written): Promise<RunRecord> {
    write(...written)
    return (await finishRun({ folder, now: at(101) })).record
  }

  const reading = (seconds: number, value: unknown, more: object = {}): object => ({
    at: at(seconds),
    device: 'd',
    codename: 'c',
    quality: 'good',
    time: at(seconds),
    value,
    ...more
  })
  const table = (name = 'd'): string[] =>
    readFileSync(join(folder, `csv/${name}.csv`), 'utf8')
      .slice(1)
      .trimEnd()
      .split('\r\n')
  const report = (): string => readFileSync(join(folder, 'report.html'), 'utf8')

  it('hold what is of one moment in one row, and a column for each unit; nothing is filled in', async () => {
    await finish([
      reading(1, 20, { unit: 'C' }),
      reading(1, 5, { codename: 'p' }),
      reading(2, 293, { unit: 'K' }),
      reading(2, true, { codename: 'p', uncertainty: 0.5, quality: 'uncertain' }),
      reading(2, 294, { unit: 'K' }),
      reading(3, [1, 2], { codename: 'p', x: [7, 8] }),
      { at: at(9), lost: 3, from: at(4), reason: 'the disk is full' }
    ])
    assert.deepEqual(table(), [
      'time,elapsed [s],c [C],c [K],p,p x,p uncertainty,remarks',
      `${at(1)},1,20,,5,,,`,
      `${at(2)},2,,293,true,,0.5,p uncertain`,
      `${at(2)},2,,294,,,,`,
      `${at(3)},3,,,"[1,2]","[7,8]",,`,
      `${at(4)},4,,,,,,3 lost until ${at(9)}: the disk is full`
    ])
  })

  it('are no formulas and no markup, whoever writes the readings', async () => {
    const evil = `=HYPERLINK("http://x")`
    const command = { at: at(1), device: 'd', codename: 'c', id: '1', op: 'set', client: '<b>', what: 'asked', value: '<script>' }
    await finish(
      [reading(1, evil), reading(2, '-1'), reading(3, '@x', { codename: '+c', unit: '<i>' }), reading(4, 'a"b,\r\nc', { device: '<u>' })],
      { name: '</title><script>', note: "'><img>" },
      [command]
    )
    const [, first, second, third] = table()
    assert.deepEqual([first, second, third], [`${at(1)},1,"'=HYPERLINK(""http://x"")",,`, `${at(2)},2,-1,,`, `${at(3)},3,,'@x,`])
    assert.equal(readFileSync(join(folder, 'csv/u.csv'), 'utf8').split('\r\n').slice(1).join('|'), `${at(4)},4,"a""b,|c",|`)
    assert.equal(table()[0], "time,elapsed [s],c,'+c [<i>],remarks")
    assert.doesNotMatch(report(), /<(script|img|b|i|u)>/)
    assert.match(report(), /Content-Security-Policy" content="default-src 'none'/)
    assert.doesNotMatch(report(), /https?:\/\/(?!x)/)
  })

  it('have a row for each reading where a device has many codenames', async () => {
    await finish(
      Array.from({ length: 65 }, (_, n) => reading(n, n, { codename: `c${n}` })).concat(
        reading(65, null, { codename: 'c1', quality: 'bad', error: { class: 'Timeout', message: '' } })
      )
    )
    const rows = table()
    assert.equal(rows[0], 'time,elapsed [s],codename,value,unit,quality,x,uncertainty,remarks')
    assert.deepEqual(rows.slice(65), [`${at(64)},64,c64,64,,good,,,`, `${at(65)},65,c1,,,bad,,,Timeout`])
  })

  it('draw what was known, and end the line where nothing was', async () => {
    const record = await finish([
      reading(0, 1, { mark: 'initial', time: at(-50) }),
      reading(25, 2),
      reading(40, 2, { mark: 'stale', quality: 'stale', time: at(25) }),
      reading(75, 3),
      reading(76, 9, { time: at(-3600) })
    ])
    assert.equal(record.state, 'complete')
    const path = /class="line" d="([^"]+)"/.exec(report())?.[1] ?? ''
    // 600 points from 64 on for 100 s: held to 25 s, then to 40 s, and from 75 s to the end.
    assert.match(path, /^M64\.5 [\d.]+h0\.5H214\.5V[\d.]+h0\.5H304\.5M514\.5 [\d.]+h0\.5H664$/)
    assert.match(report(), /1 readings with times outside of the run/)
  })

  it('of a run that was cut off are those of its whole lines', async () => {
    const record = await finish([reading(1, 1), reading(2, 2)], { state: 'running' }, [], '{"at":"2026-11-21T14:00:03')
    const { state, ended, readings, bytes } = record
    assert.deepEqual([state, ended, readings, bytes], ['cut off', at(2), 2, statSync(join(folder, 'readings.ndjson')).size])
    assert.match(readFileSync(join(folder, 'readings.ndjson'), 'utf8'), /^(\{.*\}\n){2}$/)
    assert.deepEqual(readdirSync(folder).sort(), ['commands.ndjson', 'csv', 'manifest.json', 'readings.ndjson', 'report.html', 'run.json'])
  })

  it('tell what became of each command', async () => {
    const step = (seconds: number, n: string, what: string, more: object = {}): object => ({
      at: at(seconds),
      device: 'd',
      codename: 'c',
      id: n,
      op: 'set',
      client: 'nb',
      what,
      ...more
    })
    await finish([], {}, [
      step(1, '1', 'asked', { value: 300 }),
      step(1.5, '1', 'done', { value: 299 }),
      step(2, '2', 'asked', { value: 1 }),
      step(3, '2', 'failed', { error: { class: 'Timeout', message: 'no answer', maybeExecuted: true } }),
      step(4, '2', 'late'),
      step(5, '3', 'asked')
    ])
    const rows = report().match(/<tr><td>2026.*?<\/tr>/g) ?? []
    assert.deepEqual(
      rows.map((row) => row.replace(/<[^>]+>/g, '|').replace(/\|+/g, '|')),
      [
        `|${at(1)}|d&#47;c|set|300|nb|done: 299|0.5 s|`.replace('&#47;', '/'),
        `|${at(2)}|d/c|set|1|nb|failed: Timeout: no answer (it may have been carried out)|1 s|`,
        `|${at(5)}|d/c|set|nb|no answer|`
      ]
    )
  })

  const command = (seconds: number, what: string, more: object = {}): object => ({
    at: at(seconds),
    device: 'd',
    codename: 'c',
    id: '1',
    op: 'set',
    client: 'alice',
    what,
    ...more
  })
  const outcomes = (): string[] =>
    (report().match(/<tr><td>2026.*?<\/tr>/g) ?? []).map((row) =>
      row
        .replace(/<[^>]+>/g, '|')
        .replace(/\|+/g, '|')
        .slice(at(0).length + 2, -1)
    )

  it('do not take a mere check for what was carried out, nor the same message once more for another', async () => {
    await finish([], { state: 'running' }, [
      command(1, 'asked', { value: 900, check: true }),
      command(1, 'done', { value: 900, check: true }),
      command(2, 'asked', { value: 9999, check: true, id: '2' }),
      command(2, 'refused', { id: '2', error: { class: 'RangeError', message: 'too much' } }),
      command(3, 'asked', { value: 5, id: '3' }),
      command(4, 'done', { value: 5, id: '3' }),
      command(5, 'asked', { repeated: true, id: '3' }),
      { at: at(6), lost: 2, from: at(5), reason: 'the disk is full' }
    ])
    assert.deepEqual(outcomes(), [
      'd/c|set|900|alice|only checked, not carried out|0 s',
      'd/c|set|9999|alice|only checked, not carried out: refused: RangeError: too much|0 s',
      'd/c|set|5|alice|done|1 s'
    ])
    const { commands, lost } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord
    assert.deepEqual([commands, lost], [1, 2])
    assert.match(report(), /2 steps of commands are lost/)
  })

  it('tell apart the commands of two clients, and of one message, that have the same id', async () => {
    await finish([], {}, [
      command(1, 'asked', { value: 100 }),
      command(2, 'asked', { value: 999, client: 'bob' }),
      command(2, 'refused', { client: 'bob', error: { class: 'Busy', message: 'wait' } }),
      command(3, 'asked', { value: 101 }),
      command(3, 'refused', { error: { class: 'Busy', message: 'wait too' } }),
      command(4, 'done', { value: 100 })
    ])
    assert.deepEqual(outcomes(), [
      'd/c|set|100|alice|done|3 s',
      'd/c|set|999|bob|refused: Busy: wait|0 s',
      'd/c|set|101|alice|refused: Busy: wait too|0 s'
    ])
  })

  it('are made with little memory, however long the texts are; without tables and report rather than not at all', async function () {
    this.timeout(10_000)
    const made = async (heap: number): Promise<RunRecord> => {
      const finisher = new Finisher(heap)
      try {
        return (await finisher.finish({ folder, now: at(101) })).record
      } finally {
        await finisher.stop()
      }
    }
    const long = (n: number): string => String(n).padEnd(500_000, 'x')
    write(
      Array.from({ length: 48 }, (_, n) => reading(n, long(n), { codename: `c${n % 12}` })),
      {},
      Array.from({ length: 48 }, (_, n) => command(n, 'asked', { id: `${n}`, value: long(n) }))
    )
    assert.equal((await made(24)).reason, undefined)
    assert.ok(report().length < 60_000)
    // A source that makes up units.
    write(Array.from({ length: 48 }, (_, n) => reading(n, n, { codename: `c${n % 6}`, unit: long(n) })))
    assert.match((await made(24)).reason ?? '', /its tables and its report are left out/)
    assert.deepEqual((await verifyRun(folder)).ok, true)
    assert.ok(!existsSync(join(folder, 'report.html')))
  })

  it('do not end a line for a moment in which nothing was known', async () => {
    const drawn = async (readings: readonly object[]): Promise<string> => {
      await finish(readings, { ended: at(36_000) })
      return /class="line" d="([^"]+)"/.exec(report())?.[1] ?? ''
    }
    const stale = reading(12, 1, { mark: 'stale', quality: 'stale', time: at(10) })
    assert.match(await drawn([reading(10, 1), stale, reading(14, 1)]), /^M64\.5 [\d.]+h0\.5H664$/)
    assert.match(report(), /class="gap" d="M64\.5 /)
    assert.match(await drawn([reading(10, 1), stale]), /^M64\.5 [\d.]+h0\.5H64\.5$/)
  })

  it('can be verified after a crash in the middle of a file', async () => {
    for (const name of ['schemas.json.part', 'run.json.part']) writeFileSync(join(folder, name), '{"ha')
    await finish([reading(1, 1)])
    assert.deepEqual((await verifyRun(folder)).ok, true)
    writeFileSync(join(folder, 'schemas.json.part'), '')
    assert.match((await verifyRun(folder)).wrong?.why ?? '', /a crash left it/)
  })

  it('are not made anew of something else when the manifest is taken away', async () => {
    await finish([reading(1, 1), reading(2, 2)])
    rmSync(join(folder, 'manifest.json'))
    assert.match((await verifyRun(folder)).wrong?.why ?? '', /^it was taken away.*what was recorded is as it was$/)
    await finishRun({ folder, now: at(102) })
    assert.equal((await verifyRun(folder)).ok, true)
    rmSync(join(folder, 'manifest.json'))
    const path = join(folder, 'readings.ndjson')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"value":2', '"value":3'))
    assert.match((await verifyRun(folder)).wrong?.why ?? '', /readings\.ndjson has changed \(its content is another than in run\.json\)/)
    await assert.rejects(finishRun({ folder, now: at(103) }), /the manifest was taken away, and since then readings\.ndjson has changed/)
    assert.ok(!existsSync(join(folder, 'manifest.json')))
  })

  it('have round numbers at their axes', () => {
    assert.deepEqual(ticksOf(-0.1, 1.1, 4), [0, 0.5, 1])
    assert.deepEqual(ticksOf(0, 33.3, 6), [0, 10, 20, 30])
    assert.deepEqual(ticksOf(5, 5, 4), [])
    assert.deepEqual(ticksOf(0, Infinity, 4), [])
  })
})
