import assert from 'node:assert/strict'
import { FakeClock, settle } from '../../test/support/fake-clock.js'
import { Lane } from './lane.js'
import { failure } from './test-support/steered-oven.js'

const never = new AbortController().signal

describe('lane', () => {
  let clock: FakeClock
  let lane: Lane
  let begun: string[]
  let ends: (() => void)[]

  beforeEach(() => {
    clock = new FakeClock()
    lane = new Lane({ clock, max: 2, target: 'oven:8500', rest: 2 })
    begun = []
    ends = []
  })

  const run = (name: string, signal = never, within?: number): Promise<string> => {
    const work = async (): Promise<string> => {
      begun.push(name)
      await new Promise<void>((resolve) => ends.push(resolve))
      return name
    }
    return lane.run(work, signal, within)
  }
  const end = async (): Promise<void> => {
    await settle()
    ends.shift()?.()
    await settle()
  }

  it('lets one after another, in order, also after one that fails', async () => {
    const failed = assert.rejects(
      lane.run(() => Promise.reject(new TypeError('no')), never, undefined),
      /no/
    )
    const work = [run('a'), run('b')]
    await failed
    await settle()
    await end()
    await end()
    assert.deepEqual(
      [await Promise.all(work), begun],
      [
        ['a', 'b'],
        ['a', 'b']
      ]
    )
  })

  it('lets no more wait than it may, and takes more when one has ended', async () => {
    const work = [run('a'), run('b'), run('c')]
    const refused = await failure(run('d'))
    assert.deepEqual([refused.class, refused.message], ['RateLimited', '2 commands wait for oven:8500 already; nothing was sent'])
    await end()
    work.push(run('e'))
    for (let i = 0; i < 3; i += 1) await end()
    assert.deepEqual(await Promise.all(work), ['a', 'b', 'c', 'e'])
  })

  it('does not begin what is given up, or has waited too long, and leaves no timer', async () => {
    const first = run('a')
    const given = new AbortController()
    const aborted = failure(run('b', given.signal, 10))
    const late = failure(run('c', never, 3))
    given.abort(new Error('gone'))
    assert.equal((await aborted).class, 'Busy')
    await clock.pass(3)
    assert.equal((await late).class, 'Busy')
    const last = run('d', never, 3)
    await end()
    await end()
    assert.deepEqual([await first, await last, begun, clock.timers], ['a', 'd', ['a', 'd'], 0])
    assert.equal((await failure(run('e', AbortSignal.abort()))).class, 'Busy')
  })

  it('begins nothing that waited when it is cleared', async () => {
    const first = run('a')
    const waiting = failure(run('b', never, 5))
    lane.clear()
    assert.equal((await waiting).class, 'Unreachable')
    await end()
    assert.deepEqual([await first, begun, clock.timers], ['a', ['a'], 0])
  })

  /** Gives way to commands; `ends` ends it too. */
  const between = (name: string): Promise<AbortSignal | undefined> => {
    let given: AbortSignal | undefined
    const work = async (signal: AbortSignal): Promise<void> => {
      given = signal
      begun.push(name)
      await new Promise<void>((resolve) => ends.push(resolve))
    }
    return lane.between(work).then(() => given)
  }

  it('lets what gives way begin when no command is under way, or was so within its rest', async () => {
    const work = [run('a'), between('x'), run('b')]
    await settle()
    await end()
    await clock.pass(5)
    assert.deepEqual(begun, ['a', 'b'])
    await end()
    await clock.pass(1)
    work.push(run('c'))
    await end()
    await clock.pass(1.9)
    assert.deepEqual(begun, ['a', 'b', 'c'])
    await clock.pass(0.2)
    assert.deepEqual([begun, clock.timers], [['a', 'b', 'c', 'x'], 0])
    await end()
    assert.equal(((await work[1]) as AbortSignal | undefined)?.aborted, false)
    // Nothing was under way for long.
    void between('y')
    assert.equal(begun.at(-1), 'y')
  })

  it('does not let a command wait for what gives way, which hears of it', async () => {
    const guest = between('x')
    const command = run('a')
    await settle()
    assert.deepEqual(begun, ['x', 'a'])
    const other = between('y')
    await end()
    assert.equal((await guest)?.aborted, true)
    await clock.pass(5)
    assert.deepEqual(begun, ['x', 'a'])
    await end()
    await command
    await clock.pass(2)
    assert.deepEqual(begun, ['x', 'a', 'y'])
    lane.clear()
    await end()
    assert.equal((await other)?.aborted, true)
  })

  it('begins nothing that gives way when it is cleared', async () => {
    const command = run('a')
    const guests = [between('x')]
    lane.clear()
    await end()
    guests.push(between('y'))
    await clock.pass(1)
    lane.clear()
    assert.deepEqual([await Promise.all(guests), await command, begun, clock.timers], [[undefined, undefined], 'a', ['a'], 0])
  })
})
