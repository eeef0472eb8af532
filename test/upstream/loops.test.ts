import assert from 'node:assert/strict'
import { FastClock } from '../support/fast-clock.js'
import { freePort } from '../support/free-ports.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { until } from '../support/until.js'

/** A gateway whose bridge goes to another one, under the same root; it tells of itself to nobody. */
async function gateway(own: number, next: number, more = ''): Promise<Running> {
  const up = 'up: ["+", "+/+", "!gateway", "!gateway/+"]'
  return await start(
    `broker: { tcp: { port: ${own} } }\nupstream:\n  - { id: next, servers: [{ host: 127.0.0.1, port: ${next} }], clientId: from-${own}, ${up}${more} }\n`,
    { clock: new FastClock(20) }
  )
}

describe('upstream: other gateways', function () {
  this.timeout(30_000)
  const running: Running[] = []

  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()))
  })

  const ring = async (count: number, more = ''): Promise<Running[]> => {
    const ports: number[] = []
    for (let n = 0; n < count; n++) ports.push(await freePort())
    for (const [n, port] of ports.entries()) running.push(await gateway(port, ports[(n + 1) % count] as number, more))
    await until(() => running.every((each) => each.gateway.upstream.get('next')?.state === 'connected'), 'they do not connect')
    return running
  }

  const looped = (): number => running.reduce((sum, each) => sum + (each.gateway.upstream.get('next')?.looped ?? 0), 0)
  const waiting = (): number => running.reduce((sum, each) => sum + (each.gateway.upstream.get('next')?.waiting ?? 0), 0)

  for (const count of [2, 3])
    it(`${count} in a ring: a message comes to its end after its hops, and is counted`, async () => {
      const [first, second] = await ring(count)
      const [here, there] = [await first?.connect(), await second?.connect()]
      await here?.subscribe('lab/dev/#')
      await there?.subscribe('lab/dev/#')
      await here?.publish('lab/dev/x', '1')
      const arrived = await there?.nextJson('lab/dev/x')
      assert.deepEqual([arrived?.['value'], arrived?.['hops'], arrived?.['source']], [1, 1, 'client'])
      // The reading, and the state that comes of it.
      await until(() => looped() >= 2 && waiting() === 0, `it does not end: ${looped()}`)
      await here?.settled()
      await there?.settled()
      const hops = [...(here?.left ?? []), ...(there?.left ?? [])]
        .filter(({ topic }) => topic === 'lab/dev/x')
        .map(({ text }) => (JSON.parse(text) as { hops?: number }).hops ?? 0)
      assert.ok(Math.max(...hops) <= 4 && hops.length <= 5, JSON.stringify(hops))
    })

  it('with maxHops: 1 pass nothing on', async () => {
    const [first, second, third] = await ring(3, ', maxHops: 1')
    const [here, there, further] = [await first?.connect(), await second?.connect(), await third?.connect()]
    await there?.subscribe('lab/dev/x')
    await further?.subscribe('lab/dev/x')
    await here?.publish('lab/dev/x', '1')
    await there?.next('lab/dev/x')
    await until(() => (second?.gateway.upstream.get('next')?.looped ?? 0) > 0, 'it is not counted')
    await further?.settled()
    assert.deepEqual(further?.left, [])
  })

  it('one as upstream: takes readings as those of a native device, also late ones, and hands commands down with their replies', async () => {
    const port = await freePort()
    const devices = 'devices: { oven: { codenames: { t: { settable: true, timeout: 3 } } } }\n'
    const below = await start(
      `${devices}upstream:\n  - { id: next, servers: [{ host: 127.0.0.1, port: ${port} }], up: ["+", "+/+", "!gateway", "!gateway/+"], down: ["+/+/set"] }\n`,
      { clock: new FastClock(20) }
    )
    running.push(below)
    const own = await below.connect()
    await own.subscribe('lab/oven/t/set')
    await own.publish('lab/oven/t', '{"value":1,"time":"2026-01-02T03:04:05Z"}')
    await own.publish('lab/oven/t', '{"value":2,"time":"2026-01-02T03:04:06Z"}')
    await new Promise((resolve) => setTimeout(resolve, 300))
    const above = await start(`broker: { tcp: { port: ${port} } }\n${devices}`)
    running.push(above)
    const client = await above.connect()
    await client.subscribe('lab/oven/#')
    const late = await client.nextJson(({ topic, text }) => topic === 'lab/oven/t' && text.includes('"value":2'))
    assert.deepEqual([late['source'], late['time'], late['hops']], ['history', '2026-01-02T03:04:06Z', 1])
    await until(() => below.gateway.upstream.get('next')?.waiting === 0, 'it is not sent')
    await client.publish('lab/oven/t/set', '{"id":"a","value":7}')
    const command = await own.nextJson('lab/oven/t/set')
    assert.deepEqual([command['id'], command['value']], ['a', 7])
    await own.publish('lab/oven/t/reply', '{"id":"a","value":7}')
    const reply = await client.nextJson(({ topic, text }) => topic === 'lab/oven/t/reply' && !text.includes('accepted'))
    assert.deepEqual([reply['id'], reply['phase'], reply['value'], reply['client']], ['a', 'done', 7, client.id])
  })
})
