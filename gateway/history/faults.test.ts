import assert from 'node:assert/strict'
import { HistoryLab, KeptPlace } from '../../test/support/history-lab.js'

const noSpace = (): Error => Object.assign(new Error('IO error: 000003.log: No space left on device'), { code: 'LEVEL_IO_ERROR' })

/** Text that takes its room. */
const text = (i: number): string => `${i} `.padEnd(1_000_000, 'x')

describe('history on a failing disk', function () {
  this.timeout(15_000)
  let lab: HistoryLab
  let place: KeptPlace
  beforeEach(async () => {
    place = new KeptPlace()
    lab = await new HistoryLab({ place }).start()
  })
  afterEach(() => lab.stop())

  const values = async (codename = 't'): Promise<unknown[]> => (await lab.readings(codename)).map(({ value }) => value)
  const lines = (level: string): string[] => lab.log.lines.filter((line) => line.level === level).map(({ message }) => message)

  /** One reading a second. */
  async function publish(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i++) {
      lab.put('t', { value: i })
      await lab.pass(1)
    }
  }

  it('says so once, goes on answering, and by itself once there is room, with nothing lost, doubled or forgotten', async () => {
    await publish(0, 10)
    place.failure = noSpace()
    await publish(10, 200)
    const { state, reason, waiting, dropped } = lab.history.status()
    assert.deepEqual([state, waiting, dropped], ['degraded', 190, 0])
    assert.match(reason, /No space left.*free some space/)
    assert.deepEqual(await values(), [...Array(200).keys()])
    assert.equal(lines('error').length, 1)
    assert.ok(lab.changes >= 1)
    place.failure = undefined
    await publish(200, 600)
    assert.deepEqual([lab.history.status().state, lab.history.status().reason], ['on', ''])
    assert.equal(lines('info').length, 1)
    const told = lab.changes
    await publish(600, 610)
    assert.equal(lab.changes, told)
    await lab.crash()
    assert.deepEqual(await values(), [...Array(610).keys()])
    const plot = await lab.plot('t', 300)
    assert.ok(plot.kind === 'rollups')
    assert.equal(
      plot.buckets.reduce((sum, { count }) => sum + count, 0),
      610
    )
  })

  it('does not count what was written although it was told that it was not', async () => {
    await publish(0, 290)
    place.isLying = true
    await lab.pass(60)
    place.isLying = false
    await lab.pass(60)
    await publish(290, 700)
    await lab.crash()
    assert.deepEqual(await values(), [...Array(700).keys()])
    const plot = await lab.plot('t', 100)
    assert.ok(plot.kind === 'rollups')
    assert.equal(
      plot.buckets.reduce((sum, { count }) => sum + count, 0),
      700
    )
  })

  it('does not answer twice what is written and not known to be', async () => {
    await publish(0, 290)
    let tell = (): void => {}
    place.told = new Promise((resolve) => (tell = resolve))
    // The journal first, then the rows.
    for (let i = 290; i < 400; i++) {
      lab.put('t', { value: i })
      await lab.clock.pass(1)
      const before = tell
      place.told = new Promise((resolve) => (tell = resolve))
      assert.deepEqual(await values(), [...Array(i + 1).keys()])
      const plot = await lab.plot('t', 50)
      assert.ok(plot.kind === 'rollups')
      assert.equal(
        plot.buckets.reduce((sum, { count }) => sum + count, 0),
        i + 1
      )
      before()
    }
    place.told = undefined
    tell()
  })

  it('holds so much in memory and no more; what comes then is dropped, counted, and marked where it is missing', async () => {
    place.failure = noSpace()
    for (let i = 0; i < 40; i++) {
      lab.put('t', { value: text(i) })
      lab.clock.jump(1)
    }
    const { dropped, waiting } = lab.history.status()
    assert.ok(dropped > 10 && dropped < 20, String(dropped))
    assert.equal(waiting + dropped, 40)
    place.failure = undefined
    await lab.pass(60)
    lab.put('t', { value: 'again' })
    await lab.pass(2)
    const points = await lab.readings('t')
    assert.equal(points.length, 40 - dropped + 2)
    const [gap, last] = points.slice(-2)
    assert.deepEqual([gap?.quality, gap?.time, last?.value], ['bad', (points[0]?.time ?? 0) + 40 - dropped, 'again'])
    assert.match(gap?.error?.message ?? '', /readings are missing from here on/)
    assert.equal(lab.history.status().dropped, dropped)
  })

  it('that takes for ever makes nobody wait, and is told of', async () => {
    await publish(0, 3)
    let open = (): void => {}
    place.gate = new Promise((resolve) => (open = resolve))
    lab.put('t', { value: 3 })
    await lab.clock.pass(15)
    assert.equal(lab.history.status().state, 'degraded')
    assert.match(lab.history.status().reason, /takes long/)
    assert.deepEqual(await values(), [0, 1, 2, 3])
    for (let i = 0; i < 40; i++) lab.put('x', { value: text(i) })
    await lab.clock.pass(2)
    assert.match(lab.history.status().reason, /dropped.*record less/)
    place.gate = undefined
    open()
    await lab.pass(40)
    assert.equal(lab.history.status().state, 'on')
    assert.deepEqual(await values(), [0, 1, 2, 3])
    assert.deepEqual(lines('warn').length, 2)
  })

  it('that is damaged is moved aside, and what is in memory begins the new one', async () => {
    await publish(0, 5)
    place.failure = Object.assign(new Error('Corruption: bad block'), { code: 'LEVEL_CORRUPTION' })
    lab.put('t', { value: 5 })
    await lab.pass(10)
    assert.equal(place.aside, 1)
    assert.equal(lab.history.status().state, 'on')
    assert.ok(lines('error').some((line) => /damaged.*moved aside/.test(line)))
    assert.deepEqual(await values(), [0, 1, 2, 3, 4, 5])
    await lab.crash()
    assert.deepEqual((await values()).slice(0, 6), [0, 1, 2, 3, 4, 5])
  })

  it('that cannot be opened does not stop the start; what comes meanwhile is there when it can', async () => {
    await publish(0, 5)
    place.failure = noSpace()
    await lab.crash()
    lab.clock.skip(10)
    lab.put('t', { value: 5 })
    assert.equal(lab.history.status().state, 'degraded')
    const asked = assert.rejects(lab.readings('t'), /cannot be read at present.*No space/)
    await lab.clock.pass(6)
    await asked
    place.failure = undefined
    await lab.pass(40)
    assert.equal(lab.history.status().state, 'on')
    // With the mark of the time that it was away.
    assert.deepEqual(await values(), [0, 1, 2, 3, 4, null, 5])
  })
})

