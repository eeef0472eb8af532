import assert from 'node:assert/strict'
import { KnownPairs } from './known-pairs.js'
import { Tries, network } from './tries.js'
import { Turnstile } from './turnstile.js'
import { WrongPairs } from './wrong-pairs.js'

describe('tries to log in', () => {
  let now = 0
  const monotonic = (): number => now

  beforeEach(() => (now = 0))

  it('are those of one address: of IPv6 the first half, of IPv4 however it is written', () => {
    for (const [address, of] of [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
      ['2001:db8::9', '2001:db8:0:0::/64'],
      ['fe80::1%eth0', 'fe80:0:0:0::/64'],
      ['::1', '0:0:0:0::/64'],
      ['', '']
    ] as const)
      assert.equal(network(address), of, address)
  })

  it('are forgotten after a while, and when one was right', () => {
    const tries = new Tries(monotonic, 5)
    const fail = (): void => {
      for (let at = 0; at < 6; at++) tries.failed('a')
    }
    fail()
    assert.equal(tries.wait('a'), 2)
    now = 1.5
    assert.equal(tries.wait('a'), 0.5)
    tries.succeeded('a')
    assert.equal(tries.wait('a'), 0)
    fail()
    now = 1000
    tries.failed('a')
    assert.equal(tries.wait('a'), 0)
  })

  it('take bounded memory, and a flood of addresses does not free who still waits', () => {
    const tries = new Tries(monotonic, 5)
    for (let at = 0; at < 10_000; at++) tries.failed(`quiet${at}`)
    assert.equal(tries.size, 4096)
    for (let at = 0; at < 5; at++) tries.failed('busy')
    for (let at = 0; at < 4000; at++) tries.failed(`more${at}`)
    assert.equal(tries.wait('busy'), 1)
    now = 2000
    tries.failed('x')
    assert.equal(tries.size, 1)
  })

  it('that were right are remembered within bounds, the latest', () => {
    const known = new KnownPairs(monotonic)
    const macs = Array.from({ length: 1500 }, (_, at) => known.mac(`user${at}`, 'x'))
    macs.forEach((mac, at) => {
      known.add(`user${at}`, at, 'a', mac)
      // This one is used all the time.
      assert.equal(known.has('user0', 0, 'a', macs[0] as Buffer, false), true)
    })
    assert.equal(known.size, 1000)
    assert.equal(known.has('user1', 1, 'a', macs[1] as Buffer, false), false)
    assert.equal(known.has('user1499', 1499, 'a', macs[1499] as Buffer, false), true)
    assert.equal(known.has('user1499', 1498, 'a', macs[1499] as Buffer, false), false)
    assert.notDeepEqual(known.mac('ab', 'c'), known.mac('a', 'bc'))
  })

  it('are computed two at a time, each address in its turn; 16 of one wait, and 256 in all', async () => {
    const turnstile = new Turnstile()
    const open: (() => void)[] = []
    const order: number[] = []
    const pass = async (of: string, at: number): Promise<boolean | undefined> =>
      await turnstile.pass(of, async () => {
        order.push(at)
        await new Promise<void>((resolve) => open.push(resolve))
        return true
      })
    const all = Array.from({ length: 100 }, async (_, at) => await pass(at < 30 ? 'one' : `other${at}`, at))
    assert.deepEqual([order, turnstile.load], [[0, 1], 88])
    for (let ended = 0; ended < 88; ended++) {
      open.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const answers = await Promise.all(all)
    assert.deepEqual(
      answers.flatMap((answer, at) => (answer === true ? [at] : [])),
      order.toSorted((one, other) => one - other)
    )
    assert.deepEqual([order.slice(0, 5), order.slice(72, 75), order.length, turnstile.load], [[0, 1, 2, 30, 31], [99, 3, 4], 88, 0])
    await assert.rejects(turnstile.pass('one', async () => await Promise.reject(new Error('x'))))
    assert.equal(turnstile.load, 0)
  })

  it('of many at a few addresses make room for one at another, who is next but for one of each', async () => {
    const turnstile = new Turnstile()
    const open: (() => void)[] = []
    const order: string[] = []
    const pass = async (of: string): Promise<boolean | undefined> =>
      await turnstile.pass(of, async () => {
        order.push(of)
        await new Promise<void>((resolve) => open.push(resolve))
        return true
      })
    const flood = Array.from({ length: 400 }, async (_, at) => await pass(`flood${at % 20}`))
    assert.equal(turnstile.load, 258)
    const newcomer = pass('newcomer')
    assert.equal(turnstile.load, 258)
    for (let ended = 0; ended < 258; ended++) {
      open.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(await newcomer, true)
    assert.ok(order.indexOf('newcomer') <= 22, `it was number ${order.indexOf('newcomer')}`)
    assert.equal((await Promise.all(flood)).filter((answer) => answer === true).length, 257)
  })

  it('that were wrong are remembered within bounds, the latest, and for the same user only', () => {
    const wrong = new WrongPairs()
    for (let at = 0; at < 5000; at++) wrong.add(`pair${at}`, at % 2 === 0 ? at : undefined)
    assert.equal(wrong.size, 4096)
    assert.deepEqual(
      [wrong.has('pair4998', 4998), wrong.has('pair4998', 1), wrong.has('pair4999', undefined), wrong.has('pair0', 0)],
      [true, false, true, false]
    )
    assert.equal(wrong.has('never', undefined), false)
  })
})
