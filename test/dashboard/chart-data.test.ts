import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Track, blanks, nearest, within } from '../../gateway/dashboard/chart/data.js'
import { bandsOf, kindOf, pointsOf, shadesOf } from '../../gateway/dashboard/chart/kinds.js'
import { fromAnswer, fromReading } from '../../gateway/dashboard/chart/sample.js'
import type { HistoryAnswer, ReadingLike, Sample } from '../../gateway/dashboard/chart/sample.js'
import { extentOf, inWords, rowsOf, showValue, summaryOf } from '../../gateway/dashboard/chart/summary.js'

const good = (time: number, value: unknown = time): ReadingLike => ({ time, quality: 'good', value })
const live = (reading: ReadingLike, since?: number): Sample => fromReading(reading, since) as Sample
const readings = (...list: readonly ReadingLike[]): HistoryAnswer => ({ kind: 'readings', readings: list })
const loaded = (answer: HistoryAnswer, from = 0, to = 1000, asked = 1000): Parameters<Track['load']>[0] => ({
  window: { from, to },
  answer,
  asked
})
const places = (track: Track): number[] => track.samples().map(({ time }) => time)

describe('what a plot draws of one codename', () => {
  it('is the history, and behind it what comes live', () => {
    const track = new Track()
    track.load(loaded(readings(good(1), good(2))))
    assert.equal(track.add(live(good(3)), 3), true)
    assert.equal(track.add(live(good(2)), 3), false, 'the history has it')
    assert.equal(track.add(live(good(3)), 4), false, 'given again after a reconnect')
    assert.equal(track.add(live(good(3, 7)), 4), true, 'another value of the same time')
    assert.deepEqual(
      track.samples().map(({ time, value }) => [time, value]),
      [
        [1, 1],
        [2, 2],
        [3, 3],
        [3, 7]
      ]
    )
  })

  it('has a late reading where its time says, in what came live and in the history', () => {
    const track = new Track()
    track.load(loaded(readings(good(1), good(5))))
    for (const time of [10, 12, 11, 3]) track.add(live(good(time)), 20)
    assert.deepEqual(places(track), [1, 3, 5, 10, 11, 12])
  })

  it('stays the same set of readings, in order, however they arrive and whenever the history is asked', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 0, max: 60 }),
        (times, cut) => {
          const track = new Track()
          times.forEach((time, i) => {
            track.add(live(good(time)), i)
            // The history answers with all it has so far.
            if (i === cut) track.load(loaded(readings(...times.slice(0, i + 1).map((at) => good(at))), 0, 401, i))
          })
          assert.deepEqual(
            places(track),
            [...times].sort((a, b) => a - b)
          )
        }
      )
    )
  })

  it('takes roll-ups in place of what came before they were asked for, and keeps what came since', () => {
    const track = new Track()
    for (const time of [1, 2, 8, 9.5, 11]) track.add(live(good(time)), time)
    const rollups = [
      { time: 0, count: 2, min: 1, max: 2, mean: 1.5 },
      { time: 5, count: 2, min: 8, max: 9, mean: 8.5 }
    ]
    track.load(loaded({ kind: 'rollups', step: 5, rollups }, 0, 10, 9))
    const samples = track.samples()
    assert.deepEqual(
      samples.map(({ from, to, value }) => [from, to, value]),
      [
        [0, 5, 1.5],
        // The last stretch has not ended: the question was asked at 9.
        [5, 9, 8.5],
        [8, 8, 8],
        [9.5, 9.5, 9.5],
        [11, 11, 11]
      ]
    )
  })

  it('is bounded: older readings are joined, and no peak is lost', () => {
    const track = new Track(100)
    for (let i = 0; i < 5000; i += 1) track.add(live(good(i, i === 1234 ? 99 : i === 2345 ? -99 : Math.sin(i))), i)
    const samples = track.samples()
    assert.ok(track.tailed <= 100 && samples.length === track.tailed, `${track.tailed}`)
    const extent = extentOf([samples], { from: 0, to: 5000 })
    assert.deepEqual(extent, { min: -99, max: 99 })
    assert.equal(
      samples.reduce((sum, { count }) => sum + count, 0),
      5000
    )
    assert.deepEqual(samples.at(-1)?.value, Math.sin(4999))
  })

  it('is bounded also where nothing can be joined: the oldest go', () => {
    const track = new Track(100)
    for (let i = 0; i < 1000; i += 1) track.add(live({ time: i, quality: i % 2 ? 'good' : 'bad', value: i % 2 ? i : null }), i)
    assert.ok(track.tailed <= 100)
    assert.equal(track.samples().at(-1)?.value, 999)
  })

  it('ends at what is stale, bad or unknown', () => {
    const track = new Track()
    track.load(
      loaded(
        readings(
          good(1),
          { time: 1, quality: 'stale', value: 1, since: '1970-01-01T00:00:06Z' },
          good(20),
          { time: 21, quality: 'bad', value: null, error: { class: 'NotFinite', message: 'no number' } },
          good(30),
          { ...good(31), quality: 'uncertain' }
        )
      )
    )
    assert.deepEqual(
      track.samples().map(({ time, ends, trust }) => [time, ends, trust]),
      [
        [1, false, 'good'],
        [6, true, 'stale'],
        [20, false, 'good'],
        [21, true, 'bad'],
        [30, false, 'good'],
        [31, false, 'uncertain']
      ]
    )
    assert.deepEqual(blanks(track.samples(), 100), [
      { from: 6, to: 20, trust: 'stale' },
      { from: 21, to: 30, trust: 'bad' }
    ])
    track.cut(40)
    assert.deepEqual(blanks(track.samples(), 100).at(-1), { from: 40, to: 100, trust: 'gap' })
    track.add(live(good(50)), 50)
    assert.deepEqual(blanks(track.samples(), 100).at(-1), { from: 40, to: 50, trust: 'gap' })
  })

  it('holds a stale reading once, though two clocks tell when it became so; what was restored is unknown since it was measured', () => {
    const track = new Track()
    const stale = { time: 5, quality: 'stale', value: 5 }
    track.load(loaded(readings(good(5), { ...stale, since: 7 })))
    assert.equal(track.add(live(stale, 7.4), 8), false)
    assert.equal(track.samples().length, 2)
    const other = new Track()
    other.add(live(stale, 7.4), 8)
    assert.equal(other.samples()[0]?.time, 7.4)
    other.load(loaded(readings(good(5), { ...stale, since: 7, source: 'restored' }), 0, 100, 8))
    assert.deepEqual(blanks(other.samples(), 10), [{ from: 5, to: 10, trust: 'stale' }])
  })

  it('has gaps of roll-ups as gaps', () => {
    const bucket = (time: number, gap?: true): object => ({ time, count: 1, min: 1, max: 1, mean: 1, ...(gap ? { gap } : {}) })
    const rollups = [bucket(0), bucket(10, true), bucket(40), bucket(50, true), bucket(60)] as never
    const samples = fromAnswer({ kind: 'rollups', step: 10, rollups }, 70)
    assert.deepEqual(
      samples.map(({ ends }) => ends),
      [false, true, false, true, false]
    )
    assert.deepEqual(blanks(samples, 70), [{ from: 20, to: 40, trust: 'gap' }])
  })

  it('drops no hole that the history has not filled, and each that it has', () => {
    const track = new Track()
    track.add(live(good(1)), 1)
    track.cut(2)
    track.add(live(good(9)), 9)
    assert.equal(blanks(track.samples(), 10).length, 1)
    // Asked as soon as the page was connected again.
    track.load(loaded(readings(good(1), good(5), good(9)), 0, 10, 2.5))
    assert.deepEqual(blanks(track.samples(), 10), [])
    assert.deepEqual(places(track), [1, 5, 9])
  })

  it('leaves out what has no time', () => {
    assert.equal(fromReading({ time: 'yesterday', quality: 'good', value: 1 }), undefined)
    assert.equal(fromReading({ time: NaN, quality: 'good', value: 1 }), undefined)
  })
})

