import assert from 'node:assert/strict'
import { FakeClock } from '../../test/support/fake-clock.js'
import { Exchange } from './rig-exchange.js'
import { Turns } from './rig-turns.js'
import type { Ask } from './rig.js'

const ask = (priority?: 'interrupt' | 'stop', signal?: AbortSignal): Ask => ({
  event: 'EXPSTATUS',
  elements: [],
  answer: true,
  answerWithin: 1,
  ...(priority === undefined ? {} : { priority }),
  ...(signal === undefined ? {} : { signal })
})

describe('the turns at a rig', () => {
  const clock = new FakeClock()
  const late: Exchange[] = []
  const aborted: unknown[] = []

  beforeEach(() => {
    late.length = 0
    aborted.length = 0
  })

  function turns(max: number): Turns {
    return new Turns({ clock, max, within: 60, onLate: (one) => late.push(one), onAbort: (_, reason) => aborted.push(reason) })
  }

  const exchange = (one: Ask): Exchange => new Exchange(one, Buffer.alloc(0), clock)

  it('are bounded, with room of their own for what interrupts and stops', () => {
    const line = turns(3)
    for (let n = 0; n < 3; n += 1) line.push(exchange(ask()))
    assert.deepEqual([line.hasRoom(ask()), line.hasRoom(ask('stop')), line.hasRoom(ask('interrupt'))], [false, true, true])
    for (let n = 0; n < 3; n += 1) line.push(exchange(ask(n === 1 ? 'interrupt' : 'stop')))
    assert.deepEqual([line.hasRoom(ask('stop')), line.length], [false, 6])
    const order = Array.from({ length: 6 }, () => line.shift()?.ask.priority ?? 'none')
    assert.deepEqual(order, ['interrupt', 'stop', 'stop', 'none', 'none', 'none'])
    assert.equal(clock.timers, 0)
  })

  it('come in time, or never; what stops has no time of its own', async () => {
    const line = turns(3)
    const [first, second] = [exchange(ask()), exchange(ask('stop'))]
    line.push(first)
    line.push(second)
    await clock.pass(60)
    assert.deepEqual(late, [first])
    assert.equal(line.shift(), second)
    assert.equal(line.shift(), undefined)
  })

  it('are left by who is not waited for, once', () => {
    const line = turns(3)
    const gone = new AbortController()
    line.push(exchange(ask(undefined, gone.signal)))
    line.push(exchange(ask()))
    gone.abort('why')
    assert.deepEqual([aborted, line.length], [['why'], 1])
    line.shift()
    assert.equal(clock.timers, 0)
  })
})
