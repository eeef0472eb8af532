import assert from 'node:assert/strict'
import { ScriptedClock } from './clock.js'

describe('scripted clock', () => {
  it('runs with the machine until it stands still', async () => {
    const clock = new ScriptedClock()
    assert.ok(Math.abs(clock.now() - Date.now() / 1000) < 1)
    const before = clock.monotonic()
    await new Promise<void>((resolve) => clock.after(0.01, resolve))
    assert.ok(clock.monotonic() - before >= 0.009)
    clock.standStill(1000)
    assert.equal(clock.now(), 1000)
    assert.ok(clock.monotonic() >= before)
  })

  it('fires what becomes due, in order and at its time', () => {
    const clock = new ScriptedClock()
    clock.standStill(1000)
    const fired: [string, number][] = []
    const note = (name: string) => () => fired.push([name, clock.now()])
    clock.after(3, note('late'))
    clock.after(1, () => {
      note('first')()
      clock.after(1, note('second'))
    })
    clock.after(1.5, note('never')).cancel()
    clock.advance(2.5)
    assert.deepEqual(fired, [
      ['first', 1001],
      ['second', 1002]
    ])
    assert.equal(clock.now(), 1002.5)
    clock.advance(0.5)
    assert.deepEqual(fired.at(-1), ['late', 1003])
  })

  it('goes on where it stood, and so do its timers', async () => {
    const clock = new ScriptedClock()
    const running = new Promise<void>((resolve) => clock.after(0.02, resolve))
    clock.standStill(5)
    const still = clock.monotonic()
    const waiting = new Promise<void>((resolve) => clock.after(0.01, resolve))
    clock.letRun()
    await Promise.all([running, waiting])
    assert.ok(clock.monotonic() >= still)
    assert.ok(Math.abs(clock.now() - Date.now() / 1000) < 1)
  })

  it('jumps while it runs', async () => {
    const clock = new ScriptedClock()
    const [now, monotonic] = [clock.now(), clock.monotonic()]
    const soon = new Promise<void>((resolve) => clock.after(100, resolve))
    clock.advance(100)
    await soon
    assert.ok(clock.now() - now >= 99.9)
    assert.ok(clock.monotonic() - monotonic >= 99.9)
    clock.letRun()
    assert.ok(Math.abs(clock.now() - Date.now() / 1000) < 1)
  })
})