describe('what a cursor means', () => {
  const samples = [1, 2, 10].map((time) => live(good(time)))

  it('is the nearest reading', () => {
    assert.equal(nearest(samples, 1.4, 5)?.time, 1)
    assert.equal(nearest(samples, 1.6, 5)?.time, 2)
    assert.equal(nearest(samples, 99, 5)?.time, 10)
    assert.equal(nearest([], 1, 5), undefined)
  })

  it('is what had become stale, not what comes long after', () => {
    const stale = live({ time: 2, quality: 'stale', value: 2 }, 3)
    const all = [...samples.slice(0, 2), stale, samples[2] as Sample]
    assert.equal(nearest(all, 7, 2)?.trust, 'stale')
    assert.equal(nearest(all, 9.9, 2)?.time, 10)
  })

  it('is the stretch it lies in', () => {
    const rollups = [
      { time: 0, count: 3, min: 1, max: 9, mean: 2 },
      { time: 100, count: 3, min: 1, max: 9, mean: 2 }
    ]
    assert.equal(nearest(fromAnswer({ kind: 'rollups', step: 100, rollups }, 200), 99, 1)?.from, 0)
  })

  it('lies within a window with one reading beyond each edge', () => {
    assert.deepEqual(
      within(samples, { from: 1.5, to: 3 }).map(({ time }) => time),
      [1, 2, 10]
    )
  })
})

