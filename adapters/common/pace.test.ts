import assert from 'node:assert/strict'
import { FakeClock } from '../../test/support/fake-clock.js'
import { Pace, share } from './pace.js'

describe('a pace', () => {
  let clock: FakeClock
  let times: number[]
  let skipped: number
  let work: () => Promise<void>

  function pace(period: number, id = 'one'): Pace {
    return new Pace({
      clock,
      period,
      id,
      run: () => {
        times.push(clock.monotonic())
        return work()
      },
      skipped: (n) => (skipped += n)
    })
  }

  beforeEach(() => {
    clock = new FakeClock()
    times = []
    skipped = 0
    work = () => Promise.resolve()
  })

  it('is even and does not drift', async () => {
    const begun = clock.monotonic()
    const one = pace(0.7)
    one.start()
    await clock.pass(700)
    await one.stop()
    const [first = 0] = times
    assert.ok(first >= begun && first <= begun + 0.75)
    assert.equal(times.length, Math.floor((700 - (first - begun)) / 0.7) + 1)
    for (const [i, time] of times.entries()) assert.ok(Math.abs(time - (first + i * 0.7)) < 1e-6, `${i}: ${time}`)
    assert.deepEqual([skipped, clock.timers], [0, 0])
  })

  it('begins within a second, however long the period', async () => {
    const one = pace(3600)
    one.start()
    await clock.pass(1.05)
    assert.equal(times.length, 1)
    await one.stop()
  })

  it('leaves out what would come while the one before lasts, counts it, and keeps its times', async () => {
    let end: () => void = () => undefined
    work = () => new Promise((resolve) => (end = resolve))
    const one = pace(1)
    one.start()
    await clock.pass(5)
    assert.equal(times.length, 1)
    assert.equal(skipped, 4)
    end()
    await clock.pass(1)
    assert.equal(times.length, 2)
    assert.ok(Math.abs((times[1] as number) - (times[0] as number) - 5) < 1e-9)
    end()
    await one.stop()
  })

  it('does not make up for the time in which the program was held up', () => {
    let now = 0
    const timers: { readonly at: number; readonly run: () => void }[] = []
    const held = {
      now: () => now,
      monotonic: () => now,
      after: (seconds: number, run: () => void) => {
        timers.push({ at: now + seconds, run })
        return { cancel: () => undefined }
      }
    }
    const one = new Pace({ clock: held, period: 1, id: 'one', run: () => work(), skipped: (n) => (skipped += n) })
    one.start()
    const due = timers[0]?.at ?? NaN
    now = due + 10.5
    timers[0]?.run()
    assert.equal(skipped, 10)
    assert.deepEqual(
      timers.map(({ at }) => at - due).map((at) => Math.round(at * 1e6) / 1e6),
      [0, 11]
    )
  })

  it('ends when what runs has ended', async () => {
    let end: () => void = () => undefined
    work = () => new Promise((resolve) => (end = resolve))
    const one = pace(1)
    one.start()
    await clock.pass(1)
    let isStopped = false
    const stopped = one.stop().then(() => (isStopped = true))
    await clock.pass(10)
    assert.deepEqual([isStopped, times.length], [false, 1])
    end()
    await stopped
  })

  it('gives each instance its own part of a period, always the same', () => {
    const ids = Array.from({ length: 130 }, (_, i) => `pull-${i}`)
    const parts = ids.map(share)
    assert.deepEqual(ids.map(share), parts)
    assert.ok(parts.every((part) => part >= 0 && part < 1))
    // Tenths of a period: none empty, none with a third of all.
    const tenths = Array.from({ length: 10 }, (_, tenth) => parts.filter((part) => Math.floor(part * 10) === tenth).length)
    assert.ok(Math.min(...tenths) > 0 && Math.max(...tenths) < 43, String(tenths))
  })
})
