import assert from 'node:assert/strict'
import { FakeClock, settle } from '../../test/support/fake-clock.js'
import { FarSocket } from '../../test/support/far-socket.js'
import { HostAddress } from './host-address.js'
import { NoAnswer, UdpAsker } from './udp-asker.js'

const kind =
  (wanted: string, message = /./) =>
  (error: unknown): boolean =>
    error instanceof NoAnswer && error.kind === wanted && message.test(error.message)

describe('UDP asker', () => {
  let clock: FakeClock
  let far: FarSocket
  let asker: UdpAsker

  beforeEach(async () => {
    clock = new FakeClock()
    far = await FarSocket.open()
    asker = new UdpAsker({ host: '127.0.0.1', port: far.port, clock })
  })

  afterEach(async () => {
    await asker.close()
    await far.close()
    assert.equal(clock.timers, 0, 'a timer is left')
  })

  const ask = async (question: string): Promise<string> => (await asker.ask(Buffer.from(question), 1)).toString()

  it('asks, and gives the answer', async () => {
    const answer = ask('raw')
    const asked = await far.next()
    assert.equal(asked.text, 'raw')
    await asked.answer('1.0,2.0')
    assert.equal(await answer, '1.0,2.0')
  })

  it('asks from another port each time, so an answer that comes late or twice is of no other question', async () => {
    const ports = new Set<number>()
    const silent = ask('a#raw')
    const first = await far.next()
    ports.add(first.from)
    await Promise.all([assert.rejects(silent, kind('silence', /no answer within 1 s/)), clock.pass(1)])
    for (const name of ['b', 'c', 'd']) {
      const answer = ask(`${name}#raw`)
      const asked = await far.next()
      ports.add(asked.from)
      await first.answer('late')
      await asked.answer(name)
      await asked.answer('twice')
      assert.equal(await answer, name)
    }
    assert.equal(ports.size, 4)
  })

  it('keeps the ports of the last questions taken where that is asked for, tells of what still comes there, and gives them back', async () => {
    let late = 0
    const keeping = new UdpAsker({ host: '127.0.0.1', port: far.port, clock, keptPorts: 2, onLate: () => (late += 1) })
    for (let i = 0; i < 4; i += 1) {
      const answer = keeping.ask(Buffer.from(String(i)), 1)
      await (await far.nth(i)).answer('yes')
      await answer
    }
    // Of the four only the last two are still there.
    for (const { answer } of far.heard) await answer('again')
    for (let turn = 0; turn < 10; turn += 1) await settle()
    assert.equal(late, 2)
    await keeping.close()
    for (const { answer } of far.heard) await answer('too late')
    for (let turn = 0; turn < 10; turn += 1) await settle()
    assert.equal(late, 2)
  })

  it('hears only the host that it asked', async () => {
    const stranger = await FarSocket.open()
    try {
      const answer = ask('raw')
      const { answer: reply, from } = await far.next()
      const forged = new UdpAsker({ host: '127.0.0.1', port: from, clock })
      await assert.rejects(forged.ask(Buffer.from('9.0,9.0'), 1), kind('refused'))
      await reply('1.0,2.0')
      assert.equal(await answer, '1.0,2.0')
      await forged.close()
    } finally {
      await stranger.close()
    }
  })

  it('hears a server on all addresses that is asked by another one of this machine, and nobody else there', async () => {
    const everywhere = await FarSocket.open(0, '0.0.0.0')
    const stranger = await FarSocket.open(0, '0.0.0.0')
    const own = new UdpAsker({ host: '127.0.1.1', port: everywhere.port, clock })
    try {
      const answer = own.ask(Buffer.from('raw'), 1)
      const { from, answer: reply } = await everywhere.next()
      await stranger.send('9.0,9.0', from)
      for (let turn = 0; turn < 10; turn += 1) await settle()
      await reply('1.0,2.0')
      assert.equal((await answer).toString(), '1.0,2.0')
      const next = own.ask(Buffer.from('raw'), 1)
      const again = await everywhere.next()
      assert.notEqual(again.from, from)
      await again.answer('3.0,4.0')
      assert.equal((await next).toString(), '3.0,4.0')
    } finally {
      await own.close()
      await everywhere.close()
      await stranger.close()
    }
  })

  it('is told at once when no program has the port', async () => {
    const { port } = far
    await far.close()
    await assert.rejects(ask('raw'), kind('refused'))
    far = await FarSocket.open(port)
    const answer = ask('raw')
    await (await far.next()).answer('back')
    assert.equal(await answer, 'back')
  })

  it('takes one question at a time', async () => {
    const answer = ask('raw')
    await assert.rejects(ask('json'), /under way/)
    await (await far.next()).answer('1')
    await answer
  })

  it('ends the question under way when it is closed, and takes no more', async () => {
    const answer = ask('raw')
    await far.next()
    const closed = asker.close()
    await assert.rejects(answer, kind('closed'))
    await closed
    await assert.rejects(ask('raw'), kind('closed'))
    assert.equal(far.waiting, 0)
  })

  it('sends nothing when it is closed before the address is known', async () => {
    let found: (address: string) => void = () => undefined
    asker = new UdpAsker({ host: 'rig', port: far.port, clock, resolve: () => new Promise((resolve) => (found = resolve)) })
    const answer = ask('raw')
    await settle()
    await Promise.all([assert.rejects(answer, kind('closed')), asker.close()])
    const before = process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length
    found('127.0.0.1')
    for (let i = 0; i < 5; i += 1) await settle()
    assert.equal(far.waiting, 0)
    assert.equal(process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length, before, 'no socket was opened')
  })

  it('says which name is not found', async () => {
    const resolve = (): Promise<string> => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
    asker = new UdpAsker({ host: 'rig', port: far.port, clock, resolve })
    await assert.rejects(ask('raw'), kind('unreachable', /the name rig is not found \(ENOTFOUND\)/))
  })

  it('finds a machine that moved: silence has its name looked up again, and nobody waits for that', async () => {
    const asked: string[] = []
    // Addresses of this machine alone; the second is where nobody listens.
    const addresses = ['127.0.0.2', '127.0.0.1']
    const resolve = (name: string): Promise<string> => {
      asked.push(name)
      return Promise.resolve(addresses.shift() ?? '127.0.0.1')
    }
    asker = new UdpAsker({ host: 'rig', port: far.port, clock, resolve })
    await Promise.all([assert.rejects(ask('raw'), kind('silence')), clock.pass(1)])
    await clock.pass(10)
    await Promise.all([assert.rejects(ask('raw'), kind('silence')), clock.pass(1)])
    await settle()
    const answer = ask('raw')
    await (await far.next()).answer('moved')
    assert.equal(await answer, 'moved')
    assert.deepEqual(asked, ['rig', 'rig'])
  })
})

