import assert from 'node:assert/strict'
import { FakeClock, settle } from '../../test/support/fake-clock.js'
import { FarSocket } from '../../test/support/far-socket.js'
import { MemoryDisk } from '../../test/support/memory-disk.js'
import { start } from '../../test/support/start.js'
import type { Running } from '../../test/support/start.js'
import { ConfigError, checkConfig } from '../../gateway/config.js'
import { formatProblem } from '../../gateway/config/problem.js'
import { dataPullClient } from './client.js'
import type { AdapterType } from '../../gateway/adapter.js'

const types = [dataPullClient as unknown as AdapterType]

/** What the check of a configuration says of one client. */
function problems(entry: string): string[] {
  const yaml = `devices: { d: { codenames: { a: {}, b: {} } } }
adapters:
  - { id: pull, type: data-pull-client, target: { host: rasppi71 }, ${entry} }
`
  try {
    return checkConfig(yaml, { file: 'lab.yaml', types, env: {} }).warnings.map(formatProblem)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem)
    throw error
  }
}

describe('the configuration of a data-pull-client', () => {
  const wrong: [entry: string, found: RegExp][] = [
    ['channels: { "x#y": d/a }', /The character '#' is not allowed in the codenames \[forbidden-character\]/],
    ['channels: { x: d/a, y: d/a }', /channels\.y: d\/a is already fed by the channel "x".*\[channel-target\]/],
    ['channels: { x: d/c }', /device d has no codename 'c'/],
    ['channels: { café: d/a }, ask: codename#raw', /no socket answers a question that is not ASCII.*\[ascii\]/],
    ['device: d, timeout: 2', /warning: longer than the period of 1 s.*\[timeout\]/],
    ['device: d, channels: { x: d/a }', /device|channels/],
    ['period: 1', /device|channels/],
    ['device: d/a', /device/],
    ['device: d, ask: raw', /json_wn, codename#json, codename#raw|one of/]
  ]
  for (const [entry, found] of wrong) it(`finds ${entry}`, () => assert.match(problems(entry).join('\n'), found))

  for (const entry of ['device: d', 'device: flow-meter, period: 1', 'channels: { café: d/a, "": d/b }', 'device: d, period: 0.02'])
    it(`takes ${entry}`, () => assert.deepEqual(problems(entry), []))

  it('needs a host', () => {
    const check = (): unknown =>
      checkConfig('adapters: [{ id: a, type: data-pull-client, device: d }]', { file: 'lab.yaml', types, env: {} })
    assert.throws(check, /target/)
  })
})

describe('a data-pull-client after a restart of the gateway', () => {
  it('leaves what was known stale with its own time, until the source gives something new', async () => {
    const clock = new FakeClock(1_700_000_000)
    const disk = new MemoryDisk()
    const far = await FarSocket.open()
    const yaml = `adapters: [{ id: pull, type: data-pull-client, target: { host: 127.0.0.1, port: ${far.port} }, device: d }]`
    const reply = async (said: string): Promise<void> => await (await far.nextAfter(clock)).answer(said)
    try {
      const before = await start(yaml, { clock, openDisk: disk.open })
      const first = await before.connect()
      await first.subscribe('lab/d/a')
      await reply('{"a": [1699999999.5, 47.0]}')
      await first.next('lab/d/a')
      const stopped = before.stop()
      await clock.pass(10)
      await stopped

      const after = await start(yaml, { clock, openDisk: disk.open })
      const second = await after.connect()
      await second.subscribe('lab/d/a')
      const known = { quality: 'stale', source: 'restored', time: '2023-11-14T22:13:19.5Z', value: 47 }
      assert.deepEqual(await second.nextJson('lab/d/a'), known)
      await reply('{"a": "OLD_DATA"}')
      await reply('{"a": [1700000009.5, 48.0]}')
      assert.deepEqual(await second.nextJson('lab/d/a'), { quality: 'good', source: 'poll', time: '2023-11-14T22:13:29.5Z', value: 48 })
      const ended = after.stop()
      await clock.pass(10)
      await ended
    } finally {
      await far.close()
    }
  })

  it('knows a point again that was there before: a frozen one does not become young', async () => {
    const clock = new FakeClock(1_700_000_000)
    const disk = new MemoryDisk()
    const [data, date] = [await FarSocket.open(), await FarSocket.open()]
    const client = (id: string, far: FarSocket, more = ''): string =>
      `  - { id: ${id}, type: data-pull-client, target: { host: 127.0.0.1, port: ${far.port} }, device: ${id.slice('ask-'.length)}${more} }`
    const yaml = `devices:
  data: { codenames: { frozen: {}, text: {}, list: {}, moved: {} } }
  date: { codenames: { ms: { maxAge: 10 }, ahead: { maxAge: 10 }, early: {}, moved: { maxAge: 10 }, right: {} } }
adapters:
${client('ask-data', data, ', kind: data')}
${client('ask-date', date)}
  - { id: front, type: data-pull-server, port: 0, device: data }`
    data.respond = () => '{"frozen": [1.0, 470.0], "text": ["left", "on"], "list": [2, [1.0, {"b": 2}]], "moved": [1.0, 1.0]}'
    date.respond = () =>
      '{"ms": [1699999995000.0, 1.0], "ahead": [1700009999.25, 2.0], "early": [1.5, 3.0], "moved": [1700009999.0, 4.0], "right": [1699999999.0, 5.0]}'
    const run = async (): Promise<[Running, (topic: string) => { quality?: string; time?: string }]> => {
      const running = await start(yaml, { clock, openDisk: disk.open })
      const mqtt = await running.connect()
      await mqtt.subscribe('lab/data/+', 'lab/date/+')
      for (let step = 0; step < 40; step += 1) {
        await clock.pass(0.05)
        for (let turn = 0; turn < 10; turn += 1) await settle()
      }
      await mqtt.settled()
      const left = [...mqtt.left]
      return [running, (topic) => JSON.parse(left.findLast((message) => message.topic === topic)?.text ?? '{}') as object]
    }
    const stop = async (running: Running): Promise<void> => {
      const stopped = running.stop()
      await clock.pass(10)
      await stopped
    }
    try {
      const [before, was] = await run()
      await stop(before)
      clock.jump(3600)
      data.respond = () => '{"frozen": [1.0, 470.0], "text": ["left", "on"], "list": [2, [1.0, {"b": 2}]], "moved": [2.0, 1.0]}'
      date.respond = () =>
        '{"ms": [1699999995000.0, 1.0], "ahead": [1700009999.25, 2.0], "early": [1.5, 3.0], "moved": [1700009998.0, 4.0], "right": [1699999999.0, 5.0]}'
      const [after, is] = await run()
      for (const topic of ['lab/data/frozen', 'lab/data/text', 'lab/data/list']) {
        assert.equal(was(topic).quality, 'uncertain')
        assert.deepEqual([is(topic).quality, is(topic).time], ['uncertain', was(topic).time], topic)
      }
      assert.ok(String(is('lab/data/moved').time) > '2023-11-14T23')
      for (const topic of ['lab/date/ms', 'lab/date/ahead', 'lab/date/early']) {
        assert.equal(was(topic).quality, 'uncertain')
        assert.deepEqual([is(topic).quality, is(topic).time], ['stale', was(topic).time], topic)
      }
      assert.equal(is('lab/date/moved').quality, 'uncertain')
      assert.equal(is('lab/date/right').quality, 'good')
      await stop(after)
    } finally {
      await Promise.all([data.close(), date.close()])
    }
  })
})
