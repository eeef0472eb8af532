import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

/** Seconds: a Raspberry Pi without battery begins in 1970, and learns what time it is later; and somebody sets it back by a day. */
const [years, day] = [55 * 365 * 86_400, 86_400]

const absent = { clientId: 'absent', clean: false } as const

const yaml = `
broker: { tcp: { port: 0 }, limits: { sessionExpiry: 3600 } }
devices: { oven: { codenames: { valve: { settable: true, timeout: 30 } } } }
`

describe('a clock that is set while all goes on', function () {
  this.timeout(10_000)
  const running: Running[] = []
  let clock: FakeClock

  beforeEach(() => void (clock = new FakeClock()))
  afterEach(async () => {
    await Promise.all(running.splice(0).map((gateway) => gateway.stop()))
  })

  async function lab(disk?: MemoryDisk): Promise<Running> {
    const gateway = await start(yaml, { clock, ...(disk === undefined ? {} : { openDisk: disk.open }) })
    running.push(gateway)
    return gateway
  }

  for (const [name, jump] of [
    ['forward', years],
    ['back', -day]
  ] as const) {
    it(`${name}: a session is as old as it was, and ends when its time has passed`, async () => {
      const gateway = await lab()
      const first = await gateway.connect(absent)
      await first.subscribe('x')
      await first.close()
      const sender = await gateway.connect()
      await sender.publish('x', 'before')
      clock.jump(jump)
      await clock.pass(3000)
      const back = await gateway.connect(absent)
      assert.equal((await back.next('x')).text, 'before')
      await back.close()
      clock.jump(-jump)
      await sender.publish('x', 'later')
      await clock.pass(3620)
      const late = await gateway.connect(absent)
      await late.settled()
      assert.deepEqual(late.left, [])
    })

    it(`${name}: what waits for a session comes in order, over a restart too`, async () => {
      const disk = new MemoryDisk()
      const gateway = await lab(disk)
      const first = await gateway.connect(absent)
      await first.subscribe('x')
      await first.close()
      const sender = await gateway.connect()
      for (let i = 0; i < 20; i++) {
        if (i === 10) clock.jump(jump)
        await sender.publish('x', String(i))
      }
      const second = await lab(disk.copy())
      const after = await second.connect()
      for (let i = 20; i < 30; i++) await after.publish('x', String(i))
      const back = await second.connect(absent)
      await back.settled()
      assert.deepEqual(
        back.left.map(({ text }) => text),
        Array.from({ length: 30 }, (_, i) => String(i))
      )
    })

    it(`${name}: a command has its time, one answer, and is remembered`, async () => {
      const gateway = await lab()
      const [client, valve] = [await gateway.connect(), await gateway.connect()]
      await client.subscribe('lab/oven/valve/reply')
      await valve.subscribe('lab/oven/valve/set')
      await client.publish('lab/oven/valve/set', { id: 'one', value: 1 })
      await valve.next('lab/oven/valve/set')
      clock.jump(jump)
      await clock.pass(29)
      const phases = async (): Promise<unknown[]> => {
        await client.settled()
        return client.left.map(({ text }) => (JSON.parse(text) as { phase: string }).phase)
      }
      assert.deepEqual(await phases(), ['accepted'])
      await clock.pass(2)
      assert.deepEqual(await phases(), ['accepted', 'failed'])
      clock.jump(-jump)
      await client.publish('lab/oven/valve/set', { id: 'one', value: 1 })
      assert.deepEqual(await phases(), ['accepted', 'failed', 'failed'])
      await valve.settled()
      assert.deepEqual(valve.left, [])
    })
  }

  it('`expires` is told by the clock on the wall, as its sender means it', async () => {
    const gateway = await lab()
    const client = await gateway.connect()
    await client.subscribe('lab/oven/valve/reply')
    const expires = new Date((clock.now() + 60) * 1000).toISOString()
    clock.jump(years)
    await client.publish('lab/oven/valve/set', { id: 'late', value: 1, expires })
    const reply = await client.nextJson('lab/oven/valve/reply')
    assert.deepEqual([reply['phase'], (reply['error'] as Record<string, unknown>)['class']], ['failed', 'Expired'])
  })
})
