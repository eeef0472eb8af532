import assert from 'node:assert/strict'
import type { Host, Reading } from '../../gateway/adapter.js'
import { formatTime } from '../../gateway/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { UdpClient } from '../support/udp.js'

const topic = 'lab/furnace/temperature'

describe('a reading with maxAge 10', () => {
  let clock: FakeClock
  let lab: Lab
  let oven: Host
  let client: TestClient
  let udp: UdpClient

  beforeEach(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock })
    oven = lab.scripted.host('oven')
    client = await lab.connect()
    await client.subscribe('lab/furnace/+', 'lab/furnace/+/value', 'lab/weather/+', 'lab/weather/+/value')
    await client.settled()
    client.drop()
    udp = new UdpClient()
  })

  afterEach(async () => {
    await udp.close()
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  const give = async (more: Partial<Reading> = {}): Promise<void> =>
    await oven.publish({ device: 'furnace', codename: 'temperature', value: 20.5, ...more })
  const asked = async (): Promise<string> => await udp.ask(lab.port('pull-furnace'), 'temperature#raw')

  /** What came since the last look, as `quality value`. */
  async function came(at = topic): Promise<string[]> {
    await client.settled()
    const found = client.left
      .filter((message) => message.topic === at)
      .map(({ text }) => JSON.parse(text) as { quality: string; value: unknown })
    client.drop()
    return found.map(({ quality, value }) => `${quality} ${String(value)}`)
  }

  it('is published again when that passes: same value, original time, quality stale, once', async () => {
    await give()
    const good = await client.nextJson(topic)
    await clock.pass(9.9)
    assert.deepEqual(await came(), [])
    await clock.pass(0.2)
    assert.deepEqual(await client.nextJson(topic), { ...good, quality: 'stale' })
    await clock.pass(1000)
    assert.deepEqual(await came(), [])
  })

  it('is fresh when its age equals maxAge, judged when it is asked for', async () => {
    await give()
    await clock.pass(10)
    assert.notEqual(await asked(), 'OLD_DATA')
    assert.equal(oven.latest('furnace', 'temperature')?.age, 10)
    await clock.pass(0.0001)
    assert.equal(await asked(), 'OLD_DATA')
    assert.equal(oven.latest('furnace', 'temperature')?.old, true)
    assert.deepEqual(await came(), ['good 20.5'], 'not published yet, but known to be old')
  })

  it('shows no mirror any more', async () => {
    await give()
    assert.equal((await client.next(`${topic}/value`)).text, '20.5')
    await clock.pass(11)
    assert.equal((await client.nextJson((message) => message.topic === topic && message.text.includes('stale')))['value'], 20.5)
    await client.settled()
    assert.deepEqual(
      client.left.filter(({ topic: at }) => at.endsWith('/value')),
      []
    )
  })

  it('has its retained mirror cleared', async () => {
    const sensor = await lab.connect()
    await sensor.publish('lab/weather/rain', '3')
    assert.equal((await client.next('lab/weather/rain/value')).text, '3')
    await clock.pass(11)
    assert.equal((await client.next('lab/weather/rain/value')).text, '')
    const late = await lab.connect()
    assert.deepEqual(await late.retained('lab/weather/rain/value'), [])
  })

  it('is good again with the next one', async () => {
    await give()
    await clock.pass(11)
    await give({ value: 21 })
    assert.deepEqual(await came(), ['good 20.5', 'stale 20.5', 'good 21'])
    assert.match(await asked(), /,21\.0$/)
    await clock.pass(11)
    assert.deepEqual(await came(), ['stale 21'])
  })

  it('is not stale as long as new ones come', async () => {
    for (let i = 0; i < 10; i++) {
      await give({ value: i })
      await clock.pass(6)
    }
    assert.deepEqual(
      (await came()).filter((text) => text.startsWith('stale')),
      []
    )
  })

  it('is as old as its source says: arrived 8 s old, it is stale 2 s later', async () => {
    await give({ value: 1 })
    await clock.pass(1)
    await give({ value: 2, time: clock.now() - 8 })
    assert.equal(oven.latest('furnace', 'temperature')?.age, 8)
    await clock.pass(1.9)
    assert.deepEqual(await came(), ['good 1', 'good 2'])
    await clock.pass(0.2)
    assert.deepEqual(await came(), ['stale 2'])
  })

  it('is stale at once with a time before the first year, and shows the time of arrival', async () => {
    for (const time of [-1e300, -Infinity]) {
      await give({ time })
      const reading = await client.nextJson(topic)
      assert.deepEqual([reading['quality'], reading['time']], ['stale', formatTime(clock.now())])
      assert.equal(await asked(), 'OLD_DATA')
    }
  })

  it('that is too old on arrival is stale at once', async () => {
    const time = clock.now() - 11
    await give({ time })
    const reading = await client.nextJson(topic)
    assert.deepEqual([reading['quality'], reading['time']], ['stale', formatTime(time)])
    assert.equal(await asked(), 'OLD_DATA')
  })

  it('is not older or younger for what happens to the wall clock', async () => {
    await give()
    await give({ time: clock.now() - 5, value: 2 })
    clock.jump(-86_400)
    await clock.pass(4.9)
    clock.jump(7 * 86_400)
    assert.deepEqual(await came(), ['good 20.5', 'good 2'])
    assert.ok(Math.abs((oven.latest('furnace', 'temperature')?.age ?? 0) - 9.9) < 1e-6)
    await clock.pass(0.2)
    assert.deepEqual(await came(), ['stale 2'])
  })

  it('may come up to 60 s from the future; beyond, it is uncertain and its age begins at arrival', async () => {
    await give({ time: clock.now() + 60 })
    assert.deepEqual(await came(), ['good 20.5'])
    await give({ time: clock.now() + 60.1, value: 2 })
    assert.equal(oven.latest('furnace', 'temperature')?.age, 0)
    assert.deepEqual(await came(), ['uncertain 2'])
    await clock.pass(10.1)
    assert.deepEqual(await came(), ['stale 2'])
  })

  for (const [what, time] of [
    ['in milliseconds', 1_700_000_000_000],
    ['that is NaN', NaN],
    ['that is infinite', Infinity]
  ] as const)
    it(`with a time ${what} is uncertain, and shows the time of arrival, also when it becomes stale`, async () => {
      const arrival = formatTime(clock.now())
      await give({ time })
      const reading = await client.nextJson(topic)
      assert.deepEqual([reading['quality'], reading['time']], ['uncertain', arrival])
      assert.deepEqual(oven.latest('furnace', 'temperature')?.time, time, 'exact in the process')
      await clock.pass(11)
      const stale = await client.nextJson(topic)
      assert.deepEqual([stale['quality'], stale['time']], ['stale', arrival])
    })

  it('that is bad stays bad', async () => {
    await give({ value: NaN })
    await clock.pass(11)
    assert.deepEqual(await came(), ['bad null'])
    assert.equal(await asked(), 'OLD_DATA')
  })

  it('of an MQTT client ages the same', async () => {
    const sensor = await lab.connect()
    await sensor.publish('lab/weather/rain', JSON.stringify({ value: 3, seq: 4, time: formatTime(clock.now() - 9) }))
    const good = await client.nextJson('lab/weather/rain')
    await clock.pass(1.1)
    assert.deepEqual(await client.nextJson('lab/weather/rain'), { ...good, quality: 'stale' })
  })

  it('without maxAge is never old by age alone', async () => {
    const sensor = await lab.connect()
    await sensor.publish('lab/weather/wind', '3')
    await clock.pass(3600)
    assert.deepEqual(await came('lab/weather/wind'), ['good 3'])
    assert.match(await udp.ask(lab.port('pull-weather'), 'wind#raw'), /,3\.0$/)
  })
})
