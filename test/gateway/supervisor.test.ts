import assert from 'node:assert/strict'
import type { Adapter, Clock } from '../../gateway/adapter.js'
import { Supervisor, retrySchedule, wait } from '../../gateway/supervisor.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { hang } from '../support/scripted.js'
import { TestLog } from '../support/start.js'

const schedule = { first: 1, factor: 2, longest: 8, jitter: 0 }

class Bench {
  readonly clock = new FakeClock()
  readonly log = new TestLog()
  readonly states: string[] = []
  starts = 0
  stops = 0
  readonly supervisor: Supervisor

  constructor(
    start: (n: number, signal: AbortSignal) => Promise<void>,
    stop: () => Promise<void> = () => Promise.resolve(),
    more: Pick<Adapter, 'stopWithin'> = {}
  ) {
    const adapter: Adapter = {
      ...more,
      start: (signal) => start(++this.starts, signal),
      stop: () => {
        this.stops += 1
        return stop()
      }
    }
    const clock: Clock = this.clock
    const state = (is: string, reason: string): void => void this.states.push(`${is}: ${reason}`)
    this.supervisor = new Supervisor({ id: 'x', adapter, clock, log: this.log, schedule, random: () => 0.5, state })
  }
}

const refused = (): Promise<void> => Promise.reject(new Error('ECONNREFUSED'))

describe('the wait before the next attempt', () => {
  const table: [attempt: number, random: number, seconds: number][] = [
    [1, 0.5, 1],
    [2, 0.5, 2],
    [3, 0.5, 4],
    [6, 0.5, 32],
    [7, 0.5, 60],
    [5000, 0.5, 60],
    [1, 0, 0.8],
    [1, 1, 1.2],
    [7, 0, 48],
    [7, 1, 72]
  ]
  for (const [attempt, random, seconds] of table)
    it(`of attempt ${attempt} is ${seconds} s when chance says ${random}`, () => {
      assert.ok(Math.abs(wait(retrySchedule, attempt, random) - seconds) < 1e-9)
    })
})

