import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import type { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

const oven = 'devices: { oven: { codenames: { temperature: { unit: °C, schema: { type: number } } } } }\nadapters: []\n'
const on = 'homeAssistant: { discovery: true }\n'
const topicOf = (device: string, prefix = 'homeassistant'): string => `${prefix}/device/labgate_lab-gateway_${device}/config`

interface Message {
  readonly o: { readonly name: string }
  readonly cmps: Readonly<Record<string, { readonly p: string; readonly stat_t?: string }>>
}

describe('the announcements to Home Assistant', () => {
  let clock: FakeClock
  let disk: MemoryDisk
  let lab: Running | undefined
  let watcher: TestClient

  beforeEach(() => {
    clock = new FakeClock()
    disk = new MemoryDisk()
  })

  afterEach(async () => await stop())

  async function begin(yaml: string, filter = '+/device/+/config'): Promise<void> {
    lab = await start(yaml, { clock, openDisk: disk.open })
    watcher = await lab.connect()
    await watcher.subscribe(filter)
  }

  async function stop(): Promise<void> {
    const stopped = lab?.stop()
    await clock.pass(10)
    await stopped
    lab = undefined
  }

  const publisher = async (): Promise<TestClient> => (await lab?.connect()) ?? assert.fail()

  /** Has nothing been said that was not taken? Everything published before this is there when it comes back. */
  async function nothingMore(): Promise<void> {
    const client = await publisher()
    const end = `end/device/${client.id}/config`
    await client.publish(end, 'end')
    const next = await watcher.next(() => true, 'anything')
    assert.equal(next.topic, end, next.text.slice(0, 200))
  }

  it('are retained for every device, with what is below it', async () => {
    await begin(on + oven)
    const found = await watcher.next(topicOf('oven'))
    assert.ok(found.retain)
    const { o, cmps } = JSON.parse(found.text) as Message
    assert.deepEqual([o.name, Object.keys(cmps), cmps['temperature']?.stat_t], ['labgate', ['temperature'], 'lab/oven/temperature'])
    await watcher.next(topicOf('gateway'))
    await nothingMore()
  })

  it('are not made unless the configuration wants them', async () => {
    await begin(oven)
    await nothingMore()
  })

  it('come again when Home Assistant has started, and only then', async () => {
    await begin(on + oven)
    for (const device of ['oven', 'gateway']) await watcher.next(topicOf(device))
    const client = await publisher()
    await client.publish('homeassistant/status', 'offline')
    await clock.pass(60)
    await nothingMore()
    await client.publish('homeassistant/status', 'online')
    await clock.pass(60)
    for (const device of ['oven', 'gateway']) assert.ok(!(await watcher.next(topicOf(device))).retain)
    await nothingMore()
  })

  it('tell of a device that appears, and of many codenames together; and clear it when it goes', async () => {
    await begin(on + oven)
    for (const device of ['oven', 'gateway']) await watcher.next(topicOf(device))
    const client = await publisher()
    for (const n of [1, 2, 3]) await client.publish(`lab/found/c${n}`, String(n))
    await clock.pass(40)
    const { cmps } = JSON.parse((await watcher.next(topicOf('found'))).text) as Message
    assert.deepEqual(Object.keys(cmps), ['c1', 'c2', 'c3'])
    await nothingMore()
    for (const n of [1, 2, 3]) await client.publish(`lab/found/c${n}`, '', { retain: true })
    await clock.pass(40)
    assert.equal((await watcher.next(topicOf('found'))).text, '')
    await nothingMore()
  })

  it('are told at most every half minute', async () => {
    await begin(on + oven)
    for (const device of ['oven', 'gateway']) await watcher.next(topicOf(device))
    const client = await publisher()
    for (let n = 0; n < 60; n++) {
      await client.publish(`lab/found/c${n}`, String(n))
      await clock.pass(1)
    }
    await clock.pass(40)
    const told: number[] = []
    for (;;) {
      const { cmps } = JSON.parse((await watcher.next(topicOf('found'))).text) as Message
      told.push(Object.keys(cmps).length)
      if (told.at(-1) === 60) break
    }
    assert.ok(told.length <= 4, told.join())
  })

  it('of an earlier run are cleared after a restart with another configuration, and those of others are left', async () => {
    await begin(on + oven)
    const foreign = 'homeassistant/device/other/config'
    await (await publisher()).publish(foreign, '{"o":{"name":"other2mqtt"}}', { retain: true })
    await stop()
    await begin(`${on}devices: { kiln: { codenames: { t: {} } } }\nadapters: []\n`)
    for (const topic of [topicOf('kiln'), topicOf('gateway'), foreign]) assert.ok((await watcher.next(topic)).retain)
    await nothingMore()
    await stop()
    await begin('homeAssistant: { discovery: true, prefix: ha }\n' + oven)
    for (const topic of [topicOf('oven', 'ha'), topicOf('gateway', 'ha'), foreign]) await watcher.next(topic)
    await nothingMore()
    await stop()
    await begin(oven)
    await watcher.next(foreign)
    await nothingMore()
  })
})