describe('states', () => {
  const state = (time: number, value: unknown, quality = 'good'): Sample => live({ time, value, quality })

  it('are bands from one change to the next, and the last one holds while that is known', () => {
    const samples = [
      state(1, 'idle'),
      state(3, 'idle'),
      state(5, 'run'),
      live({ time: 5, quality: 'stale', value: 'run' }, 8),
      state(9, false)
    ]
    const bands = (holds: boolean): unknown => bandsOf(samples, 12, holds).map(({ from, to, word }) => [from, to, word])
    assert.deepEqual(bands(true), [
      [1, 5, 'idle'],
      [5, 8, 'run'],
      [9, 12, 'false']
    ])
    assert.deepEqual(bands(false), [
      [1, 5, 'idle'],
      [5, 8, 'run']
    ])
  })

  it('do not go on over a gap of roll-ups', () => {
    const rollups = [0, 10, 30].map((time) => ({ time, count: 1, min: 1, max: 1, mean: 1, gap: time === 10 }))
    assert.deepEqual(
      bandsOf(fromAnswer({ kind: 'rollups', step: 10, rollups }, 40), 40, true).map(({ from, to }) => [from, to]),
      [
        [0, 20],
        [30, 40]
      ]
    )
  })

  it('of roll-ups are told as far as those know them', () => {
    const bucket = (time: number, min: number | null, max: number | null): object => ({ time, count: 2, min, max, mean: max })
    const rollups = [bucket(0, 1, 1), bucket(10, 0, 1), bucket(20, 0, 0), bucket(30, null, null)] as never
    assert.deepEqual(
      bandsOf(fromAnswer({ kind: 'rollups', step: 10, rollups }, 40), 40, true).map(({ word, isMixed }) => [word, isMixed]),
      [
        ['true', false],
        ['changing', true],
        ['false', false],
        ['zoom in for words', true]
      ]
    )
  })

  it('are told from numbers and curves by the schema, else by the value', () => {
    assert.equal(kindOf({ schema: { type: 'number' }, value: 'x' }), 'number')
    assert.equal(kindOf({ schema: { type: ['null', 'integer'] } }), 'number')
    assert.equal(kindOf({ schema: { type: 'boolean' } }), 'state')
    assert.equal(kindOf({ schema: { enum: ['a', 'b'] } }), 'state')
    assert.equal(kindOf({ schema: { type: 'array' } }), 'xy')
    assert.equal(kindOf({ value: [1, 2], x: [0, 1] }), 'xy')
    assert.equal(kindOf({ value: [1, null] }), 'xy')
    assert.equal(kindOf({ value: true }), 'state')
    assert.equal(kindOf({}), 'number')
  })

  it('keep their colour', () => {
    assert.deepEqual(
      [...shadesOf(['b', 'a', 'b'], ['a', 'b'], 6)],
      [
        ['a', 0],
        ['b', 1]
      ]
    )
    const words = ['idle', 'heating', 'holding', 'cooling down', 'true', 'false']
    assert.equal(new Set(shadesOf(words, undefined, 6).values()).size, 6)
    assert.equal(shadesOf(['idle'], [], 6).get('idle'), shadesOf(['idle'], undefined, 6).get('idle'))
    assert.equal(
      shadesOf(
        Array.from({ length: 20 }, (_, i) => `w${i}`),
        undefined,
        6
      ).size,
      20
    )
  })

  it('are no points; those of a curve are drawn from left to right, without what is no number', () => {
    assert.deepEqual(pointsOf([1, 2, 'x', 4], [3, 1, 2, null]), { xs: [1, 2, 3], ys: [2, null, 1] })
    assert.deepEqual(pointsOf([5, 6], undefined), { xs: [0, 1], ys: [5, 6] })
    assert.deepEqual(pointsOf('text', undefined), { xs: [], ys: [] })
  })
})

describe('a plot in words', () => {
  const samples = [live(good(1, 4)), live(good(2, -3)), live({ time: 2, quality: 'stale', value: -3 }, 5), live(good(50, 100))]

  it('tells the latest, the lowest and the highest of the window', () => {
    const summary = summaryOf(samples, { from: 0, to: 10 })
    assert.deepEqual([summary.min, summary.max, summary.count, summary.latest?.trust], [-3, 4, 2, 'stale'])
    const words = inWords('oven/t', summary, '°C', 1, 1e9)
    assert.match(words, /^oven\/t: latest −3\.0 °C, stale, at .+; lowest −3\.0 °C, highest 4\.0 °C of 2 readings shown\.$/)
    assert.equal(inWords('oven/t', summaryOf([], { from: 0, to: 1 }), '', undefined, 1), 'oven/t: nothing in the time shown.')
  })

  it('says of a stretch also its lowest and highest, and of what is bad why', () => {
    const [stretch] = fromAnswer({ kind: 'rollups', step: 1, rollups: [{ time: 0, count: 9, min: 1, max: 3, mean: 2 }] }, 9)
    assert.equal(showValue(stretch as Sample, 'W'), '2 W (1 … 3)')
    assert.equal(showValue(live({ time: 1, quality: 'bad', value: null, error: { message: 'broken' } }), 'W'), 'no value: broken')
    assert.equal(showValue(live(good(1, 'idle')), undefined), 'idle')
  })

  it('ranges a window between two readings by those', () => {
    assert.deepEqual(extentOf([samples], { from: 20, to: 30 }), { min: 100, max: 100 })
    assert.equal(extentOf([[]], { from: 0, to: 1 }), undefined)
  })

  it('is a table of so many rows, the first and the last among them', () => {
    const many = Array.from({ length: 1000 }, (_, i) => live(good(i)))
    const rows = rowsOf(many, { from: 100, to: 899 }, 50)
    assert.deepEqual([rows.length, rows[0]?.time, rows.at(-1)?.time], [50, 100, 899])
  })
})
