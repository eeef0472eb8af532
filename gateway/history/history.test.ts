import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FakeClock } from '../../test/support/fake-clock.js'
import { HistoryLab, KeptPlace } from '../../test/support/history-lab.js'
import { assertAlike, bucketsOf } from '../../test/support/buckets.js'
import type { Point } from './types.js'

const shortly = (points: readonly Point[]): unknown[] => points.map(({ time, since, quality, value }) => [time, since, quality, value])

describe('history', function () {
  this.timeout(10_000)
  let lab: HistoryLab
  const begin = async (options?: ConstructorParameters<typeof HistoryLab>[0]): Promise<HistoryLab> =>
    (lab = await new HistoryLab(options).start())
  afterEach(() => lab.stop())

  it('gives back what was taken before the question, in order, also what is not written yet and what came late', async () => {
    const { clock } = await begin({ place: new KeptPlace() })
    const start = clock.now()
    for (const [index, time] of [0, 1, 1, 5, 3, -400, 2, 7200 - 1e4].entries()) {
      lab.put('t', { value: index, time: start + time, unit: 'C', source: 'push' })
      if (index === 3) await lab.history.flush()
    }
    const points = await lab.readings('t')
    assert.deepEqual(
      points.map(({ time, value }) => [time - start, value]),
      [
        [-2800, 7],
        [-400, 5],
        [0, 0],
        [1, 1],
        [1, 2],
        [2, 6],
        [3, 4],
        [5, 3]
      ]
    )
    assert.deepEqual(points[0], { time: start - 2800, quality: 'good', value: 7, unit: 'C', source: 'push' })
    assert.deepEqual(
      (await lab.readings('t', start, start + 3)).map(({ value }) => value),
      [0, 1, 2, 6]
    )
    assert.deepEqual(await lab.readings('other'), [])
    assert.equal(lab.history.status().state, 'on')
  })

  it('keeps exact values, and all that a reading says', async () => {
    await begin({ place: new KeptPlace() })
    const values = [47, 47n, 2n ** 90n, NaN, '1', true, [1n, 2.5], new Map([['b', 1n]]), -0]
    for (const value of values) lab.put('any', { value, x: 1n, uncertainty: 0.5, seq: 3, run: 'r1', source: 'client' })
    await lab.pass(400)
    const points = await lab.readings('any')
    assert.deepEqual(
      points.map(({ value }) => value),
      values
    )
    const { x, uncertainty, seq, run, source } = points[1] as Point
    assert.deepEqual({ x, uncertainty, seq, run, source }, { x: 1n, uncertainty: 0.5, seq: 3, run: 'r1', source: 'client' })
    assert.equal(points[3]?.error?.class, 'NotFinite')
  })

  it('has roll-ups like those counted by hand, whatever comes late, twice, before checkpoints and crashes', async function () {
    this.timeout(20_000)
    const step = fc.oneof(fc.constantFrom(1, 1, 1, 0, 0.1), fc.double({ min: -4000, max: 400, noNaN: true }))
    const event = fc.record({
      step,
      value: fc.integer({ min: -500, max: 500 }).map((whole) => whole / 10),
      bad: fc.boolean().map((is) => is)
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 60, maxLength: 200 }),
        fc.array(fc.nat(199), { maxLength: 6 }),
        fc.nat(3),
        async (events, cuts, crashes) => {
          lab = await new HistoryLab({ place: new KeptPlace(), clock: new FakeClock(1_700_000_000) }).start()
          const all: Point[] = []
          let crashed = 0
          for (const [index, each] of events.entries()) {
            const time = Math.round((lab.clock.now() + Math.min(each.step, 0)) * 1e6) / 1e6
            const quality = each.bad && index % 7 === 0 ? 'bad' : 'good'
            lab.put('t', { value: each.value, time, quality })
            all.push({ time, value: each.value, quality })
            if (each.step > 0) lab.clock.jump(each.step)
            if (cuts.includes(index)) {
              // Rows of their own, or not yet.
              await lab.pass(index % 2 === 0 ? 2 : 320)
              if (crashed < crashes) {
                crashed += 1
                await lab.crash()
              }
            }
          }
          const sorted = all.toSorted((a, b) => a.time - b.time)
          const found = (await lab.readings('t')).filter((point) => point.error?.class !== 'Unreachable')
          assert.deepEqual(
            found.map(({ time, value, quality }) => ({ time, value, quality })),
            sorted
          )
          const [from, to] = [(sorted[0] as Point).time, (sorted.at(-1) as Point).time + 1e-5]
          for (const wanted of [10, 300, 3600]) {
            const points = Math.floor((to - from) / wanted)
            if (points < 1 || points >= all.filter((point) => point.quality === 'good').length) continue
            const plot = await lab.plot('t', points, from, to)
            assert.equal(plot.kind, 'rollups')
            if (plot.kind !== 'rollups' || plot.step % wanted !== 0) return
            // Where the gateway was away there is a mark of its own.
            const plain = (buckets: typeof plot.buckets): typeof plot.buckets =>
              buckets.filter(({ count }) => count > 0).map((bucket) => ({ ...bucket, isGap: false }))
            assertAlike(plain(plot.buckets), plain(bucketsOf(all, plot.step)))
          }
          await lab.stop()
        }
      ),
      { numRuns: 40 }
    )
  })

  it('marks staleness once, at the time of our clock, and a value after it is there again', async () => {
    const place = new KeptPlace()
    const { clock } = await begin({ place, codenames: { t: { maxAge: 10 } } })
    const start = clock.now()
    lab.put('t', { value: 1 })
    await clock.pass(60)
    lab.latest.expire('furnace')
    lab.put('t', { value: 2 })
    await lab.pass(2)
    assert.deepEqual(shortly(await lab.readings('t')), [
      [start, undefined, 'good', 1],
      [start, start + 10.001, 'stale', 1],
      [start + 60, undefined, 'good', 2]
    ])
    // Restored at the next start, and again at the one after: marked once.
    for (let i = 0; i < 2; i++) {
      await lab.stop()
      clock.jump(100)
      await lab.start()
      lab.put('t', { value: 2, time: start + 60, quality: 'stale', source: 'restored' }, true)
    }
    await lab.pass(320)
    lab.put('t', { value: 3 })
    assert.deepEqual(shortly((await lab.readings('t')).slice(3)), [
      [start + 60, start + 162, 'stale', 2],
      [clock.now(), undefined, 'good', 3]
    ])
  })

  it('takes late readings for readings of their time, of which only the first leaves a mark', async () => {
    const { clock } = await begin({ place: new KeptPlace(), codenames: { t: { maxAge: 10 } } })
    const start = clock.now()
    lab.put('t', { value: 0, time: start })
    await lab.pass(5)
    for (let i = 1; i <= 3; i++) lab.put('t', { value: i, time: start - 1000 + i })
    assert.deepEqual(shortly(await lab.readings('t')), [
      [start - 999, undefined, 'good', 1],
      [start - 998, undefined, 'good', 2],
      [start - 997, undefined, 'good', 3],
      [start, undefined, 'good', 0],
      [start - 999, start + 5, 'stale', 1]
    ])
  })

  it('shows that the gateway was away, also where nothing was restored', async () => {
    const { clock } = await begin({ place: new KeptPlace() })
    const start = clock.now()
    lab.put('t', { value: 1 })
    await lab.pass(2)
    clock.jump(1000)
    await lab.crash()
    const back = lab.clock.now()
    lab.put('new', { value: 1 })
    lab.clock.skip(5)
    lab.put('t', { value: 2 })
    lab.put('t', { value: 3 })
    const points = await lab.readings('t')
    assert.deepEqual(shortly(points), [
      [start, undefined, 'good', 1],
      [back, undefined, 'bad', null],
      [back + 5, undefined, 'good', 2],
      [back + 5, undefined, 'good', 3]
    ])
    assert.equal((await lab.readings('new')).length, 1)
    for (let i = 0; i < 50; i++) lab.put('t', { value: 4 })
    const plot = await lab.plot('t', 20, start - 10, back + 15)
    assert.ok(plot.kind === 'rollups')
    const before = plot.buckets.find(({ time }) => time <= start && time + plot.step > start)
    assert.deepEqual([before?.count, before?.isGap], [1, true])
  })

  it('keeps every reading, changes, one in so many seconds or none: of a codename, its device or all', async () => {
    const { clock } = await begin({
      place: new KeptPlace(),
      config: { record: 'off' },
      history: 'change',
      codenames: { each: { history: 'every' }, some: { history: 10 }, none: { history: 'off' }, changes: {} }
    })
    const start = clock.now()
    for (let i = 0; i < 40; i++) {
      for (const codename of ['each', 'some', 'none', 'changes'])
        lab.put(codename, { value: i < 20 ? 1 : 2, ...(i === 30 ? { quality: 'uncertain' } : {}) })
      clock.jump(1)
    }
    const times = async (codename: string): Promise<number[]> => (await lab.readings(codename)).map(({ time }) => time - start)
    assert.equal((await times('each')).length, 40)
    assert.deepEqual(await times('some'), [0, 10, 20, 30, 31])
    assert.deepEqual(await times('none'), [])
    assert.deepEqual(await times('changes'), [0, 20, 30, 31])
    const entry = lab.devices.admit('elsewhere', 'x')
    lab.history.take(entry, lab.latest.weigh(entry, { device: 'elsewhere', codename: 'x', value: 1 }))
    assert.equal(lab.history.status().waiting, 40 + 5 + 4)
  })

  it('keeps what has an unbelievable time at the time at which it came', async () => {
    const { clock } = await begin({ place: new KeptPlace() })
    const now = clock.now()
    for (const time of [0, -1e300, 1e300, Infinity, now * 1000, now + 90_000, now + 3600, now - 1e8]) lab.put('t', { value: 1, time })
    await lab.pass(320)
    assert.deepEqual(
      (await lab.readings('t')).map(({ time, quality }) => [time - now, quality]),
      [...Array.from({ length: 7 }, () => [0, 'uncertain']), [3600, 'uncertain']]
    )
  })

  it('answers in pages that can be left, and whose asker may be slow', async () => {
    const { clock } = await begin({ place: new KeptPlace(), config: { keep: 10_000 } })
    const start = clock.now()
    for (let i = 0; i < 30_000; i++) lab.put('t', { value: i, time: start - 9990 + i / 3 })
    await lab.pass(5)
    const pages: number[] = []
    const gone = new AbortController()
    await assert.rejects(async () => {
      for await (const page of lab.history.readings({ device: 'furnace', codename: 't', from: 0, to: 1e10 }, gone.signal)) {
        pages.push(page.length)
        if (pages.length === 3) gone.abort(new Error('enough'))
      }
    }, /enough/)
    assert.deepEqual(pages, [1000, 1000, 1000])
    // What is removed while it is read is not there any more; the rest comes.
    let [last, count] = [0, 0]
    for await (const page of lab.history.readings({ device: 'furnace', codename: 't', from: 0, to: 1e10 })) {
      if (count === 0) await lab.pass(7200)
      for (const { time } of page) {
        assert.ok(time >= last)
        last = time
      }
      count += page.length
    }
    assert.ok(count >= 8000 && count < 30_000, String(count))
    assert.ok(Math.abs(last - (start - 9990 + 29_999 / 3)) < 1e-5)
  })
})
