import assert from 'node:assert/strict'
import { FakeClock } from '../../test/support/fake-clock.js'
import { FarSocket } from '../../test/support/far-socket.js'
import { MemoryDisk } from '../../test/support/memory-disk.js'
import { start } from '../../test/support/start.js'
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
})