describe('history and its bounds', function () {
  this.timeout(15_000)
  let lab: HistoryLab
  afterEach(() => lab.stop())

  it('removes readings by their age, then roll-ups', async () => {
    lab = await new HistoryLab({ place: new KeptPlace(), config: { keep: 7200, keepRollups: 20 * 86_400 } }).start()
    const start = lab.clock.now()
    for (let i = 0; i < 30; i++) {
      for (let j = 0; j < 100; j++) lab.put('t', { value: j, time: lab.clock.now() + j })
      await lab.pass(3600)
    }
    const points = await lab.readings('t')
    const oldest = points[0]?.time ?? 0
    assert.ok(oldest >= lab.clock.now() - 7200 - 3600 - 600 && oldest <= lab.clock.now() - 7200 + 3600, String(oldest - start))
    const plot = await lab.plot('t', 50)
    assert.ok(plot.kind === 'rollups')
    assert.equal(plot.buckets[0]?.time, Math.floor(start / plot.step) * plot.step)
    assert.equal(
      plot.buckets.reduce((sum, { count }) => sum + count, 0),
      3000
    )
    // What comes late does not move what is known of the rest; nor does a new start.
    lab.put('t', { value: 0, time: start + 5 })
    await lab.pass(1)
    await lab.crash()
    const { writer } = lab.history
    assert.ok(writer.horizon('r') > start + 26 * 3600 && writer.horizon('r') <= oldest, String(writer.horizon('r') - start))
    assert.equal(writer.horizon('a'), writer.horizon('r'))
    assert.deepEqual([writer.horizon('b'), writer.horizon('c')], [0, 0])
    await lab.pass(60 * 86_400)
    assert.ok(lab.history.writer.horizon('c') > start)
    assert.deepEqual(await lab.plot('t', 50), { kind: 'readings', points: [] })
    assert.equal(lab.history.status().oldest, undefined)
  })

  it('holds no more than its bytes in memory, and lets the oldest go first', async () => {
    const maxMemory = 1_048_576
    lab = await new HistoryLab({ config: { maxMemory } }).start()
    let most = 0
    const start = lab.clock.now()
    for (let i = 0; i < 250; i++) {
      for (let j = 0; j < 60; j++) lab.put(`c${j % 20}`, { value: Math.sin(i * 60 + j) })
      lab.clock.skip(55)
      await lab.clock.pass(5)
      most = Math.max(most, lab.history.status().bytes)
    }
    assert.ok(most <= maxMemory, String(most))
    const points = await lab.readings('c1')
    assert.ok((points[0]?.time ?? 0) > start + 3600)
    assert.ok(points.length > 100, String(points.length))
    assert.equal(points.at(-1)?.time, lab.clock.now() - 60)
    assert.equal(lab.history.status().dropped, 0)
  })

  it('bears a clock that jumps by a day forth and back: nothing is lost, and nothing removed', async () => {
    lab = await new HistoryLab({ place: new KeptPlace(), config: { keep: 7200 } }).start()
    const { clock } = lab
    const start = clock.now()
    const put = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        lab.put('t', { value: i })
        await lab.pass(10)
      }
    }
    await put(0, 50)
    clock.jump(86_400)
    await put(50, 100)
    clock.jump(-86_400)
    await put(100, 150)
    clock.jump(-86_400)
    await put(150, 200)
    clock.jump(86_400)
    await put(200, 250)
    await lab.pass(320)
    // Each time it was set there is a mark.
    const all = await lab.readings('t')
    const points = all.filter(({ quality }) => quality === 'good')
    assert.equal(all.length - points.length, 4)
    const order = [...Array(250).keys()]
    const at = (from: number, to: number): number[] => order.slice(from, to)
    assert.deepEqual(
      points.map(({ value }) => value),
      [...at(150, 200), ...at(0, 50), ...at(100, 150), ...at(200, 250), ...at(50, 100)]
    )
    assert.equal(points[50]?.time, start)
    // A clock that goes on as it should is believed again.
    await lab.pass(2 * 86_400)
    assert.deepEqual(await lab.readings('t'), [])
  })

  it('knows what there was after the clock was in 1970', async () => {
    lab = await new HistoryLab({ place: new KeptPlace() }).start()
    const start = lab.clock.now()
    lab.put('t', { value: 1 })
    await lab.pass(400)
    lab.clock.jump(-start)
    lab.put('t', { value: 2 })
    await lab.pass(10_000)
    assert.deepEqual(
      (await lab.readings('t')).map(({ time, value }) => [time, value]),
      // Where the clock was set there is a mark.
      [
        [400, null],
        [400, 2],
        [start, 1]
      ]
    )
    lab.clock.jump(start)
    await lab.crash()
    await lab.pass(5000)
    assert.deepEqual(
      (await lab.readings('t')).map(({ value }) => value),
      [1]
    )
  })

  it('forgets the names of which nothing is left', async () => {
    const place = new KeptPlace()
    lab = await new HistoryLab({ place, config: { keep: 7200, keepRollups: 86_400 } }).start()
    lab.put('gone', { value: 1 })
    lab.put('t', { value: 1 })
    for (let day = 0; day < 80; day++) {
      await lab.pass(86_400)
      lab.put('t', { value: 1 })
    }
    await lab.pass(700)
    const names: string[] = []
    const view = (await place.open()).view()
    for await (const [, value] of view.rows({ gte: Buffer.from('n'), lt: Buffer.from('o') })) names.push(String(value))
    await view.close()
    assert.equal(names.length, 1)
    assert.match(names[0] ?? '', /"t"/)
  })
})
