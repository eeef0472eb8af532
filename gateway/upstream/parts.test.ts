import assert from 'node:assert/strict'
import { FakeClock } from '../../test/support/fake-clock.js'
import { Topics } from '../topic.js'
import { Asked } from './asked.js'
import { decode, encode, keyOf } from './entry.js'
import { Kept } from './kept.js'
import { Pace } from './pace.js'
import { outgoing } from './payload.js'
import { Rewrite } from './rewrite.js'
import { Select } from './select.js'
import { Suspects } from './suspects.js'

const now = { isLate: false, isOld: false }

describe('parts of a bridge', () => {
  it('rewrite topics and filters both ways, and leave those of others', () => {
    const rewrite = new Rewrite(new Topics('lab'), 'site/lab-a')
    assert.equal(rewrite.up('lab/oven/t'), 'site/lab-a/oven/t')
    assert.equal(rewrite.up('lab/+/+/set'), 'site/lab-a/+/+/set')
    assert.equal(rewrite.down('site/lab-a/oven/t/set'), 'lab/oven/t/set')
    assert.deepEqual([rewrite.up('labor/x'), rewrite.up('lab'), rewrite.down('site/lab-ab/x')], [undefined, undefined, undefined])
    assert.equal(new Rewrite(new Topics('a/b')).up('a/b/c'), 'a/b/c')
  })

  it('choose by the last filter that matches', () => {
    const select = new Select(new Topics('lab'), ['+/+', '!oven/+', 'oven/t'])
    assert.deepEqual(
      ['lab/a/b', 'lab/oven/x', 'lab/oven/t', 'lab/a', 'other/a/b', 'lab/a/b'].map((topic) => select.has(topic)),
      [true, false, true, false, false, true]
    )
    assert.deepEqual(
      ['lab/+/+', 'lab/+', 'lab/+/+/meta'].map((filter) => select.mayHave(filter)),
      [true, false, false]
    )
  })

  it('add a hop, and cut a loop', () => {
    assert.deepEqual(outgoing('{"value":1}', 4, now, true), { payload: '{"hops":1,"value":1}' })
    assert.deepEqual(outgoing('{"hops":3,"value":1}', 4, now, true), { payload: '{"hops":4,"value":1}' })
    assert.equal(outgoing('{"hops":4,"value":1}', 4, now, true), 'looped')
    assert.deepEqual(outgoing('{"hops":"x"}', 4, now, true), { payload: '{"hops":1}' })
    for (const text of ['', '47', '{broken', 'on']) assert.deepEqual(outgoing(text, 4, now, true), { payload: text })
  })

  it('tell what is late, and never make it look better', () => {
    const late = { isLate: true, isOld: false }
    assert.deepEqual(outgoing('{"quality":"good","source":"poll"}', 4, late, true), {
      payload: '{"hops":1,"quality":"good","source":"history"}'
    })
    assert.deepEqual(outgoing('{"quality":"good"}', 4, late, false), { payload: '{"hops":1,"quality":"good"}' })
    const old = { isLate: true, isOld: true }
    assert.deepEqual(
      ['good', 'uncertain', 'stale', 'bad'].map((quality) => {
        const told = outgoing(JSON.stringify({ quality }), 4, old, true)
        return told === 'looped' ? told : (JSON.parse(told.payload) as { quality: string }).quality
      }),
      ['stale', 'stale', 'stale', 'bad']
    )
  })

  it('keep entries as bytes, and see when one is damaged', () => {
    const entry = { seq: 70_000_000_000, topic: 'lab/ö/x', payload: Buffer.from('{}'), retain: true, at: 1.5, taken: 7.25 }
    const [key, row] = [keyOf(entry.seq), encode(entry)]
    assert.deepEqual(decode(key, row, 1), entry)
    assert.deepEqual(decode(key, row, entry.seq + 1), { ...entry, taken: undefined })
    for (let at = 0; at < row.length; at++) {
      const other = Buffer.from(row)
      other[at] = (other[at] ?? 0) ^ 0x10
      assert.equal(decode(key, other, 1), undefined, `byte ${at}`)
    }
    assert.equal(decode(key, row.subarray(0, row.length - 1), 1), undefined)
    assert.ok(Buffer.compare(keyOf(255), keyOf(256)) < 0)
  })

  it('call back any number of those who wait for the disk in one turn', async () => {
    const clock = new FakeClock()
    const kept = new Kept(
      clock,
      () => 1,
      () => undefined
    )
    let count = 0
    for (let n = 0; n < 200_000; n++) kept.when(() => (count += 1))
    await clock.pass(1)
    assert.equal(count, 200_000)
  })

  it('know which command an id stands for, until a minute after its answer', async () => {
    const clock = new FakeClock()
    const asked = new Asked(clock)
    const take = (payload: string): boolean => asked.take('lab/a/b/set', '1', Buffer.from(payload))
    assert.deepEqual([take('10'), take('250'), take('10')], [true, false, true])
    assert.ok(asked.take('lab/a/c/set', '1', Buffer.from('250')))
    // However long it takes.
    await clock.pass(3600)
    assert.ok(!take('250'))
    asked.answered('lab/a/b/set', '1')
    await clock.pass(60)
    assert.ok(!take('250'))
    await clock.pass(2)
    assert.ok(take('250'))
  })

  it('let so many go a second, and as many as came', async () => {
    const clock = new FakeClock()
    const pace = new Pace(clock, 100)
    const taken = (): number => {
      let count = 0
      while (pace.take()) count += 1
      return count
    }
    assert.equal(taken(), 5)
    await clock.pass(0.025)
    assert.equal(taken(), 2)
    pace.came()
    pace.came()
    assert.equal(taken(), 2)
    await clock.pass(10)
    assert.equal(taken(), 5)
  })

  it('find the message at which a broker ends every connection, and no other', async () => {
    const clock = new FakeClock()
    const suspects = new Suspects(clock)
    const lose = (times: number, ...topics: string[]): (string | undefined)[] =>
      Array.from({ length: times }, () => suspects.lost(new Set(topics), 0.1))
    lose(3, 'good', 'bad')
    assert.ok(suspects.isAlone && suspects.wantsWitness('bad'))
    suspects.acknowledged('good')
    assert.ok(!suspects.wantsWitness('bad'))
    assert.deepEqual(lose(5, 'bad'), [undefined, undefined, undefined, undefined, 'bad'])
    // It was the message; the next on the topic tells whether it is the topic.
    assert.ok(!suspects.has('bad') && !suspects.isAlone)
    lose(1, 'bad')
    suspects.acknowledged('good')
    assert.deepEqual(lose(1, 'bad'), ['bad'])
    assert.ok(suspects.has('bad') && !suspects.isAlone)
    await clock.pass(61)
    assert.deepEqual([suspects.due(), suspects.has('bad')], [['bad'], false])
    // And for twice as long.
    lose(1, 'bad')
    suspects.acknowledged('good')
    lose(1, 'bad')
    assert.equal(Math.round(suspects.wait ?? 0), 120)
    // An end long after what was sent has another cause.
    for (let n = 0; n < 50; n++) assert.equal(suspects.lost(new Set(['slow']), 2), undefined)
    assert.ok(!suspects.isAlone)
  })

  it('suspect no message of a broker that acknowledges nothing', () => {
    const suspects = new Suspects(new FakeClock())
    for (let n = 0; n < 50; n++) {
      assert.equal(suspects.lost(new Set(['one']), 0.1), undefined)
      if (n % 3 === 0) assert.equal(suspects.lost(new Set(['other']), 0.1), undefined)
    }
    assert.ok(!suspects.has('one'))
  })
})
