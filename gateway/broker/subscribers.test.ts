import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import type { Client } from 'aedes'
import { costOf } from './store/subscriptions.js'
import { Subscribers, matches } from './subscribers.js'

describe('filters', () => {
  const table: [string, string, boolean][] = [
    ['a/b', 'a/b', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['+', '/a', false],
    ['/+', '/a', true],
    ['#', 'a/b', true],
    ['a/#', 'a', true],
    ['a/#', 'ab', false],
    ['+/b/#', 'a/b/c/d', true],
    ['a', 'a/b', false],
    ['#', '$SYS/a', false],
    ['+/a', '$SYS/a', false],
    ['$SYS/#', '$SYS/a', true]
  ]
  for (const [filter, topic, expected] of table)
    it(`${filter} ${expected ? 'matches' : 'does not match'} ${topic}`, () => assert.equal(matches(filter, topic), expected))
})

describe('filters of all clients', () => {
  const deep = (n: number): string => `${n}/${'a/'.repeat(90)}${'x'.repeat(50_000)}`
  const most = Math.floor((64 * 1024 * 1024) / costOf(deep(0)))
  const clientOf = (id: string, clean = true): Client => ({ id, clean, conn: new Duplex() }) as unknown as Client
  const made = (filters = { cost: 0, has: (_client: string, _filter: string) => false }): Subscribers =>
    new Subscribers({
      limits: { maxFilters: 100_000, shedOutput: 1, maxOutput: 1 },
      stored: { filters },
      monotonic: () => 0,
      shed: () => {}
    })

  it('are bounded by what they take together, and leave room when their client goes or unsubscribes', () => {
    const subscribers = made()
    const [one, other] = [clientOf('one'), clientOf('other')]
    let granted = 0
    while (granted < 2000 && subscribers.grant(one, { topic: deep(granted), qos: 0 })) granted += 1
    assert.ok(Math.abs(granted - most) < 10, `${granted} were granted`)
    assert.equal(subscribers.grant(other, { topic: deep(0), qos: 0 }), false)
    assert.equal(subscribers.grant(one, { topic: deep(0), qos: 1 }), true, 'it has it already')
    subscribers.drop(one, [deep(0), deep(1)])
    assert.equal(subscribers.grant(other, { topic: deep(0), qos: 0 }), true)
    one.conn.emit('close')
    for (let i = 1; i < most; i++) assert.equal(subscribers.grant(other, { topic: deep(i), qos: 0 }), true)
  })

  it('of absent sessions count as well, and a session gets back what it had', () => {
    const subscribers = made({ cost: 64 * 1024 * 1024, has: (client, filter) => client === 'back' && filter === 'a' })
    const back = clientOf('back', false)
    assert.equal(subscribers.grant(back, { topic: 'a', qos: 1 }), true)
    assert.equal(subscribers.grant(back, { topic: 'b', qos: 1 }), false)
    assert.equal(subscribers.grant(clientOf('clean'), { topic: 'b', qos: 1 }), true)
  })
})
