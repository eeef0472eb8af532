import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { momentOf } from '../../gateway/cli/moments.js'
import { RowCutter, placeOfRow } from '../../gateway/cli/export-rows.js'
import { folder, write } from '../process/program.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { until } from '../support/until.js'
import { Run, run } from './run.js'
import type { RunOptions } from './run.js'

const count = 3000

/** A way to the gateway that breaks after so many bytes of an answer, as often as told; endless: after the first time for good. */
async function breaking(to: number, after: number, often: number): Promise<{ server: Server; port: number; broken: () => number }> {
  let broken = 0
  const server = createServer((near) => {
    if (often === Infinity && broken > 0) return void near.destroy()
    const far = connect(to, '127.0.0.1')
    let bytes = 0
    far.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > after && broken < often) {
        broken += 1
        near.write(chunk.subarray(0, chunk.length - 7), () => near.destroy())
        far.destroy()
      } else near.write(chunk)
    })
    near.on('data', (chunk: Buffer) => far.write(chunk))
    for (const [one, other] of [[near, far], [far, near]] as const) one.on('error', () => {}).on('close', () => other.destroy()) // prettier-ignore
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port, broken: () => broken }
}

describe('labgate history and export', function () {
  this.timeout(20_000)
  let lab: Lab
  let began: number

  before(async () => {
    lab = await startLab()
    const host = lab.scripted.host('oven')
    began = Math.floor(Date.now() / 1000) - count - 10
    for (let i = 0; i < count; i += 1) {
      // Every tenth moment has five readings, and one in each of the next microseconds.
      await host.publish({ device: 'furnace', codename: 'count', value: BigInt(i), time: began + i, unit: '°C' })
      if (i % 10 === 0)
        for (let n = 0; n < 20; n += 1) await host.publish({ device: 'furnace', codename: 'anything', value: `"${i}"\r\n,${n}`, time: began + i + Math.max(0, n - 4) / 1e6 }) // prettier-ignore
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await host.publish({ device: 'furnace', codename: 'note', value: 'none' })
  })
  after(async () => await lab.stop())

  const ask = async (
    args: readonly string[],
    options?: RunOptions,
    port = lab.httpPort
  ): Promise<{ code: number; stdout: string; stderr: string }> => await run([...args, '--url', `http://127.0.0.1:${port}`], options)
  const values = (file: string): unknown[] =>
    readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as { codename: string; value: unknown }).map(({ value }) => value) // prettier-ignore

  it('a table of the newest, and where the rest is', async () => {
    const { code, stdout, stderr } = await ask(['history', 'furnace/count', '--from', '-2h', '--limit', '3'])
    assert.equal(code, 0)
    const lines = stdout.trimEnd().split('\n')
    assert.match(lines[0] ?? '', /^time +value +unit +quality$/)
    assert.deepEqual(lines.slice(1).map((line) => /Z +(\S+) +°C +good$/.exec(line)?.[1]), ['2997', '2998', '2999']) // prettier-ignore
    assert.match(stderr, /there is more before: --to \S+Z/)
    assert.match((await ask(['history', 'furnace/count', '--from', '-1s', '--to', 'now'])).stderr, /^nothing was read from /)
  })

  it('an overview, CSV and NDJSON', async () => {
    const drawn = await ask(['history', 'furnace/count', '--from', String(began), '--to', String(began + count), '--every', '600'])
    assert.match(drawn.stdout, /^time +readings +min +mean +max$/m)
    const counts = Array.from(drawn.stdout.matchAll(/Z +(\d+) +/g), ([, readings]) => Number(readings))
    assert.ok(counts.length > 2 && counts.length < 12)
    assert.equal(counts.reduce((sum, one) => sum + one, 0), count) // prettier-ignore
    assert.match(drawn.stderr, /^a row is \d+ s/)
    const csv = await ask(['history', 'furnace/count', '--from', '-2h', '--csv'])
    assert.equal(csv.stdout.split('\r\n').length, count + 2)
    const json = await ask(['history', 'furnace/count', '--from', '-2h', '--json'])
    assert.equal(json.stdout.trimEnd().split('\n').length, count)
    for (const [args, says] of [
      [['--every', '0.01', '--from', '-1d'], /10000 is the most/],
      [['--from', 'yesterday'], /--from "yesterday" is no time; write -90, -1h/],
      [['--from', 'now', '--to', '-1h'], /is not before --to/]
    ] as const) {
      const wrong = await ask(['history', 'furnace/count', ...args])
      assert.equal(wrong.code, 2)
      assert.match(wrong.stderr, says)
    }
    assert.match((await ask(['history', 'furnace/note'])).stderr, /^ReadOnly: /)
  })

  it('exports codenames to a file that is there when it is whole', async () => {
    const place = folder()
    const file = join(place, 'x.ndjson')
    const { code, stdout, stderr } = await ask(['export', 'furnace/count', '--from', '-2h', '-o', file])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, new RegExp(`x\\.ndjson: ${count} readings of 1 codenames, from .*Z to .*Z$`))
    assert.deepEqual(
      values(file),
      Array.from({ length: count }, (_, i) => i)
    )
    assert.deepEqual(readdirSync(place), ['x.ndjson'])
    assert.match((await ask(['export', 'furnace/count', '-o', file])).stderr, /is there already; --force/)
    assert.equal((await ask(['export', 'furnace/count', '-o', file, '--force', '--from', '-2h'])).code, 0)
    const whole = await ask(['export', '--all', '--from', '-2h', '-o', join(place, 'all.csv')])
    assert.equal(whole.code, 0, whole.stderr)
    assert.match(whole.stderr, /^no history is kept of .*furnace\/note/)
    const rows = readFileSync(join(place, 'all.csv'), 'utf8')
    assert.equal(rows.split('time,device,').length, 2, 'the columns are named once')
    assert.equal(rows.split(',furnace,count,').length - 1, count)
    assert.equal(rows.split(',furnace,anything,').length - 1, (count / 10) * 20)
    const shown = await ask(['export', 'furnace', '--from', '-2h', '-o', join(place, 'bar.csv')], { terminal: { columns: 80 } })
    assert.equal(shown.code, 0)
    assert.match(shown.stderr, /100 %/)
  })

  for (const format of ['ndjson', 'csv'] as const)
    it(`goes on where the connection was lost, and has each reading once: ${format}`, async () => {
      const place = folder()
      const [direct, broken] = [join(place, `direct.${format}`), join(place, `broken.${format}`)]
      const args = ['furnace/count', 'furnace/anything', '--from', String(began), '--to', String(began + count)]
      assert.equal((await ask(['export', ...args, '-o', direct])).code, 0)
      const way = await breaking(lab.httpPort, 90_000, 4)
      try {
        const { code, stderr } = await ask(['export', ...args, '-o', broken], {}, way.port)
        assert.equal(code, 0, stderr)
        assert.match(stderr, /^the answer broke off: .*; going on$/m)
        assert.equal(way.broken(), 4)
      } finally {
        way.server.close()
      }
      assert.equal(readFileSync(broken, 'utf8'), readFileSync(direct, 'utf8'))
    })

  it('tells what is complete when it fails, and when it is stopped', async () => {
    const place = folder()
    const way = await breaking(lab.httpPort, 90_000, Infinity)
    const args = ['export', 'furnace/anything', '--from', String(began), '--to', String(began + count), '-o', join(place, 'x.csv')]
    try {
      const { code, stderr } = await ask([...args, '--patience', '0.5'], {}, way.port)
      assert.equal(code, 1)
      assert.match(
        stderr,
        /x\.csv was not written\. .*x\.csv\.part holds the \d+ readings before \S+Z, complete\. The rest: --from \S+Z --to \S+Z --out ANOTHER\.csv/
      )
      assert.ok(!existsSync(join(place, 'x.csv')))
      way.server.close()
      const again = await breaking(lab.httpPort, 90_000, Infinity)
      const stopped = new Run([...args, '--url', `http://127.0.0.1:${again.port}`])
      await until(() => stopped.ended.stderr.includes('going on'), 'it went on')
      stopped.line.interrupt()
      assert.match((await stopped.over()).stderr, /stopped\n.*x\.csv was not written/)
      again.server.close()
    } finally {
      way.server.close()
    }
  })

  it('refuses what it cannot do before anything is written', async () => {
    const place = folder()
    for (const [args, code, says] of [
      [[], 2, /say what to export/],
      [['nothing*'], 1, /no codename fits nothing\*/],
      [['furnace/note'], 1, /no history is kept of furnace\/note/],
      [['furnace/temprature'], 1, /did you mean/],
      [['furnace', '--from', 'x'], 2, /is no time/],
      [['furnace', '--out', join(place, 'x.txt')], 2, /ends neither in \.csv nor in \.ndjson/],
      [['furnace', '--out', join(place, 'no', 'x.csv')], 2, /cannot be written/],
      [['furnace', '--out', write(join(place, 'y.csv'), '')], 2, /is there already/]
    ] as const) {
      const ended = await ask(['export', '-o', join(place, 'x.csv'), ...args])
      assert.match(ended.stderr, says)
      assert.equal(ended.code, code)
    }
    assert.deepEqual(readdirSync(place), ['y.csv'])
  })

  it('times as people write them', () => {
    const now = 1_800_000_000
    for (const [text, seconds] of [
      ['-90', 90],
      ['-1h', 3600],
      ['2d', 172_800],
      ['-1.5 h', 5400],
      ['now', 0]
    ] as const)
      // prettier-ignore
      assert.equal(momentOf(text, now, 'from'), now - seconds)
    assert.equal(momentOf('1700000000.5', now, 'from'), 1_700_000_000.5)
    assert.equal(momentOf('2026-11-21T15:00:00+01:00', now, 'from'), Date.parse('2026-11-21T14:00:00Z') / 1000)
    assert.equal(momentOf('2026-11-21 15:30', now, 'from'), new Date(2026, 10, 21, 15, 30).getTime() / 1000)
    assert.equal(momentOf('2026-11-21', now, 'from'), new Date(2026, 10, 21).getTime() / 1000)
    for (const text of ['', '2026-02-30', '2026-11-21 25:00', '1h30', 'tomorrow', '1700000000000'])
      assert.throws(() => momentOf(text, now, 'from'), /is no time/)
    for (const text of ['2026', '20261121']) assert.throws(() => momentOf(text, now, 'from'), /write a date as 2026-11-21/)
    const zone = process.env['TZ']
    process.env['TZ'] = 'Europe/Berlin'
    try {
      assert.throws(() => momentOf('2026-03-29 02:30', now, 'from'), /is no time/)
      assert.equal(momentOf('2026-03-29 03:30', now, 'from'), Date.parse('2026-03-29T01:30:00Z') / 1000)
    } finally {
      if (zone === undefined) delete process.env['TZ']
      else process.env['TZ'] = zone
    }
  })

  it('rows are cut where they end, however they come, and stand where they became stale', () => {
    const text = 'a,"x\r\n""y,",1\r\n2026-11-21T15:00:00.5Z,d,"c,1",stale,"v\n",°C,2026-11-21T15:00:10.25Z,,\r\n'
    for (const size of [1, 3, 1000]) {
      const cutter = new RowCutter('csv')
      const rows: string[] = []
      for (let at = 0; at < text.length; at += size) rows.push(...cutter.push(text.slice(at, at + size)))
      assert.equal(rows.length, 2)
      assert.ok(!cutter.isBroken)
      assert.equal(placeOfRow(rows[1] ?? '', 'csv'), Date.parse('2026-11-21T15:00:10.25Z') * 1000)
    }
    assert.equal(placeOfRow('{"time":"2026-11-21T15:00:00.000001Z"}\n', 'ndjson'), Date.parse('2026-11-21T15:00:00Z') * 1000 + 1)
  })
})
