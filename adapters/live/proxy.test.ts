import assert from 'node:assert/strict'
import { FakeClock, settle } from '../../test/support/fake-clock.js'
import { Proxy } from './proxy.js'
import type { Resolve } from './proxy.js'
import { Sink } from '../../test/support/sink.js'

describe('the way to a live proxy', () => {
  let clock: FakeClock
  let proxy: Proxy
  let sinks: Sink[]
  let events: string[]
  /** What the name leads to; a text is an error. */
  let address: string | Error | Promise<never>
  let asked = 0

  const resolve: Resolve = async () => {
    asked += 1
    const answer = await address
    if (answer instanceof Error) throw answer
    return [{ address: '::1' }, { address: answer }]
  }

  beforeEach(() => {
    clock = new FakeClock()
    sinks = []
    events = []
    asked = 0
  })

  afterEach(async () => {
    await proxy.close()
    await proxy.close()
    for (const sink of sinks) await sink.close()
    assert.equal(clock.timers, 0)
  })

  function make(port: number): void {
    proxy = new Proxy({
      clock,
      host: 'live-proxy.invalid',
      port,
      resolve,
      onReady: () => events.push('ready'),
      onDown: (reason) => events.push(`down: ${reason}`),
      onUp: () => events.push('up'),
      onLost: () => events.push('lost')
    })
    proxy.open()
  }

  async function sink(where: string, port = 0): Promise<Sink> {
    const made = await Sink.open(port, where)
    sinks.push(made)
    return made
  }

  async function happened(count: number): Promise<void> {
    while (events.length < count) await settle()
  }

  const send = async (text: string): Promise<boolean> => await proxy.send(Buffer.from(text))

  it('leads to IPv4 where there is such an address', async () => {
    const here = await sink('127.0.0.1')
    address = '127.0.0.1'
    make(here.port)
    assert.equal(await send('too early'), false)
    await happened(1)
    assert.ok(await send('a'))
    assert.equal(await here.next(), 'a')
    assert.deepEqual([events, proxy.address], [['ready'], '127.0.0.1'])
  })

  it('follows a name that moves, within a minute, and stays where it is while the name does not resolve', async () => {
    const here = await sink('127.0.0.1')
    const there = await sink('127.0.0.2', here.port)
    address = '127.0.0.1'
    make(here.port)
    await happened(1)
    address = new Error('no answer of the name server')
    await clock.pass(60)
    assert.ok(await send('a'))
    assert.equal(await here.next(), 'a')
    address = '127.0.0.2'
    await clock.pass(60)
    await happened(2)
    assert.ok(await send('b'))
    assert.equal(await there.next(), 'b')
    assert.deepEqual(events, ['ready', 'ready'])
  })

  it('is tried again, after ever longer waits, while the name leads nowhere', async () => {
    const here = await sink('127.0.0.1')
    address = new Error('ENOTFOUND')
    make(here.port)
    await happened(1)
    assert.deepEqual(events, ['down: the name live-proxy.invalid does not resolve: ENOTFOUND'])
    await clock.pass(1)
    await clock.pass(2)
    await clock.pass(4)
    assert.equal(asked, 4)
    await clock.pass(7)
    assert.equal(asked, 4)
    address = '127.0.0.1'
    await clock.pass(1)
    await happened(2)
    const sent = send('a')
    assert.equal(await here.next(), 'a')
    assert.ok(!proxy.isReady, 'nobody knows yet whether it arrived')
    await settle()
    await clock.pass(0.2)
    assert.ok(await sent)
    assert.deepEqual(events.slice(1), ['ready', 'up'])
    assert.ok(proxy.isReady)
  })

  it('does not wait for ever for a name server', async () => {
    address = new Promise<never>(() => {})
    make(1)
    await clock.pass(10)
    assert.deepEqual(events, ['down: the name live-proxy.invalid does not resolve within 10 s'])
  })

  it('ends where nobody listens: what is sent then does not count as sent, until somebody does', async () => {
    const here = await sink('127.0.0.1')
    const { port } = here
    address = '127.0.0.1'
    make(port)
    await happened(1)
    await here.close()
    assert.ok(await send('lost'))
    await happened(3)
    assert.deepEqual(events.slice(1), ['lost', `down: nobody listens on udp live-proxy.invalid:${port}`])
    assert.equal(await send('a'), false)
    await clock.pass(1)
    await happened(4)
    assert.equal(await send('b'), false, 'still nobody')
    const again = await sink('127.0.0.1', port)
    await clock.pass(2)
    await happened(5)
    const sent = send('c')
    assert.equal(await again.next(), 'c')
    await settle()
    await clock.pass(0.2)
    assert.ok(await sent)
    assert.deepEqual(events.slice(3), ['ready', 'ready', 'up'])
  })
})