describe('the address of a host', () => {
  it('is the one that is written, and nobody is asked', async () => {
    const resolve = (): Promise<string> => Promise.reject(new Error('asked'))
    const address = new HostAddress({ host: '127.0.0.1', clock: new FakeClock(), resolve })
    address.refresh()
    assert.equal(await address.find(), '127.0.0.1')
    assert.equal(await new HostAddress({ host: '::1', clock: new FakeClock(), resolve }).find(), '::1')
  })

  it('is looked up at most once in ten seconds, and again after five minutes; the old one stands meanwhile', async () => {
    const clock = new FakeClock()
    let looks = 0
    let last: (address: string) => void = () => undefined
    const resolve = (): Promise<string> => {
      looks += 1
      return looks === 1 ? Promise.resolve('127.0.0.1') : new Promise((found) => (last = found))
    }
    const address = new HostAddress({ host: 'rig', clock, resolve })
    for (let i = 0; i < 5; i += 1) assert.equal(await address.find(), '127.0.0.1')
    for (let i = 0; i < 5; i += 1) address.refresh()
    assert.equal(looks, 1)
    await clock.pass(10)
    address.refresh()
    assert.equal(looks, 2)
    assert.equal(await address.find(), '127.0.0.1')
    last('127.0.0.3')
    await settle()
    assert.equal(await address.find(), '127.0.0.3')
    await clock.pass(300)
    assert.equal(await address.find(), '127.0.0.3')
    assert.equal(looks, 2)
    await clock.pass(1)
    assert.equal(await address.find(), '127.0.0.3')
    assert.equal(looks, 3)
  })

  it('of a name that means nothing is not looked up for everybody who asks', async () => {
    const clock = new FakeClock()
    let looks = 0
    const resolve = (): Promise<string> => {
      looks += 1
      return looks < 2 ? Promise.reject(new Error('no')) : Promise.resolve('127.0.0.1')
    }
    const address = new HostAddress({ host: 'rig', clock, resolve })
    for (let i = 0; i < 5; i += 1) await assert.rejects(address.find(), /rig is not found/)
    assert.equal(looks, 1)
    await clock.pass(10)
    assert.equal(await address.find(), '127.0.0.1')
  })

  it('is found as the system finds it', async () => {
    assert.equal(await new HostAddress({ host: 'localhost', clock: new FakeClock() }).find(), '127.0.0.1')
  })
})
