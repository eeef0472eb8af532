import assert from 'node:assert/strict'
import { readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { cp, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { formatTime } from '../../gateway/time.js'
import { folder } from '../process/program.js'
import { fillHistory } from '../support/fill-history.js'
import { HistoryLab } from '../support/history-lab.js'
import { OpenHistory } from '../support/open-history.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

describe('history of a gateway', function () {
  this.timeout(10_000)
  let lab: Running | undefined
  afterEach(() => lab?.stop())

  it('goes on over a restart, as each codename, its device and the gateway want it', async () => {
    const data = folder()
    const yaml = `
gateway: { data: ${data} }
history: { record: every }
devices:
  furnace:
    history: off
    codenames:
      temperature: { unit: C, maxAge: 100, history: every }
      state: { history: change }
      noise: {}
`
    lab = await start(yaml)
    let client = await lab.connect()
    await client.subscribe('lab/gateway/+')
    const hourAgo = formatTime(Math.floor(Date.now() / 1000) - 3600 + 0.125)
    const first = await client.nextJson('lab/gateway/history_state')
    assert.deepEqual(first['value'], { reason: '', state: 'on' })
    assert.equal((await client.nextJson('lab/gateway/history_dropped_total'))['value'], 0)
    for (const value of ['20.5', '21.5', '21.5']) {
      for (const codename of ['temperature', 'state', 'noise']) await client.publish(`lab/furnace/${codename}`, value)
      await client.publish('lab/other/x', JSON.stringify({ value: 1, quality: 'uncertain', seq: 7, time: hourAgo }))
    }
    await lab.stop()
    lab = await start(yaml)
    client = await lab.connect()
    await client.publish('lab/furnace/temperature', '22')
    // Forgotten, but what was measured stays.
    await client.publish('lab/other/x', '', { retain: true })
    await lab.stop()
    lab = undefined

    const history = await OpenHistory.open(data)
    const values = async (device: string, codename: string): Promise<unknown[]> =>
      (await history.readings(device, codename)).map(({ quality, value }) => [quality, value])
    assert.deepEqual(await values('furnace', 'temperature'), [
      ['good', 20.5],
      ['good', 21.5],
      ['good', 21.5],
      ['stale', 21.5],
      ['good', 22n]
    ])
    const [, , , mark] = await history.readings('furnace', 'temperature')
    assert.ok(mark?.since !== undefined && mark.since > mark.time)
    assert.deepEqual([mark.unit, mark.source], ['C', 'restored'])
    assert.deepEqual((await values('furnace', 'state')).slice(0, 2), [
      ['good', 20.5],
      ['good', 21.5]
    ])
    assert.deepEqual(await values('furnace', 'noise'), [])
    const [other, ...more] = await history.readings('other', 'x')
    assert.deepEqual([formatTime(other?.time ?? 0), other?.quality, other?.seq], [hourAgo, 'uncertain', 7])
    assert.equal(more.filter(({ since }) => since === undefined).length, 2)
    await history.close()
  })

  it('that is damaged on the disk is moved aside at the start, with a word', async () => {
    const whole = folder()
    await fillHistory(whole, { device: 'd', codename: 'c', from: 1.7e9, to: 1.7e9 + 100_000, period: 1, value: Math.sin })
    const damages: ((path: string, names: string[]) => void)[] = [
      (path) => writeFileSync(join(path, 'CURRENT'), 'rubbish'),
      (path, names) => truncateSync(join(path, names.find((name) => name.startsWith('MANIFEST')) ?? ''), 20),
      (path) => writeFileSync(join(path, 'CURRENT'), 'MANIFEST-999999\n')
    ]
    for (const damage of damages) {
      const data = folder()
      await cp(whole, data, { recursive: true })
      const path = join(data, 'history')
      damage(path, readdirSync(path))
      lab = await start(`gateway: { data: ${data} }`)
      const client = await lab.connect()
      await client.subscribe('lab/gateway/history_state')
      assert.deepEqual((await client.nextJson('lab/gateway/history_state'))['value'], { reason: '', state: 'on' })
      assert.equal(lab.log.lines.filter(({ level }) => level === 'error').length, 1)
      assert.ok(lab.log.lines.some(({ message }) => /the history is damaged: it was moved aside/.test(message)))
      await lab.stop()
      lab = undefined
      const [aside] = readdirSync(data).filter((name) => /^history-damaged-\d{8}T\d{6}/.test(name))
      assert.ok(aside !== undefined && readFileSync(join(data, aside, 'CURRENT')).length > 0)
    }
  })

  it('keeps its folder within its bytes, also one that was too large at the start', async function () {
    this.timeout(20_000)
    const data = folder()
    const path = join(data, 'history')
    const size = async (): Promise<number> => {
      let bytes = 0
      for (const name of readdirSync(path))
        bytes += await stat(join(path, name)).then(
          ({ size: some }) => some,
          () => 0
        )
      return bytes
    }
    const to = 1_700_000_000
    await fillHistory(data, { device: 'furnace', codename: 't', from: to - 500_000, to, period: 0.2, value: () => Math.random() })
    const before = await size()
    const maxBytes = 23_000_000
    assert.ok(before > maxBytes, String(before))
    const own = await new HistoryLab({ data, config: { maxBytes, keep: 1e9 } }).start()
    const bytes = (): number => own.history.status().bytes
    await own.pass(20)
    assert.ok(bytes() <= maxBytes, String(bytes()))
    let most = 0
    const watch = setInterval(() => void size().then((now) => (most = Math.max(most, now))), 5)
    watch.unref()
    for (let i = 0; i < 25; i++) {
      for (let j = 0; j < 20_000; j++) own.put(`c${j % 30}`, { value: Math.random() })
      await own.clock.pass(12)
      await own.history.flush()
    }
    clearInterval(watch)
    const [first] = await own.readings('t')
    await own.stop()
    assert.ok(most <= maxBytes, String(most))
    assert.ok((await size()) <= maxBytes)
    // The oldest went.
    assert.ok(first === undefined || first.time > to - 500_000)
    const history = await OpenHistory.open(data)
    const points = await history.readings('furnace', 'c1')
    assert.ok(points.length >= 1000)
    await history.close()
  })
})