describe('a supervisor', () => {
  it('tries for ever, with longer and longer waits, and says why', async () => {
    const bench = new Bench(refused)
    await bench.supervisor.start()
    for (const seconds of [1, 2, 4, 8, 8, 8]) {
      const before = bench.starts
      await bench.clock.pass(seconds - 0.01)
      assert.equal(bench.starts, before, 'not before its time')
      await bench.clock.pass(0.01)
      assert.equal(bench.starts, before + 1)
    }
    assert.deepEqual(new Set(bench.states), new Set(['offline: ECONNREFUSED']))
    assert.equal(bench.stops, bench.starts, 'half a start is cleaned up')
    await bench.supervisor.stop()
    assert.equal(bench.clock.timers, 0)
  })

  it('tells of the recovery, and waits the first wait again after a healthy minute', async () => {
    const bench = new Bench((n) => (n < 3 ? refused() : Promise.resolve()))
    await bench.supervisor.start()
    await bench.clock.pass(3)
    assert.equal(bench.states.at(-1), 'online: started at attempt 3')
    assert.ok(bench.log.lines.some(({ level, message }) => level === 'info' && message === 'the instance works again'))
    await bench.clock.pass(61)
    bench.supervisor.failed(new Error('cable cut'))
    assert.equal(bench.states.at(-1), 'offline: cable cut', 'said at once, before the adapter has stopped')
    await bench.clock.pass(1)
    assert.equal(bench.starts, 4)
    await bench.supervisor.stop()
  })

  it('starts an instance again that fails while it starts', async () => {
    const bench: Bench = new Bench(() => {
      if (bench.starts === 1) bench.supervisor.failed(new Error('bound, but broken'))
      return Promise.resolve()
    })
    await bench.supervisor.start()
    assert.equal(bench.supervisor.running, false)
    assert.equal(bench.states.at(-1), 'offline: bound, but broken')
    await bench.clock.pass(1)
    assert.equal(bench.supervisor.running, true)
    await bench.supervisor.stop()
  })

  it('gives a start 30 s', async () => {
    let aborted = false
    const bench = new Bench((_, signal) => {
      signal.addEventListener('abort', () => (aborted = true))
      return hang()
    })
    void bench.supervisor.start()
    await bench.clock.pass(29)
    assert.deepEqual(bench.states, [])
    await bench.clock.pass(1)
    assert.deepEqual(bench.states, ['offline: did not start within 30 s'])
    assert.ok(aborted)
    await bench.supervisor.stop()
  })

  it('stops during a start that ignores its signal, and during the wait for the next attempt', async () => {
    const hanging = new Bench(hang)
    void hanging.supervisor.start()
    await settle()
    await hanging.supervisor.stop()
    assert.deepEqual([hanging.stops, hanging.clock.timers], [1, 0])
    const waiting = new Bench(refused)
    await waiting.supervisor.start()
    await waiting.supervisor.stop()
    await waiting.supervisor.stop()
    await waiting.clock.pass(1000)
    assert.deepEqual([waiting.starts, waiting.clock.timers], [1, 0])
  })

  it('waits 2 s for an adapter whose stop hangs, and says so', async () => {
    const bench = new Bench(() => Promise.resolve(), hang)
    await bench.supervisor.start()
    const stopped = bench.supervisor.stop()
    await bench.clock.pass(2)
    await stopped
    const line = bench.log.lines.find(({ level }) => level === 'error')
    assert.equal(line?.message, 'the instance did not stop cleanly')
    assert.equal(bench.clock.timers, 0)
  })

  it('waits longer for one that says so', async () => {
    const bench = new Bench(() => Promise.resolve(), hang, { stopWithin: 11 })
    await bench.supervisor.start()
    const stopped = bench.supervisor.stop()
    await bench.clock.pass(10.9)
    assert.equal(bench.log.lines.length, 0)
    await bench.clock.pass(0.1)
    await stopped
    assert.match(String(bench.log.lines[0]?.fields['err']), /did not stop within 11 s/)
  })

  it('lets an adapter say for itself that its device is not there, also while it starts', async () => {
    const bench: Bench = new Bench((n) => {
      bench.supervisor.report('offline', 'nothing heard yet')
      return n === 1 ? Promise.resolve() : refused()
    })
    await bench.supervisor.start()
    assert.deepEqual(bench.states, ['offline: nothing heard yet'], 'it did start, but nobody says that the device is online')
    bench.supervisor.report('online', 'it answers')
    bench.supervisor.report('offline', 'no answer')
    assert.deepEqual(bench.states.slice(1), ['online: it answers', 'offline: no answer'])
    assert.equal(bench.starts, 1, 'that is no failure')
    bench.supervisor.failed(new Error('broken'))
    bench.supervisor.report('online', 'said by one that is down')
    assert.equal(bench.states.at(-1), 'offline: broken')
    await bench.supervisor.stop()
    bench.supervisor.report('online', 'said by one that has stopped')
    assert.equal(bench.states.at(-1), 'offline: broken')
  })

  it('says that it started where the adapter says nothing, also after a time in which it did', async () => {
    const bench: Bench = new Bench((n) => {
      if (n === 1) bench.supervisor.report('offline', 'nothing heard yet')
      return Promise.resolve()
    })
    await bench.supervisor.start()
    bench.supervisor.failed(new Error('broken'))
    await bench.clock.pass(1)
    assert.equal(bench.states.at(-1), 'online: started at attempt 2')
    await bench.supervisor.stop()
  })

  it('lets no failure through after its stop', async () => {
    const bench = new Bench(() => Promise.resolve())
    await bench.supervisor.start()
    await bench.supervisor.stop()
    bench.supervisor.failed(new Error('too late'))
    await bench.clock.pass(100)
    assert.deepEqual(bench.states, ['online: started'])
    assert.equal(bench.starts, 1)
  })
})
