import assert from 'node:assert/strict'
import { Remembered } from '../../gateway/remembered.js'
import { FakeClock } from '../support/fake-clock.js'

describe('answers remembered', () => {
  it('are kept for 60 s after the answer, however long it took', async () => {
    const clock = new FakeClock()
    const remembered = new Remembered(clock)
    remembered.start('a', 'topic')
    await clock.pass(1000)
    assert.deepEqual(remembered.get('a')?.reply, undefined)
    assert.ok(remembered.get('a') !== undefined)
    remembered.finish('a', 'topic', 'done', false)
    await clock.pass(60)
    assert.equal(remembered.get('a')?.reply, 'done')
    await clock.pass(0.1)
    assert.equal(remembered.get('a'), undefined)
  })

  it('are at most 10,000: beyond, the oldest goes', () => {
    const remembered = new Remembered(new FakeClock())
    for (let i = 0; i < 10_001; i++) remembered.finish(`k${i}`, 'topic', 'x', false)
    assert.equal(remembered.get('k0'), undefined)
    assert.equal(remembered.get('k1')?.reply, 'x')
    assert.equal(remembered.get('k10000')?.reply, 'x')
  })

  it('are at most 16 million characters, so that big values cannot fill the memory', () => {
    const remembered = new Remembered(new FakeClock())
    const big = 'x'.repeat(999_990)
    for (let i = 0; i < 20; i++) remembered.finish(`k${i}`, 'topic', big, false)
    assert.deepEqual(
      [3, 4, 19].map((i) => remembered.get(`k${i}`) !== undefined),
      [false, true, true]
    )
    for (let i = 0; i < 100; i++) remembered.finish('again', 'topic', big, false)
    assert.ok(remembered.get('k19') !== undefined)
    remembered.clear()
    for (let i = 0; i < 16; i++) remembered.finish(`n${i}`, 'topic', big, false)
    assert.ok(remembered.get('n0') !== undefined)
  })
})
