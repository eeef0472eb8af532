import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { verifyRun } from '../../gateway/runs/manifest.js'
import { folder } from '../process/program.js'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import { until } from '../support/until.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { Scripted } from '../support/scripted.js'
import type { Run } from '../../gateway/runs/types.js'
import { RunFolder, begin, call, end } from './recorder.js'

const devices = `
devices:
  furnace:
    codenames:
      temperature: { unit: °C, maxAge: 10, schema: { type: number } }
      setpoint: { unit: °C, settable: true, schema: { type: number, maximum: 1200 } }
  weather: { codenames: { wind: { unit: m/s, schema: { type: number } }, sky: {} } }
adapters: [{ id: oven, type: scripted, feeds: [furnace], executes: [furnace/setpoint] }]
`

describe('a run', () => {
  const labs: Lab[] = []
  let clock: FakeClock
  let runs: RunFolder
  let client: TestClient

  beforeEach(() => {
    clock = new FakeClock(Date.parse('2026-11-21T14:00:00Z') / 1000)
    runs = new RunFolder(join(folder(), 'runs'))
  })
  afterEach(async () => {
    await Promise.all(labs.splice(0).map((lab) => lab.stop()))
  })

  async function lab(more = '', yaml = devices): Promise<Lab> {
    const started = await startLab({ clock }, `runs: { folder: ${runs.path}${more} }\n${yaml}`, new Scripted())
    labs.push(started)
    client = await started.connect({ clientId: 'someone' })
    return started
  }

  async function reads(running: Lab, temperature: number, time?: number): Promise<void> {
    await running.scripted
      .host('oven')
      .publish({ device: 'furnace', codename: 'temperature', value: temperature, ...(time === undefined ? {} : { time }) })
  }

  it('is a folder of all that was read and asked, with what was before, and what became stale', async () => {
    const running = await lab()
    await client.publish('lab/furnace/setpoint/set', { id: 'before', value: 100 })
    await running.scripted.host('oven').publish({ device: 'furnace', codename: 'setpoint', value: 100 })
    await clock.pass(5)
    const started = await begin(client, { name: 'first', note: 'a note' })
    assert.deepEqual([started.state, started.by, started.ready, started.devices], ['running', 'someone', false, 'all'])
    await clock.pass(1)
    await reads(running, 20.5)
    await client.publish('lab/furnace/setpoint/set', { id: 'set-0', value: 900, check: true })
    await client.publish('lab/furnace/setpoint/set', { id: 'set-1', value: 300 })
    await client.publish('lab/furnace/setpoint/set', { id: 'set-2', value: 9999 })
    await client.settled()
    await clock.pass(12)
    // Late: it was measured a second after the start.
    await reads(running, 20.25, clock.now() - 12)
    await reads(running, NaN)
    const run = await end(client, { name: 'first' })
    assert.deepEqual([run.state, run.reason, run.ready, run.lost, run.commands], ['complete', 'stopped by someone', false, 0, 2])
    await runs.made(run)
    assert.equal(run.duration, 13)

    const readings = runs.lines(run, 'readings.ndjson').map(({ device, codename, mark, value, quality, time, at }) => ({
      what: `${String(device)}/${String(codename)}`,
      mark,
      value,
      quality,
      time: String(time).slice(11, 19),
      at: String(at).slice(11, 19)
    }))
    assert.deepEqual(readings, [
      { what: 'furnace/setpoint', mark: 'initial', value: 100, quality: 'good', time: '14:00:00', at: '14:00:05' },
      { what: 'furnace/temperature', mark: undefined, value: 20.5, quality: 'good', time: '14:00:06', at: '14:00:06' },
      { what: 'furnace/temperature', mark: 'stale', value: 20.5, quality: 'stale', time: '14:00:06', at: '14:00:16' },
      { what: 'furnace/temperature', mark: undefined, value: 20.25, quality: 'stale', time: '14:00:06', at: '14:00:18' },
      { what: 'furnace/temperature', mark: undefined, value: null, quality: 'bad', time: '14:00:18', at: '14:00:18' }
    ])
    const steps = runs
      .lines(run, 'commands.ndjson')
      .map(({ id, what, value, error }) => [id, what, value, (error as { class?: string })?.class])
    const checks = runs.lines(run, 'commands.ndjson').filter(({ check }) => check === true)
    assert.deepEqual(
      checks.map(({ id, what }) => [id, what]),
      [
        ['set-0', 'asked'],
        ['set-0', 'done']
      ]
    )
    assert.deepEqual(
      steps.filter(([, what]) => ['asked', 'done', 'refused', 'failed'].includes(String(what))),
      [
        ['set-0', 'asked', 900, undefined],
        ['set-0', 'done', 900, undefined],
        ['set-1', 'asked', 300, undefined],
        ['set-1', 'done', 300, undefined],
        ['set-2', 'asked', 9999, undefined],
        ['set-2', 'refused', undefined, 'RangeError']
      ]
    )
    assert.deepEqual(runs.table(run, 'furnace'), [
      ['time', 'elapsed [s]', 'setpoint [°C]', 'temperature [°C]', 'remarks'],
      ['2026-11-21T14:00:00Z', '-5', '100', '', 'setpoint at start'],
      ['2026-11-21T14:00:06Z', '1', '', '20.5', ''],
      ['2026-11-21T14:00:16.001Z', '11.001', '', '', 'temperature stale'],
      ['2026-11-21T14:00:06Z', '1', '', '20.25', 'temperature stale'],
      ['2026-11-21T14:00:18Z', '13', '', '', 'temperature bad (NotFinite)']
    ])
    const record = JSON.parse(runs.text(run, 'run.json')) as Record<string, Record<string, unknown>>
    assert.deepEqual([record['note'], record['configuration']?.['file']], ['a note', 'test.yaml'])
    assert.match(String(record['configuration']?.['sha256']), /^[0-9a-f]{64}$/)
    const schemas = JSON.parse(runs.text(run, 'schemas.json')) as Record<string, Record<string, { unit: string }>>
    assert.equal(schemas['furnace']?.['temperature']?.unit, '°C')
    const report = runs.text(run, 'report.html')
    assert.match(report, /<path class="line" d="M/)
    assert.match(report, /refused: RangeError/)
    assert.deepEqual(await verifyRun(runs.of(run)), { ok: true, files: 6, bytes: bytesOf(runs.of(run)) })
  })

  it('covers the devices it is told, and several are on at once, up to 8', async () => {
    const running = await lab()
    await client.subscribe('lab/gateway/runs')
    const oven = await begin(client, { name: 'oven', devices: ['furnace'] })
    const all = await begin(client)
    const watched = (await client.nextJson(({ text }) => text.includes('oven') && text.includes(all.id)))['value'] as { id: string }[]
    assert.deepEqual(
      watched.map(({ id }) => id),
      [oven.id, all.id]
    )
    await reads(running, 1)
    await client.publish('lab/weather/wind', '3')
    await client.publish('lab/gateway/run_start/call', { id: 'check', check: true, arguments: { name: 'x', devices: ['furnace'] } })
    const [one, other] = [await end(client, { name: 'oven' }), await end(client, { id: all.id })]
    assert.deepEqual([one.devices, one.readings, other.readings], [['furnace'], 1, 2])
    await Promise.all([runs.made(one), runs.made(other)])
    assert.deepEqual(runs.table(other, 'weather')[1]?.[2], '3')
    assert.ok(!existsSync(join(runs.of(one), 'csv/weather.csv')))
    for (let n = 0; n < 8; n += 1) await begin(client, { name: `n${n}` })
    const refused = (await call(client, 'run_start', {}))['error'] as { message: string }
    assert.equal(refused.message, '8 runs are on already: stop one of them first')
  })

  it('has a folder of a plain name, whatever it is called', async () => {
    await lab()
    const names = ['../../etc/x', '   ', 'n'.repeat(300), '..']
    const folders: string[] = []
    for (const name of names) {
      const run = await begin(client, { name })
      assert.equal(run.name, name)
      folders.push(run.folder)
    }
    const time = '2026-11-21T14-00-00Z_'
    assert.deepEqual(
      folders,
      ['etc-x', 'run', 'n'.repeat(60), 'run-2'].map((name) => time + name)
    )
    assert.deepEqual(runs.ids(), [...folders].sort())
    const refused = await call(client, 'run_start', { name: 'n'.repeat(501) })
    assert.deepEqual([refused['phase'], (refused['error'] as { class: string }).class], ['failed', 'RangeError'])
  })

  it('is begun once by a name, and stopped only when it is clear which one is meant', async () => {
    const running = await lab()
    const other = await running.connect({ clientId: 'other' })
    const failure = async (who: TestClient, codename: string, told: object): Promise<string> =>
      ((await call(who, codename, told))['error'] as { message: string }).message
    assert.equal(await failure(client, 'run_stop', {}), 'no run is on')
    const first = await begin(client, { name: 'a' })
    assert.equal((await begin(client, { name: 'a' })).id, first.id)
    assert.match(await failure(other, 'run_start', { name: 'a' }), /^a run of the name "a" is on already, started by someone$/)
    const second = await begin(client, { name: 'b' })
    assert.match(await failure(client, 'run_stop', {}), /several runs are on/)
    assert.match(await failure(client, 'run_stop', { name: 'c' }), /no run of the name "c" is on/)
    assert.match(await failure(client, 'run_stop', { id: 'c' }), /there is no run "c"/)
    const third = await begin(other, { name: 'c' })
    // Of those that it began itself.
    assert.equal((await end(other)).id, third.id)
    assert.equal((await end(client, { id: first.id })).id, first.id)
    // Once more: it is as it ended.
    assert.equal((await end(other, { id: first.id })).reason, 'stopped by someone')
    assert.equal((await end(other)).id, second.id)
    assert.match(await failure(client, 'run_start', { devices: ['furnce'] }), /no device is called "furnce"; did you mean "furnace"\?/)
    assert.match(await failure(client, 'run_start', { nmae: 'x' }), /must not have the member "nmae"/)
  })

  it('ends when it is as large as it may be, and when the gateway stops; both say so', async () => {
    const running = await lab(', maxBytes: 1048576')
    await begin(client, { name: 'large' })
    for (let n = 0; n < 11; n += 1) await client.publish('lab/weather/sky', 'x'.repeat(100_000))
    await begin(client, { name: 'other', devices: ['furnace'] })
    await client.subscribe('lab/gateway/runs')
    await clock.pass(1)
    await client.next(({ topic, text: said }) => topic === 'lab/gateway/runs' && !said.includes('large') && said.includes('other'))
    await running.gateway.stop()
    const records = runs
      .ids()
      .map((id) => JSON.parse(runs.text({ folder: id }, 'run.json')) as { name: string; state: string; reason: string })
    assert.deepEqual(
      records.map(({ name, state, reason }) => [name, state, reason]),
      [
        ['large', 'cut off', 'it has reached runs.maxBytes (1048576 bytes)'],
        ['other', 'cut off', 'the gateway was stopped']
      ]
    )
    for (const id of runs.ids()) assert.equal((await verifyRun(join(runs.path, id))).ok, true)
  })

  it('is listed from its folder; what is none is left alone', async () => {
    await (await lab()).stop()
    const elsewhere = folder()
    mkdirSync(join(runs.path, 'notes'), { recursive: true })
    writeFileSync(join(runs.path, 'readme.txt'), 'hello')
    symlinkSync(elsewhere, join(runs.path, '2026-01-01T00-00-00Z_link'))
    mkdirSync(join(runs.path, '2026-01-01T00-00-00Z_odd'))
    writeFileSync(join(runs.path, '2026-01-01T00-00-00Z_odd/run.json'), '{"format":"labgate-run-1"}')
    const foreign = join(runs.path, '2026-01-01T00-00-00Z_theirs')
    mkdirSync(foreign)
    const record = {
      format: 'labgate-run-1',
      id: '2026-01-01T00-00-00Z_theirs',
      name: 'theirs',
      by: 'x',
      state: 'running',
      started: '2026-01-01T00:00:00Z',
      gateway: { name: 'another', version: '9' },
      configuration: { file: 'x', sha256: '' },
      devices: 'all',
      readings: 0,
      commands: 0,
      lost: 0,
      bytes: 0,
      clock: []
    }
    writeFileSync(join(foreign, 'run.json'), JSON.stringify(record))
    const running = await lab()
    await begin(client, { name: 'ours' })
    await end(client)
    const list = async (): Promise<Run[]> =>
      ((await (await fetch(`http://127.0.0.1:${running.httpPort}/api/runs`)).json()) as { runs: Run[] }).runs
    let listed = await list()
    while (listed[0]?.ready !== true) listed = await list()
    assert.deepEqual(
      listed.map(({ name, state, ready }) => [name, state, ready]),
      [
        ['ours', 'complete', true],
        ['theirs', 'failed', false]
      ]
    )
    assert.match(listed[1]?.reason ?? '', /^the gateway "another" records it/)
    assert.deepEqual(readdirSync(foreign), ['run.json'])
    assert.deepEqual(readdirSync(elsewhere), [])
  })

  it('loses no reading for steps of commands that find no room, and says in each file what is lost there', async () => {
    const running = await lab()
    await begin(client)
    await clock.pass(1)
    await Promise.all(
      Array.from(
        { length: 16 },
        async (_, n) => await client.publish('lab/furnace/setpoint/set', { id: `${n}`, value: 'x'.repeat(1_000_000) })
      )
    )
    await reads(running, 7)
    await clock.pass(1)
    await reads(running, 8)
    const run = await end(client)
    assert.deepEqual(
      runs.lines(run, 'readings.ndjson').map(({ value }) => value),
      [7, 8]
    )
    const lost = runs.lines(run, 'commands.ndjson').filter((line) => 'lost' in line)
    assert.deepEqual([lost.length, lost[0]?.['lost'], lost[0]?.['reason']], [1, run.lost, 'the disk did not keep up'])
    await runs.made(run)
    assert.match(runs.text(run, 'report.html'), /steps of commands are lost/)
  })

  it('describes its codenames at once, every ten seconds while more come, and at its end', async () => {
    const running = await lab()
    await reads(running, 1)
    const run = await begin(client)
    const described = (): string[] =>
      Object.values(JSON.parse(runs.text(run, 'schemas.json')) as Record<string, object>).flatMap((codenames) => Object.keys(codenames))
    const reading = async (codename: string): Promise<void> => {
      await client.publish(`lab/weather/${codename}`, '1')
      await client.settled()
      await clock.pass(1)
    }
    assert.deepEqual(described(), ['temperature'])
    await reading('wind')
    assert.deepEqual(described(), ['temperature'])
    await clock.pass(10)
    await until(() => described().includes('wind'), 'it is not described')
    await reading('sky')
    await end(client)
    assert.deepEqual(described().sort(), ['sky', 'temperature', 'wind'])
  })

  it('notes that the clock was set', async () => {
    await lab()
    await begin(client)
    clock.jump(86_400)
    await clock.pass(1)
    const run = await end(client)
    const { clock: notes } = JSON.parse(runs.text(run, 'run.json')) as { clock: { by: number }[] }
    assert.deepEqual([notes.map(({ by }) => by), run.duration], [[86_400], 1])
  })

  it('is refused where there is no place for it', async () => {
    const started = await startLab({ clock }, devices)
    labs.push(started)
    client = await started.connect()
    const refused = (await call(client, 'run_start', {}))['error'] as { class: string; message: string }
    assert.deepEqual(
      [refused.class, refused.message],
      ['Unreachable', 'there is no place for runs: write runs.folder or gateway.data in the configuration']
    )
  })
})

function bytesOf(path: string): number {
  const { files } = JSON.parse(new RunFolder(path).text({ folder: '' }, 'manifest.json')) as { files: { bytes: number }[] }
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}
