import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Exact } from '../adapter.js'
import { FakeClock } from '../../test/support/fake-clock.js'
import { HistoryLab, KeptPlace } from '../../test/support/history-lab.js'
import type { Row } from './shelf.js'

const noSpace = (): Error => Object.assign(new Error('IO error: No space left on device'), { code: 'LEVEL_IO_ERROR' })

async function rowsOf(place: KeptPlace, from: string, to: string): Promise<Row[]> {
  const view = (await place.open()).view()
  const rows: Row[] = []
  for await (const row of view.rows({ gte: Buffer.from(from), lt: Buffer.from(to) })) rows.push(row)
  await view.close()
  return rows
}

describe('history and mishaps', function () {
  this.timeout(5000)
  let lab: HistoryLab
  let place: KeptPlace
  const begin = async (options: ConstructorParameters<typeof HistoryLab>[0] = {}): Promise<void> => {
    place = new KeptPlace()
    lab = await new HistoryLab({ place, ...options }).start()
  }
  afterEach(() => lab.stop())

  const values = async (codename = 't'): Promise<unknown[]> => (await lab.readings(codename)).map(({ value }) => value)
  const lines = (level: string): string[] => lab.log.lines.filter((line) => line.level === level).map(({ message }) => message)

  /** One reading a second. */
  async function publish(from: number, to: number, codename = 't'): Promise<void> {
    for (let i = from; i < to; i++) {
      lab.put(codename, { value: i })
      await lab.pass(1)
    }
  }

  it('tries once more at the stop, although the next try was later', async () => {
    await begin()
    await publish(0, 2)
    place.failure = noSpace()
    await publish(2, 60)
    place.failure = undefined
    await lab.stop()
    await lab.start()
    assert.deepEqual((await values()).slice(0, 60), [...Array(60).keys()])
  })

  it('tells how many readings are lost with a stop', async () => {
    await begin()
    await publish(0, 2)
    place.failure = noSpace()
    await publish(2, 12)
    await lab.stop()
    const line = lab.log.lines.find(({ message }) => /are lost.*before the stop/.test(message))
    assert.equal(line?.level, 'error')
    assert.equal(line?.fields?.['readings'], 10)
    assert.match(String(line?.fields?.['reason']), /No space left/)
  })

  it('makes its folder anew when somebody removes it, with what is in memory', async () => {
    const data = await mkdtemp(join(tmpdir(), 'labgate-gone-'))
    try {
      lab = await new HistoryLab({ data, config: { maxBytes: 16_777_216 } }).start()
      await publish(0, 3)
      await rm(join(data, 'history'), { recursive: true })
      for (let i = 0; i < 40; i++) {
        lab.put('t', { value: `${i} `.padEnd(20_000, 'x') })
        await lab.pass(1)
      }
      await lab.pass(60)
      assert.deepEqual([lab.history.status().state, lab.history.status().waiting], ['on', 0])
      assert.ok(existsSync(join(data, 'history', 'CURRENT')))
      assert.ok(lines('error').some((line) => line.includes('a new one is begun')))
      await lab.stop()
      await lab.start()
      assert.equal((await values()).at(-1), '39 '.padEnd(20_000, 'x'))
    } finally {
      await lab.stop()
      await rm(data, { recursive: true, force: true })
    }
  })

  it('goes on when roll-ups cannot be read: they begin anew, and the rest is written', async () => {
    await begin()
    await publish(0, 5)
    await lab.pass(700)
    const shelf = await place.open()
    const rows = await rowsOf(place, 'a', 'd')
    assert.equal(rows.length, 3)
    await shelf.write(rows.map(([key, value]) => ({ key, value: value.subarray(0, -3) })))
    for (let i = 0; i < 20; i++) {
      lab.put('t', { value: i, time: lab.clock.now() - 705 })
      lab.put('other', { value: i })
      await lab.pass(1)
    }
    await lab.pass(700)
    assert.deepEqual([lab.history.status().state, lab.history.status().waiting], ['on', 0])
    assert.equal((await values('other')).length, 20)
    assert.equal((await values()).length, 25)
    assert.equal(lab.history.writer.broken, 3)
    assert.ok(lines('error').some((line) => line.includes('roll-ups')))
  })

  it('writes the others when one shard fails for what is in it', async () => {
    await begin()
    await publish(0, 2)
    lab.put('other', { value: 0 })
    const { writer } = lab.history
    const shard = writer.shardOf(writer.names.get('furnace', 't'))
    assert.notEqual(shard, writer.shardOf(writer.names.get('furnace', 'other')))
    const changes = shard.changes.bind(shard)
    shard.changes = () => Promise.reject(new RangeError('the row ends too soon'))
    await lab.pass(400)
    assert.match(lab.history.status().reason, /^cannot write some of the readings: the row ends too soon$/)
    await publish(1, 40, 'other')
    shard.changes = changes
    await lab.crash()
    assert.deepEqual((await values('other')).slice(0, 40), [...Array(40).keys()])
    assert.deepEqual((await values()).slice(0, 2), [0, 1])
  })

  it('keeps what many codenames say at once', async () => {
    const names = Array.from({ length: 9000 }, (_, i) => `c${i}`)
    await begin({ codenames: Object.fromEntries(names.map((name) => [name, {}])), config: { maxBytes: 25_165_824 } })
    for (const name of names) lab.put(name, { value: 1 })
    const { waiting, dropped } = lab.history.status()
    assert.deepEqual([waiting, dropped], [9000, 0])
    // It is written at once, and in pieces: others have their turns.
    let turns = 0
    const { writer } = lab.history
    while (lab.history.status().waiting > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      turns += 1
    }
    assert.ok(turns > 20, String(turns))
    assert.equal(writer.written, 9000)
  })

  it('takes what can be read of a journal that is damaged at its end', async () => {
    await begin()
    for (let i = 0; i < 20; i++) lab.put('t', { value: i })
    await lab.pass(1)
    const [[key, value]] = (await rowsOf(place, 'j', 'k')) as [Row]
    // The last word is JSON that cannot be.
    const damaged = Buffer.from(value)
    damaged[damaged.length - 2] = 0x77
    await (await place.open()).write([{ key, value: damaged }])
    await lab.crash()
    const found = await values()
    assert.ok(found.length >= 17, String(found.length))
    assert.deepEqual(found.slice(0, 17), [...Array(17).keys()])
  })

  it('takes no value that could not be read again, and what is around it', async () => {
    await begin()
    lab.put('t', { value: 1 })
    lab.put('t', { value: [undefined, 1] as unknown as Exact })
    lab.put('t', { value: 2 })
    assert.deepEqual(await values(), [1, 2])
    assert.equal(lines('error').length, 1)
    await lab.pass(1)
    await lab.crash()
    assert.deepEqual((await values()).slice(0, 2), [1, 2])
  })

  it('draws no line from a reading that was forgotten', async () => {
    await begin()
    const start = lab.clock.now()
    lab.put('t', { value: 1 })
    await lab.pass(5)
    lab.latest.forget(lab.devices.admit('furnace', 't'))
    lab.latest.expire('furnace')
    await lab.pass(3600)
    lab.put('t', { value: 2 })
    assert.deepEqual(
      (await lab.readings('t')).map(({ time, since, quality }) => [(since ?? time) - start, quality]),
      [
        [0, 'good'],
        [5, 'stale'],
        [3605, 'good']
      ]
    )
  })

  for (const isRestored of [false, true])
    it(`shows that it was away although its clock was set after the start, ${isRestored ? 'restored' : 'not restored'}`, async () => {
      await begin()
      const start = lab.clock.now()
      await publish(0, 20)
      lab.clock.jump(-1800)
      await lab.crash()
      if (isRestored) lab.put('t', { value: 19, time: start + 19, source: 'restored' }, true)
      lab.put('u', { value: 1 })
      await lab.pass(30)
      lab.clock.jump(9000)
      for (const name of ['t', 'u']) {
        lab.put(name, { value: 20 })
        lab.put(name, { value: 21 })
      }
      const points = (await lab.readings('t')).filter(({ time }) => time > start + 18)
      assert.deepEqual(
        points.map(({ quality, value }) => [quality, value]).filter(([quality]) => quality !== 'stale'),
        [
          ['good', 19],
          ['bad', null],
          ['good', 20],
          ['good', 21]
        ]
      )
      assert.deepEqual(
        (await lab.readings('u')).map(({ quality }) => quality),
        ['good', 'bad', 'good', 'good']
      )
    })

  it('does not believe a wrong clock at the start, however many codenames there are', async () => {
    await begin()
    await publish(0, 3)
    await lab.stop()
    lab = await new HistoryLab({ place, clock: new FakeClock(lab.clock.now() + 90 * 86_400) }).start()
    for (let i = 0; i < 200_000; i++) lab.history.writer.names.get('furnace', `c${i}`)
    await lab.pass(5)
    assert.deepEqual(await values(), [0, 1, 2])
  })
})
