import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import replySchema from '../../schemas/reply.schema.json' with { type: 'json' }
import { FakeClock } from '../support/fake-clock.js'
import { answerTo, askHistory, publishReadings } from '../support/history.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { RawClient, packets } from '../support/raw-mqtt.js'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const rfc = (time: number): string => new Date(time * 1000).toISOString().replace('.000Z', 'Z')

const yaml = `
devices:
  furnace:
    codenames:
      temperature: { unit: C, maxAge: 10, schema: { type: number } }
      note: { history: off }
      door: { history: change }
      pressure: { history: 60 }
  silent: { history: off, codenames: { level: {}, alarm: { history: every } } }
adapters:
  - { id: oven, type: scripted, feeds: [furnace/temperature] }
`

describe('history over MQTT', () => {
  let clock: FakeClock
  let lab: Lab
  let client: TestClient

  async function begin(text = yaml): Promise<void> {
    clock = new FakeClock()
    lab = await startLab({ clock }, text)
    client = await lab.connect({ clientId: 'nb7' })
    await client.subscribe('lab/+/+/reply', 'lab-dead/#')
  }

  beforeEach(() => begin())

  afterEach(async () => {
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  it('comes in pages, in order and complete', async () => {
    const values = upTo(1234).map((i) => i / 8)
    await publishReadings(client, 'weather/wind', clock.now() - 1234, values)
    const { replies, values: found, readings, last } = await askHistory(client, 'weather/wind', { from: -2000, limit: 5000 })
    assert.deepEqual(found, values)
    assert.deepEqual(
      replies.map(({ phase, value }) => [phase, value?.page, value?.readings?.length]),
      [
        ['accepted', 1, 500],
        ['accepted', 2, 500],
        ['done', 3, 234]
      ]
    )
    assert.deepEqual([last.value?.count, last.value?.next, last.op, last.client], [1234, undefined, 'history', 'nb7'])
    assert.deepEqual(readings[1], { quality: 'good', source: 'client', time: rfc(clock.now() - 1233), value: 0.125 })
    const ajv = new Ajv2020({ strict: true })
    ;(addFormats as unknown as (to: Ajv2020) => void)(ajv)
    for (const reply of replies) assert.ok(ajv.validate(replySchema, reply), JSON.stringify(ajv.errors))
  })

  it('is gone through by next, forwards and backwards', async () => {
    await publishReadings(client, 'weather/wind', clock.now() - 25, upTo(25))
    const first = await askHistory(client, 'weather/wind', { from: -100, limit: 10 })
    const second = await askHistory(client, 'weather/wind', { from: first.last.value?.next, limit: 10 })
    const third = await askHistory(client, 'weather/wind', { from: second.last.value?.next, limit: 10 })
    assert.deepEqual([...first.values, ...second.values, ...third.values], upTo(25))
    assert.equal(third.last.value?.next, undefined)
    const newest = await askHistory(client, 'weather/wind', { order: 'newest', limit: 15 })
    const rest = await askHistory(client, 'weather/wind', { order: 'newest', limit: 15, to: newest.last.value?.next })
    assert.deepEqual([...newest.values, ...rest.values], upTo(25).reverse())
  })

  it('takes an empty question for the last hour, and times as RFC 3339, Unix seconds or seconds before now', async () => {
    const now = clock.now()
    await publishReadings(client, 'weather/wind', now - 3700, [1])
    await publishReadings(client, 'weather/wind', now - 20, [2, 3, 4])
    await client.publish('lab/weather/wind/history', '')
    const { value } = (await client.nextJson('lab/weather/wind/reply')) as { value: { readings: { value: unknown }[] } }
    assert.deepEqual(
      value.readings.map((reading) => reading.value),
      [2, 3, 4]
    )
    for (const [from, to] of [
      [rfc(now - 20), rfc(now - 18)],
      [now - 20, now - 18],
      [-20, '-18']
    ])
      assert.deepEqual((await askHistory(client, 'weather/wind', { from, to })).values, [2, 3])
  })

  it('draws: readings where they are few, else roll-ups', async () => {
    const begun = Math.floor(clock.now() / 10) * 10 - 1000
    await publishReadings(client, 'weather/wind', begun, upTo(1000))
    const few = await askHistory(client, 'weather/wind', { from: begun, to: begun + 5, points: 50 })
    assert.deepEqual(few.values, [0, 1, 2, 3, 4])
    const many = await askHistory(client, 'weather/wind', { from: begun, to: begun + 1000, points: 100 })
    const { rollups = [], count, step = NaN } = many.last.value ?? {}
    assert.ok(rollups.length > 10 && rollups.length <= 200 && rollups.length === count && step > 0, JSON.stringify(many.last).slice(0, 300))
    assert.equal(
      rollups.reduce((sum, rollup) => sum + (rollup['count'] as number), 0),
      1000
    )
    assert.equal(Math.max(...rollups.map((rollup) => rollup['max'] as number)), 999)
  })

  const refusals: [question: string | object, codename: string, error: string, says: RegExp][] = [
    [{ from: 'yesterday' }, 'furnace/temperature', 'BadPayload', /from must be RFC 3339/],
    [{ from: -1, to: -2 }, 'furnace/temperature', 'RangeError', /is after to/],
    [{ from: 1.7e12 }, 'furnace/temperature', 'RangeError', /milliseconds/],
    [{ form: -1 }, 'furnace/temperature', 'BadPayload', /"form"/],
    [{ limit: 0 }, 'furnace/temperature', 'BadPayload', /limit/],
    [{ limit: 100_001 }, 'furnace/temperature', 'BadPayload', /limit/],
    [{ points: 10, limit: 10 }, 'furnace/temperature', 'BadPayload', /limit and order go with readings/],
    ['-3600', 'furnace/temperature', 'BadPayload', /is JSON/],
    ['{"from": -3600', 'furnace/temperature', 'BadPayload', /is JSON/],
    [{}, 'furnace/temprature', 'UnknownCodename', /did you mean "temperature"\?/],
    [{}, 'furnance/temperature', 'UnknownDevice', /did you mean "furnace"\?/],
    [{}, 'furnace/note', 'ReadOnly', /no history is kept of furnace\/note/],
    [{}, 'silent/level', 'ReadOnly', /no history is kept/]
  ]
  for (const [question, codename, error, says] of refusals)
    it(`refuses ${JSON.stringify(question)} of ${codename} with ${error}`, async () => {
      await client.publish(`lab/${codename}/history`, question)
      const { phase, error: told } = (await client.nextJson(`lab/${codename}/reply`)) as {
        phase: string
        error: { class: string; message: string }
      }
      assert.deepEqual([phase, told.class], ['failed', error])
      assert.match(told.message, says)
      assert.equal((await client.nextJson(`lab-dead/lab/${codename}/history`))['class'], error)
    })

  it('refuses a retained question', async () => {
    await client.publish('lab/weather/wind/history', '{"id":"r"}', { retain: true })
    assert.equal((await answerTo(client, 'weather/wind', 'r')).last.error?.class, 'Retained')
  })

  it('answers the same id once, and gives the last page again', async () => {
    await publishReadings(client, 'weather/wind', clock.now() - 2000, upTo(1200))
    const question = { id: 'twice', from: -3600, limit: 2000 }
    await client.publish('lab/weather/wind/history', question)
    // Also while it is under way.
    await client.publish('lab/weather/wind/history', question)
    const { replies, last } = await answerTo(client, 'weather/wind', 'twice')
    assert.equal(replies.length, 3)
    await client.publish('lab/weather/wind/history', question)
    assert.deepEqual(await client.nextJson('lab/weather/wind/reply'), last)
    await client.settled()
    assert.deepEqual(client.left, [])
    await clock.pass(61)
    await client.publish('lab/weather/wind/history', question)
    assert.equal((await answerTo(client, 'weather/wind', 'twice')).replies.length, 3)
  })

  it('is kept of what is not declared, too', async () => {
    await publishReadings(client, 'elsewhere/x%20y', clock.now() - 3, ['a', { b: [1] }, null])
    assert.deepEqual((await askHistory(client, 'elsewhere/x%20y')).values, ['a', { b: [1] }, null])
  })

  it('marks what became stale where it did so, and puts late readings where their time says', async () => {
    const oven = lab.scripted.host('oven')
    const begun = clock.now()
    const temperature = (value: number, time?: number) =>
      oven.publish({ device: 'furnace', codename: 'temperature', value, ...(time === undefined ? {} : { time }) })
    await temperature(1)
    await clock.pass(5)
    await temperature(2)
    await clock.pass(20)
    await temperature(3)
    // An older one comes late; for people who look at the last reading it is old at once.
    await temperature(1.5, begun + 2)
    const { readings } = await askHistory(client, 'furnace/temperature', { from: begun - 1 })
    const shown = readings.map(({ value, time, quality, since }) => [value, time, quality, since])
    assert.deepEqual(
      shown.filter(([, , quality]) => quality === 'good').map(([value, time]) => [value, time]),
      [
        [1, rfc(begun)],
        [1.5, rfc(begun + 2)],
        [2, rfc(begun + 5)],
        [3, rfc(begun + 25)]
      ]
    )
    const stale = shown.find(([value, , quality]) => value === 2 && quality === 'stale')
    assert.equal(stale?.[1], rfc(begun + 5))
    const since = Date.parse(String(stale?.[3])) / 1000
    assert.ok(since >= begun + 15 && since < begun + 16, String(stale?.[3]))
    // It stands between the readings before and after.
    const order = shown.map(([value]) => value)
    assert.deepEqual([order.indexOf(1), order.indexOf(3) > order.lastIndexOf(2), order.includes(1.5)], [0, true, true])
  })

  it('keeps of each codename what its configuration says', async () => {
    const now = clock.now()
    await publishReadings(client, 'furnace/door', now - 10, ['open', 'open', 'shut', 'shut', 'shut', 'open'])
    assert.deepEqual((await askHistory(client, 'furnace/door')).values, ['open', 'shut', 'open'])
    const minute = Math.floor(now / 60) * 60
    await publishReadings(client, 'furnace/pressure', minute - 600, upTo(300))
    assert.deepEqual((await askHistory(client, 'furnace/pressure')).values, [0, 60, 120, 180, 240])
    await publishReadings(client, 'silent/alarm', now - 10, [1, 1, 2])
    assert.deepEqual((await askHistory(client, 'silent/alarm')).values, [1, 1, 2])
  })

  it('answers many at once, each once; of one client not more than four', async () => {
    await publishReadings(client, 'weather/wind', clock.now() - 2000, upTo(1500))
    const others = await Promise.all(upTo(5).map((i) => lab.connect({ clientId: `other-${i}` })))
    await Promise.all(others.map((other) => other.subscribe('lab/weather/wind/reply')))
    const ask = (asker: TestClient, id: string): Promise<void> =>
      asker.publish('lab/weather/wind/history', { id, from: -3600, limit: 2000 })
    // In one turn: none is finished before the last one comes.
    const asked = [
      ...upTo(6).map((i) => ask(client, `mine-${i}`)),
      ...others.flatMap((other, i) => upTo(4).map((j) => ask(other, `${i}-${j}`)))
    ]
    await Promise.all(asked)
    const answers = await Promise.all(
      [...upTo(6).map((i) => `mine-${i}`), ...others.flatMap((_, i) => upTo(4).map((j) => `${i}-${j}`))].map((id) =>
        answerTo(client, 'weather/wind', id)
      )
    )
    for (const { last, values } of answers) {
      if (last.phase === 'failed') assert.equal(last.error?.class, 'RateLimited')
      else assert.deepEqual(values, upTo(1500))
    }
    assert.ok(answers.some(({ last }) => last.phase === 'failed'))
    assert.ok(answers.filter(({ last }) => last.phase === 'done').length >= 4)
    // It goes on.
    assert.equal((await askHistory(client, 'weather/wind', { from: -3600 })).last.phase, 'done')
  })

  it('ends with failed when the gateway stops', async () => {
    await publishReadings(client, 'weather/wind', clock.now() - 8000, upTo(8000))
    await client.publish('lab/weather/wind/history', { id: 'cut', from: -9000, limit: 100_000 })
    await client.next(({ text }) => text.includes('"page":1,'))
    const stopped = lab.gateway.stop()
    const { last } = await answerTo(client, 'weather/wind', 'cut')
    await stopped
    assert.deepEqual([last.phase, last.error?.class], ['failed', 'Unreachable'])
    assert.match(String(last.error?.message), /stopping \(the \d+ pages before are right\)/)
  })
})

describe('history over MQTT, within the limits of the broker', () => {
  it('pages are smaller than a packet may be; what is larger is told without its value', async () => {
    const clock = new FakeClock()
    const lab = await startLab(
      { clock },
      'broker: { tcp: { port: 0 }, limits: { maxPacket: 2048 } }\nadapters: [{ id: oven, type: scripted, feeds: [oven] }]'
    )
    const client = await lab.connect()
    await client.subscribe('lab/+/+/reply')
    for (const value of ['x'.repeat(900), 'y'.repeat(900), 'z'.repeat(5000), 'end'])
      await lab.scripted.host('oven').publish({ device: 'oven', codename: 'text', value })
    await client.publish('lab/oven/text/history', '{"id":"a"}')
    const { replies, readings } = await answerTo(client, 'oven/text', 'a')
    for (const reply of replies) assert.ok(JSON.stringify(reply).length < 2048)
    assert.deepEqual(
      readings.map(({ value }) => typeof value === 'string' && value.length),
      [900, 900, false, 3]
    )
    assert.ok(Number(readings[2]?.['omitted']) > 5000)
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  it('wait for an asker that reads slowly, which is not cut', async () => {
    const lab = await startLab({}, 'broker: { tcp: { port: 0 }, limits: { maxOutput: 200000, shedOutput: 200000 } }')
    const client = await lab.connect()
    const now = Math.floor(Date.now() / 1000)
    // Several times what the sockets of the system hold, too.
    const value = 'x'.repeat(20_000)
    for (let i = 0; i < 190; i++)
      await client.publish('lab/scope/trace', { time: rfc(now - 300 + i), value: value + i }, { qos: i === 189 ? 1 : 0 })
    const slow = await RawClient.connect(lab.mqttPort, 'slow')
    slow.send(packets.subscribe(1, ['lab/scope/trace/reply', 1]))
    await slow.next('suback')
    slow.socket.pause()
    slow.send(...upTo(3).map((i) => packets.publish('lab/scope/trace/history', `{"id":"s${i}"}`, { qos: 0 })))
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(slow.socket.destroyed, false)
    let [pages, ended] = [0, 0]
    await new Promise<void>((resolve, reject) => {
      slow.socket.once('close', () => reject(new Error(`cut after ${pages} pages`)))
      slow.onPublish = ({ id, text }) => {
        pages += 1
        slow.send(packets.puback(id ?? 0))
        if (!text.includes('"phase":"accepted"')) ended += text.includes('"count":190') ? 1 : NaN
        if (ended === 3) resolve()
      }
      slow.socket.resume()
    })
    assert.ok(pages >= 3 * 60, String(pages))
    slow.socket.destroy()
    await lab.stop()
  }).timeout(10_000)
})

describe('history over MQTT, for an asker that reads nothing', () => {
  it('ends after a minute with failed, which says how far it came', async () => {
    const clock = new FakeClock()
    const lab = await startLab({ clock }, 'broker: { tcp: { port: 0 }, limits: { maxOutput: 200000, shedOutput: 200000, maxWait: 3600 } }')
    const client = await lab.connect()
    const value = 'x'.repeat(20_000)
    for (const i of upTo(190)) await client.publish('lab/scope/trace', `"${value}${i}"`, { qos: i === 189 ? 1 : 0 })
    const deaf = await RawClient.connect(lab.mqttPort, 'deaf')
    deaf.send(packets.subscribe(1, ['lab/scope/trace/reply', 1]))
    await deaf.next('suback')
    deaf.socket.pause()
    await client.subscribe('lab/scope/trace/reply')
    deaf.send(...upTo(4).map((i) => packets.publish('lab/scope/trace/history', `{"id":"d${i}"}`, { qos: 1, id: i + 1 })))
    await client.next(({ text }) => text.includes('"id":"d3"'))
    await clock.pass(61)
    const ends: string[] = []
    while (ends.length < 4) ends.push((await client.next(({ text }) => !text.includes('"phase":"accepted"'))).text)
    const failed = ends.filter((text) => text.includes('"class":"Timeout"'))
    assert.ok(failed.length > 0, ends.map((text) => text.slice(0, 200)).join('\n'))
    for (const text of failed) assert.match(text, /not all could be given within 60 s.*\(the \d+ pages before are right\)/)
    deaf.socket.destroy()
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  }).timeout(10_000)
})

describe('history over a restart', () => {
  let folder: string
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'labgate-history-'))))
  after(() => rm(folder, { recursive: true, force: true }))

  it('a page that opens after a restart still draws the last hour, with a gap', async () => {
    const config = `gateway: { data: ${JSON.stringify(folder)} }\n`
    const now = Math.floor(Date.now() / 1000)
    const first = await startLab({}, config)
    const writer = await first.connect()
    await publishReadings(writer, 'weather/wind', now - 1800, upTo(100))
    await first.stop()
    const second = await startLab({}, config)
    const client = await second.connect()
    await client.subscribe('lab/+/+/reply')
    await client.publish('lab/weather/wind', '100')
    const { readings } = await askHistory(client, 'weather/wind', { from: -3600 })
    // What was restored stands between both, as stale.
    assert.deepEqual(
      readings.slice(98).map(({ value, quality }) => [value, quality]),
      [
        [98, 'good'],
        [99, 'good'],
        [99, 'stale'],
        [100, 'good']
      ]
    )
    assert.deepEqual(
      readings.slice(0, 100).map(({ value }) => value),
      upTo(100)
    )
    assert.ok(Date.parse(readings[100]?.since ?? '') / 1000 >= now, readings[100]?.since)
    await second.stop()
  })
})
