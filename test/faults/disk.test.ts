import assert from 'node:assert/strict'
import { copyFile, mkdir, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { openLevel } from '../../gateway/broker/store/disk.js'
import { Journal } from '../../gateway/broker/store/journal.js'
import { folder } from '../process/program.js'
import { FakeClock } from '../support/fake-clock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { Scripted } from '../support/scripted.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

const yaml = `
broker: { tcp: { port: 0 } }
devices: { furnace: { codenames: { setpoint: { settable: true } } } }
adapters: [{ id: oven, type: scripted, feeds: [furnace], executes: [furnace/setpoint] }]
`

describe('the disk under the gateway', function () {
  this.timeout(10_000)
  const running: Running[] = []
  afterEach(async () => void (await Promise.all(running.splice(0).map((gateway) => gateway.stop()))))

  async function open(disk: MemoryDisk, scripted = new Scripted()): Promise<Running> {
    const gateway = await start(yaml, { openDisk: disk.open, types: [scripted.type] })
    running.push(gateway)
    return gateway
  }

  for (const code of ['ENOSPC', 'EROFS', 'EIO']) {
    it(`${code}: nothing is acknowledged, the state says so, and it recovers without restart`, async () => {
      const disk = new MemoryDisk()
      const gateway = await open(disk)
      const client = await gateway.connect()
      const watcher = await gateway.connect()
      await watcher.subscribe('lab/gateway', 'lab/gateway/disk_failures', 'other')
      await client.publish('kept', '1', { retain: true })
      await watcher.settled()
      watcher.drop()
      disk.failure = Object.assign(new Error(`${code}: the disk says no`), { code })
      const order: string[] = []
      const second = client.publish('kept', '2', { retain: true }).then(() => order.push('acknowledged'))
      const degraded = await watcher.nextJson(({ topic, text }) => topic === 'lab/gateway' && text.includes('degraded'))
      order.push('announced')
      assert.match(
        String(degraded['reason']),
        new RegExp(`gateway.data .*${code}.*nothing is acknowledged until it works again; free space`)
      )
      const held = client.publish('other', 'x').then(() => order.push('other'))
      assert.equal((await watcher.nextJson('lab/gateway/disk_failures'))['value'], 1)
      assert.deepEqual(order, ['announced'])
      disk.failure = undefined
      await Promise.all([second, held])
      await watcher.next(({ topic, text }) => topic === 'lab/gateway' && text.includes('"online"'))
      assert.deepEqual(order, ['announced', 'acknowledged', 'other'])
      assert.equal(gateway.log.lines.filter(({ message }) => message.includes('cannot write')).length, 1)
      for (const each of [client, watcher]) await each.vanish()
    })
  }

  it('a command is on disk before it is carried out; under way at a crash it is answered once, and remembered', async () => {
    const disk = new MemoryDisk()
    const scripted = new Scripted()
    const first = await open(disk, scripted)
    const client = await first.connect({ clientId: 'asker' })
    const reached = new Promise<ReadonlyMap<string, Buffer>>((resolve) => {
      scripted.execute = async () => {
        resolve(new Map(disk.rows))
        return await new Promise(() => {})
      }
    })
    await client.publish('lab/furnace/setpoint/set', { id: 'one', value: 300 })
    const atCrash = await reached
    await client.vanish()
    assert.ok([...atCrash.keys()].includes('ccommand:lab/furnace/setpoint'))

    const after = new MemoryDisk()
    for (const [key, value] of atCrash) after.rows.set(key, value)
    let executed = 0
    const again = new Scripted()
    again.execute = async () => {
      executed++
      return 1
    }
    const second = await open(after, again)
    const asker = await second.connect({ clientId: 'asker' })
    await asker.subscribe('lab/furnace/setpoint/reply')
    await asker.publish('lab/furnace/setpoint/set', { id: 'one', value: 300 })
    const reply = await asker.nextJson('lab/furnace/setpoint/reply')
    const error = reply['error'] as Record<string, unknown>
    assert.deepEqual([reply['id'], reply['phase'], error['class'], error['maybeExecuted']], ['one', 'failed', 'Unreachable', true])
    assert.equal(executed, 0)
    await asker.vanish()
  })
})

describe('a command that came twice, with a crash in between', () => {
  it('is carried out once, and answered as the first time, for a minute', async () => {
    const disk = new MemoryDisk()
    const clock = new FakeClock()
    let executed = 0
    const scripted = new Scripted()
    scripted.execute = async () => BigInt(++executed)
    const options = { clock, types: [scripted.type] }
    const topic = 'lab/furnace/setpoint'
    const ask = async (running: Running): Promise<Record<string, unknown>> => {
      const client = await running.connect({ clientId: 'asker' })
      await client.subscribe(`${topic}/reply`)
      await client.publish(`${topic}/set`, { id: 'one', value: 300 })
      return await client.nextJson(`${topic}/reply`)
    }
    const first = await start(yaml, { ...options, openDisk: disk.open })
    const reply = await ask(first)
    assert.deepEqual([reply['phase'], reply['value']], ['done', 1])
    await (await first.connect()).publish('written', 'x', { retain: true })
    const crashed = disk.copy()
    await first.stop()

    const second = await start(yaml, { ...options, openDisk: crashed.open })
    assert.deepEqual(await ask(second), reply)
    assert.equal(executed, 1)
    await second.stop()

    await clock.pass(61)
    const third = await start(yaml, { ...options, openDisk: crashed.open })
    assert.equal((await ask(third))['value'], 2)
    await third.stop()
  })
})

describe('a torn tail of the log', function () {
  this.timeout(60_000)

  it('opens wherever it is cut, and loses no batch before the torn one', async () => {
    const data = folder()
    const journal = new Journal({ open: () => openLevel(data), durability: 'fast' })
    await journal.open(() => {})
    const store = join(data, 'store')
    const log = join(store, (await readdir(store)).findLast((name) => name.endsWith('.log')) ?? '')
    /** Length of the log when the batch was acknowledged. */
    const ends: number[] = []
    for (let i = 0; i < 5; i++) {
      journal.put(`q${i.toString().padStart(2, '0')}`, () => Buffer.from(`payload ${i}`), 10)
      await journal.committed()
      ends.push((await stat(log)).size)
    }
    const copy = join(folder(), 'store')
    const copyAll = async (length: number): Promise<void> => {
      await rm(copy, { recursive: true, force: true })
      await mkdir(copy, { recursive: true })
      for (const name of await readdir(store)) if (name !== 'LOCK') await copyFile(join(store, name), join(copy, name))
      await truncate(join(copy, log.slice(store.length + 1)), length)
    }
    for (let length = 0; length <= (ends.at(-1) ?? 0); length++) {
      await copyAll(length)
      const found: string[] = []
      const torn = new Journal({ open: () => openLevel(join(copy, '..')), durability: 'fast' })
      await torn.open((key) => found.push(key))
      await torn.close()
      const whole = ends.filter((end) => end <= length).length
      assert.equal(found.length, whole, `cut at ${length}`)
    }
    await journal.close()
  })
})
