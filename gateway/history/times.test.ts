import assert from 'node:assert/strict'
import { HistoryLab, KeptPlace } from '../../test/support/history-lab.js'
import { pointText } from './text.js'

describe('history and times that are wrong', function () {
  this.timeout(5000)
  let lab: HistoryLab
  afterEach(() => lab.stop())

  it('marks what was not believed as stale at the time at which it stands, so that every point can be written', async () => {
    lab = await new HistoryLab({ place: new KeptPlace() }).start()
    const now = lab.clock.now()
    const times = [NaN, 1e300, -1e300, Infinity, now * 1000, 0]
    for (const [index, time] of times.entries()) lab.put(`t${index}`, { value: 1, time })
    await lab.clock.pass(5)
    lab.latest.expire('furnace')
    for (const index of times.keys()) {
      const points = await lab.readings(`t${index}`)
      assert.deepEqual(
        points.map(({ time, since, quality }) => [time - now, since === undefined ? undefined : since - now, quality]),
        [
          [0, undefined, points[0]?.quality],
          [0, 5, 'stale']
        ]
      )
      for (const point of points) assert.match(pointText(point), /"time":"2023-11-14T22:13:20Z"/)
    }
  })

  it('writes a time also where an older version kept one that is none', async () => {
    lab = await new HistoryLab({ place: new KeptPlace() }).start()
    const series = lab.history.writer.names.get('furnace', 'old')
    for (const measured of [NaN, 1e300]) lab.history.writer.add(series, 1e15, 1, { quality: 'stale' }, measured)
    const points = await lab.readings('old')
    assert.deepEqual(
      points.map((point) => [point.time, point.since, pointText(point).includes('"time":"2001-')]),
      [
        [1e9, 1e9, true],
        [1e9, 1e9, true]
      ]
    )
  })

  it('keeps what comes from a device whose clock is years behind, at our time, and says so once an hour', async () => {
    lab = await new HistoryLab({ place: new KeptPlace() }).start()
    const now = lab.clock.now()
    for (let i = 0; i < 200; i++) {
      lab.put('t', { value: i, time: 1_420_000_000 + i * 10 })
      await lab.pass(10)
    }
    await lab.pass(700)
    const points = await lab.readings('t', now)
    assert.deepEqual(
      points.map(({ value, quality }) => [value, quality]),
      Array.from({ length: 200 }, (_, i) => [i, 'uncertain'])
    )
    const lines = (): unknown[] => lab.log.lines.filter(({ message }) => message.includes('not believed')).map(({ fields }) => fields)
    assert.deepEqual(lines(), [{ device: 'furnace', codename: 't', time: '2014-12-31T04:26:40Z', readings: 1 }])
    await lab.pass(3000)
    lab.put('t', { value: 0, time: 1_420_000_000 })
    assert.equal(lines().length, 2)
  })
})
