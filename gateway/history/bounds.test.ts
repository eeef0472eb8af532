import assert from 'node:assert/strict'
import { HistoryLab, KeptPlace } from '../../test/support/history-lab.js'
import type { Shelf } from './shelf.js'

const mib = 1_048_576

/** Text that takes its room. */
const text = (i: number): string => `${i} `.padEnd(20_000, 'x')

describe('history and more than its bound in an hour', function () {
  this.timeout(5000)
  let lab: HistoryLab
  afterEach(() => lab.stop())
  const lines = (level: string): string[] => lab.log.lines.filter((line) => line.level === level).map(({ message }) => message)

  for (const [where, options] of [
    ['in memory', { config: { maxMemory: mib } }],
    ['on disk', { place: new KeptPlace(), config: { maxBytes: mib } }]
  ] as const)
    it(`stays within it ${where}, keeps the newest, and says so until there is room for an hour again`, async () => {
      lab = await new HistoryLab(options).start()
      let most = 0
      for (let i = 0; i < 30; i++) {
        for (let j = 0; j < 8; j++) lab.put(`t${j}`, { value: text(i) })
        await lab.pass(1)
        most = Math.max(most, lab.history.status().bytes)
        const { shelf } = lab.history.writer
        most = Math.max(most, (await shelf?.size()) ?? 0)
      }
      assert.ok(most > mib / 10 && most <= mib, String(most))
      const points = await lab.readings('t3')
      assert.equal(points.at(-1)?.value, text(29))
      assert.ok(points.length < 30)
      const { state, reason } = lab.history.status()
      assert.equal(state, 'degraded')
      assert.match(reason, /readings of the last hour are removed.*1 MiB \(history.max/)
      assert.equal(lines('warn').filter((line) => line.includes('the last hour')).length, 1)
      assert.equal(lab.history.writer.horizon('r') > (points[0]?.time ?? 0) - 600, true)
      await lab.pass(3700)
      assert.equal(lab.history.status().state, 'on')
    })

  it('writes nothing that there is no room for: it waits, then new ones are dropped, and it is said', async () => {
    const place = new KeptPlace()
    const open = place.open.bind(place)
    let extra = 0
    place.open = async (): Promise<Shelf> => {
      const shelf = await open()
      return { ...shelf, size: async () => (await shelf.size()) + extra }
    }
    lab = await new HistoryLab({ place, config: { maxBytes: mib } }).start()
    lab.put('t', { value: 'kept' })
    await lab.pass(6)
    extra = 2 * mib
    await lab.pass(6)
    for (let i = 0; i < 20; i++) {
      lab.put('t', { value: text(i) })
      await lab.pass(1)
    }
    const { state, reason, waiting, dropped } = lab.history.status()
    assert.deepEqual([state, waiting + dropped], ['degraded', 20])
    assert.ok(dropped > 3, String(dropped))
    assert.match(reason, /no room for more within 1 MiB/)
    extra = 0
    await lab.pass(10)
    assert.equal(lab.history.status().waiting, 0)
    assert.equal(lines('warn').filter((line) => line.includes('no room')).length, 1)
  })

  it('takes few bytes of a reading', async () => {
    const place = new KeptPlace()
    lab = await new HistoryLab({ place }).start()
    const start = lab.clock.now()
    for (let i = 0; i < 7200; i++) lab.put('t', { value: Math.round(200 + 50 * Math.sin(i / 300)) / 10, time: start - 7200 + i })
    await lab.pass(400)
    const view = (await place.open()).view()
    const sizes: Record<string, number> = {}
    for await (const [key, value] of view.rows({ gte: Buffer.from('a'), lt: Buffer.from('z') })) {
      const kind = key.toString('latin1', 0, 1)
      sizes[kind] = (sizes[kind] ?? 0) + (key.length + value.length) / 7200
    }
    await view.close()
    const rounded = Object.entries(sizes).map(([kind, bytes]) => [kind, Math.round(bytes * 10) / 10])
    assert.deepEqual(Object.fromEntries(rounded.filter(([kind]) => kind !== 'n')), { a: 2.4, b: 0.1, c: 0, r: 1.3, s: 0 })
  })
})
