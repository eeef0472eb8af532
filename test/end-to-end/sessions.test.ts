import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import type { Received } from '../support/raw-mqtt.js'
import { start } from '../support/start.js'

const absent = { clientId: 'absent', clean: false } as const

describe('the session of an absent client', () => {
  it('keeps messages up to its bound; every further one is counted and announced, and what was kept comes in order', async () => {
    const clock = new FakeClock()
    const running = await start('broker: { tcp: { port: 0 }, limits: { maxQueued: 100 } }', { clock })
    try {
      const first = await running.connect(absent)
      await first.subscribe('x/#')
      await first.close()
      const sender = await running.connect()
      await Promise.all(Array.from({ length: 250 }, (_, i) => sender.publish('x/y', String(i))))
      await sender.subscribe('lab/gateway/+')
      await clock.pass(11)
      const limits = await sender.nextJson(({ topic, text }) => topic === 'lab/gateway/limits' && text.includes('"maxQueued":150'))
      assert.equal(limits['quality'], 'good')
      const lost = await sender.nextJson(({ topic, text }) => topic === 'lab/gateway/absent_clients' && text.includes('absent'))
      assert.deepEqual(lost['value'], { absent: 150 })
      assert.equal(running.log.lines.filter(({ message }) => message.startsWith('messages for an absent client are dropped')).length, 1)
      const again = await running.connect(absent)
      for (let i = 0; i < 100; i++) assert.equal((await again.next('x/y')).text, String(i))
      await again.settled()
      assert.deepEqual(again.left, [])
    } finally {
      await running.stop()
    }
  })

  it('keeps no more bytes than its bound', async () => {
    const running = await start('broker: { tcp: { port: 0 }, limits: { maxQueuedBytes: 10000 } }')
    try {
      const first = await running.connect(absent)
      await first.subscribe('x/#')
      await first.close()
      const sender = await running.connect()
      for (let i = 0; i < 50; i++) await sender.publish('x/y', 'z'.repeat(1000))
      const again = await running.connect(absent)
      await again.settled()
      // Topic and payload count.
      assert.equal(again.left.length, 9)
    } finally {
      await running.stop()
    }
  })

  it('bounds what a client that is there does not acknowledge; what it is not sent is what is counted', async () => {
    const clock = new FakeClock()
    const running = await start('broker: { tcp: { port: 0 }, limits: { maxQueued: 100 } }', { clock })
    try {
      const slow = await RawClient.connect(running.mqttPort, 'slow', { clean: false })
      slow.send(packets.subscribe(1, ['x/#', 1]))
      await slow.next('suback')
      const sender = await running.connect()
      await Promise.all(Array.from({ length: 250 }, (_, i) => sender.publish('x/y', String(i))))
      await sender.subscribe('lab/gateway/absent_clients')
      await clock.pass(11)
      const lost = await sender.nextJson(({ text }) => text.includes('slow'))
      assert.deepEqual(lost['value'], { slow: 150 })
      const got: string[] = []
      const take = ({ text, id = 0 }: Received): void => {
        got.push(text)
        slow.send(packets.puback(id))
      }
      slow.onPublish = take
      for (const packet of slow.received) take(packet)
      // Each round trip lets one window through.
      while (got.length < 100) await slow.settled()
      await slow.settled()
      await sender.publish('x/y', 'more')
      while (!got.includes('more')) await slow.settled()
      assert.deepEqual(got, [...Array.from({ length: 100 }, (_, i) => String(i)), 'more'])
      slow.close()
    } finally {
      await running.stop()
    }
  })

  it('gives a client that comes back more than it can read at once, in order, without cutting it', async () => {
    const running = await start('devices: {}')
    try {
      const first = await running.connect(absent)
      await first.subscribe('x/#')
      await first.close()
      const sender = await running.connect()
      const big = (i: number): Buffer => Buffer.alloc(1_000_000, String.fromCharCode(65 + i))
      for (let i = 0; i < 20; i++) await sender.publish('x/y', big(i))
      const again = await running.connect(absent)
      for (let i = 0; i < 20; i++) assert.equal((await again.next('x/y')).payload[0], 65 + i)
    } finally {
      await running.stop()
    }
  }).timeout(15_000)

  it('ends when the client was absent for too long, queue and all', async () => {
    const clock = new FakeClock()
    const running = await start('broker: { tcp: { port: 0 }, limits: { sessionExpiry: 3600 } }', { clock })
    try {
      const first = await running.connect(absent)
      await first.subscribe('x/#')
      await first.close()
      const sender = await running.connect()
      await sender.publish('x/y', 'old')
      await clock.pass(3590)
      const back = await running.connect(absent)
      assert.equal((await back.next('x/y')).text, 'old')
      await back.close()
      await sender.publish('x/y', 'older')
      await clock.pass(3620)
      const late = await running.connect(absent)
      await late.settled()
      assert.deepEqual(late.left, [])
      assert.ok(running.log.lines.some(({ message }) => message.startsWith('a session expired')))
    } finally {
      await running.stop()
    }
  })
})
