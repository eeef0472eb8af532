import assert from 'node:assert/strict'
import { HistoryLab, KeptPlace } from '../../test/support/history-lab.js'
import { HistoryAnswer } from '../http/history-answer.js'
import type { HistoryAsked } from '../http/history-answer.js'
import { Slice } from './slice.js'
import type { SliceLimits } from './slice.js'
import type { Point } from './types.js'

const limits: SliceLimits = { limit: 1, maxBytes: 8e6, perPage: 500, pageBytes: 65_536, omits: false }
const question = { device: 'furnace', codename: 't', from: 0, to: 1e10 }

describe('history that is read', function () {
  this.timeout(10_000)
  let lab: HistoryLab
  let place: KeptPlace
  beforeEach(async () => {
    place = new KeptPlace()
    lab = await new HistoryLab({ place }).start()
  })
  afterEach(() => lab.stop())

  /** About 12 kB, or always the same. */
  const spectrum = (i: number, same = false): number[] =>
    Array.from({ length: 1500 }, (_, k) => (((same ? 7 : i) * 7919 + k * k) % 60_000) / 8)

  async function spectra(count: number, same = false): Promise<number> {
    const start = lab.clock.now() - count
    for (let i = 0; i < count; i++) lab.put('t', { value: spectrum(i, same), time: start + i })
    await lab.pass(320)
    place.rows = place.bytes = 0
    return start
  }

  it('does not look at more than was asked for, nor at too many large readings at once', async () => {
    const start = await spectra(400)
    const slice = new Slice(lab.history, question, limits)
    const texts: string[] = []
    for await (const page of slice.pages()) texts.push(...page)
    assert.equal(texts.length, 1)
    assert.ok(slice.next !== undefined)
    assert.ok(place.bytes < 100_000, String(place.bytes))
    place.bytes = 0
    for await (const page of lab.history.readings(question)) {
      assert.ok(page.length > 50)
      assert.ok(place.bytes < 2_200_000, String(place.bytes))
      break
    }
    assert.deepEqual(
      (await lab.readings('t')).map(({ time }) => time),
      Array.from({ length: 400 }, (_, i) => start + i)
    )
  })

  it('counts large readings into buckets instead of drawing them, also where they are all alike', async () => {
    for (const same of [false, true]) {
      const start = await spectra(400, same)
      const plot = await lab.plot('t', 1000, start, start + 400)
      assert.ok(plot.kind === 'rollups')
      assert.equal(
        plot.buckets.reduce((sum, { count }) => sum + count, 0),
        400
      )
      await lab.stop()
      lab = await new HistoryLab({ place: (place = new KeptPlace()) }).start()
    }
  })

  it('is written as it goes, and never as one text', async () => {
    const start = await spectra(200)
    for (const format of ['json', 'csv', 'ndjson'] as const) {
      const span = { from: start, to: start + 200, isOpen: false }
      const asked: HistoryAsked = { span, now: start, format, type: '', points: 1000, limit: undefined, newest: false }
      const entry = lab.devices.admit('furnace', 't')
      const answer = new HistoryAnswer(
        { history: lab.history, clock: lab.clock },
        asked,
        [entry, entry].slice(format === 'json' ? 1 : 0),
        false
      )
      let text = ''
      for await (const piece of answer.pieces(new AbortController().signal)) {
        assert.ok(piece.length < 100_000, String(piece.length))
        text += piece
      }
      if (format === 'json') assert.equal((JSON.parse(text) as { readings: unknown[] }).readings.length, 200)
      else assert.ok(text.trim().split('\n').length > 10)
    }
  })

  it('lets others come meanwhile, also where it is in memory', async () => {
    await lab.stop()
    lab = await new HistoryLab({ config: { maxMemory: 2 ** 30 } }).start()
    const start = lab.clock.now() - 3000
    for (let i = 0; i < 300_000; i++) lab.put('t', { value: i % 1000, time: start + i / 100 })
    await lab.pass(320)
    const turns = async (run: () => Promise<unknown>): Promise<number> => {
      let [count, isOver] = [0, false]
      const turn = (): void => {
        count += 1
        if (!isOver) setImmediate(turn)
      }
      setImmediate(turn)
      await run()
      isOver = true
      return count
    }
    // Each is tens of milliseconds of work at least.
    assert.ok((await turns(() => lab.plot('t', 2000, start, start + 3000))) > 3)
    assert.ok((await turns(() => lab.readings('t'))) > 3)
  })

  it('goes on behind a row that is damaged, tells where, and counts it', async () => {
    const start = lab.clock.now()
    for (let i = 0; i < 2000; i++) {
      lab.put('t', { value: i / 10, time: start + i })
      lab.clock.jump(1)
    }
    await lab.pass(320)
    assert.equal(lab.history.status().state, 'on')
    const shelf = await place.open()
    const view = shelf.view()
    const keys: [Buffer, Buffer][] = []
    for (const kind of ['r', 'a', 'c'])
      for await (const row of view.rows({ gte: Buffer.from(kind), lt: Buffer.from(kind + '\xff', 'latin1') })) keys.push([...row])
    await view.close()
    const rows = keys.filter(([key]) => key.toString('latin1', 0, 1) === 'r')
    const [, second, , fourth] = rows as [Buffer, Buffer][]
    const [cut, other] = [second as [Buffer, Buffer], fourth as [Buffer, Buffer]]
    await shelf.write([
      { key: cut[0], value: cut[1].subarray(0, -1) },
      { key: other[0], value: Buffer.of(9) }
    ])
    const changes = lab.changes
    const points = await lab.readings('t')
    const bad = points.filter(({ quality }) => quality === 'bad')
    assert.equal(bad.length, 2)
    assert.match(bad[0]?.error?.message ?? '', /cannot be read: the row ends too soon/)
    assert.match(bad[1]?.error?.message ?? '', /cannot be read: a row of an unknown form/)
    assert.ok(points.length > 2000 - 310 && points.length < 2000 - 290, String(points.length))
    assert.deepEqual([points[0]?.value, points.at(-1)?.value], [0, 199.9])
    const plot = await lab.plot('t', 10_000, start, start + 2000)
    assert.equal(plot.kind === 'readings' && plot.points.length, points.length)
    const { state, reason } = lab.history.status()
    assert.equal(state, 'degraded')
    assert.match(reason, /^2 rows cannot be read \(furnace\/t, .*Z: the row ends too soon\): .* put back a copy/)
    assert.equal(lab.log.lines.filter(({ level }) => level === 'error').length, 1)
    assert.equal(lab.changes, changes + 1)
    // Roll-ups, too: nothing is hidden behind them.
    await shelf.write(keys.filter((row) => !rows.includes(row)).map(([key, value]) => ({ key, value: value.subarray(0, -2) })))
    assert.equal((await lab.readings('t')).length, points.length)
    const long = await lab.plot('t', 200, start, start + 2000)
    assert.ok(long.kind === 'rollups' && long.buckets.some(({ isGap }) => isGap))
  })

  it('comes in pages also where an instrument’s clock stands', async () => {
    const time = lab.clock.now()
    const [count, before] = [60_000, 5]
    for (let i = 0; i < before; i++) lab.put('t', { value: -9 + i, time: time - 100 + i })
    for (let i = 0; i < count; i++) {
      lab.put('t', { value: i, time })
      if (i % 9000 === 8999 && i < 50_000) await lab.pass(320)
    }
    lab.put('t', { value: -1, time: time + 1 })
    const values: unknown[] = []
    let last: readonly Point[] = []
    place.rows = 0
    for await (const page of lab.history.readings(question)) {
      // What is in memory gets rows of its own meanwhile.
      if (values.length > 20_000 && values.length < 22_000) {
        const before = place.rows
        await lab.pass(320)
        place.rows = before
      }
      values.push(...page.map(({ value }) => value))
      last = page
    }
    assert.deepEqual(values, [-9, -8, -7, -6, -5, ...Array.from({ length: count }, (_, i) => i), -1])
    assert.equal(last.at(-1)?.time, time + 1)
    const seen = place.rows
    const view = (await place.open()).view()
    place.rows = 0
    for await (const row of view.rows({ gte: Buffer.from('r'), lt: Buffer.from('s') })) assert.ok(row)
    await view.close()
    // Each page begins where the one before ended, and not with the first of them.
    assert.ok(seen < 3 * place.rows, `${seen} rows read, of ${place.rows}`)
  })

  it('is not made coarse by a reading with an old time', async () => {
    await lab.stop()
    lab = await new HistoryLab({ place, config: { keep: 86_400, keepRollups: 100 * 86_400 } }).start()
    const start = lab.clock.now()
    for (let hour = 0; hour < 240; hour++) {
      for (let i = 0; i < 12; i++) lab.put('t', { value: hour, time: lab.clock.now() + i * 300 })
      await lab.pass(3600)
    }
    const counted = async (points: number): Promise<number> => {
      const plot = await lab.plot('t', points, start, start + 240 * 3600)
      return plot.kind === 'readings' ? plot.points.length : plot.buckets.reduce((sum, { count }) => sum + count, 0)
    }
    for (const round of [0, 1, 2]) {
      for (const points of [100, 1000, 5000, 10_000]) assert.equal(await counted(points), 2880, `${points} points, ${round}`)
      lab.put('other', { value: 0, time: 1e9 })
      if (round === 1) await lab.pass(320)
    }
  })
})
