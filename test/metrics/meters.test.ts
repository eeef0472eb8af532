import assert from 'node:assert/strict'
import { CommandMeter } from '../../gateway/metrics/commands.js'
import { Histogram } from '../../gateway/metrics/histogram.js'
import type { Step } from '../../gateway/stories.js'
import { FakeClock } from '../support/fake-clock.js'

describe('a histogram', () => {
  it('counts what is at most each bound, and all', () => {
    const one = new Histogram([0.1, 1, 10])
    for (const seconds of [0, 0.1, 0.11, 1, 5, 10, 11, 1e9]) one.observe(seconds)
    assert.deepEqual([one.cumulative(), one.count], [[2, 4, 6], 8])
    assert.equal(one.sum, 0 + 0.1 + 0.11 + 1 + 5 + 10 + 11 + 1e9)
  })
})

describe('the meter of commands', () => {
  const clock = new FakeClock()
  const step = (id: number, more: Partial<Step>): Step => ({
    device: 'furnace',
    codename: 'setpoint',
    client: 'me',
    op: 'set',
    what: 'asked',
    at: clock.now(),
    id: String(id),
    ...more
  })

  it('takes the time of each from its question to its end, and counts no repetition', async () => {
    const meter = new CommandMeter(clock)
    meter.step(step(1, {}))
    await clock.pass(0.2)
    meter.step(step(1, { what: 'checked' }))
    meter.step(step(1, { repeated: true }))
    await clock.pass(0.2)
    meter.step(step(1, { what: 'done' }))
    const durations = meter.durations.get('set')
    assert.ok(Math.abs((durations?.sum ?? 0) - 0.4) < 1e-6)
    assert.deepEqual([...meter.counts()], [{ op: 'set', result: 'done', errorClass: '', count: 1 }])
  })

  it('forgets when the oldest began, where too many are under way', () => {
    const meter = new CommandMeter(clock)
    for (let id = 0; id <= 2000; id++) meter.step(step(id, {}))
    for (let id = 0; id <= 2000; id++) meter.step(step(id, { what: 'done' }))
    assert.equal(meter.durations.get('set')?.count, 2000)
    assert.equal([...meter.counts()][0]?.count, 2001)
  })
})
