import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { FakeClock, settle } from '../../test/support/fake-clock.js'
import type { LinkOptions } from './rig-link.js'
import { UdpLink } from './udp-link.js'

const message = Buffer.from('[1, null]')

describe('the way to a rig over UDP', () => {
  const clock = new FakeClock()
  const rigs: Socket[] = []
  let link: UdpLink

  afterEach(async () => {
    await link.close()
    await Promise.all(rigs.splice(0).map((rig) => new Promise<void>((resolve) => rig.close(() => resolve()))))
  })

  /** Echoes, from the address that it is bound to. */
  async function rig(address: string, port = 0): Promise<{ readonly port: number; readonly senders: number[] }> {
    const socket = createSocket('udp4')
    rigs.push(socket)
    const senders: number[] = []
    socket.on('message', (bytes, from) => {
      senders.push(from.port)
      socket.send(bytes, from.port, from.address)
    })
    socket.bind(port, address)
    await once(socket, 'listening')
    return { port: socket.address().port, senders }
  }

  function open(more: Partial<LinkOptions> & Pick<LinkOptions, 'host' | 'port'>): UdpLink {
    const nothing = (): void => undefined
    const handlers = { isWanted: () => false, onPayload: nothing, onCount: nothing, onUp: nothing, onDown: nothing }
    link = new UdpLink({ clock, echoWithin: 1, maxEchoBytes: null, int8: false, ...handlers, ...more })
    link.open()
    return link
  }

  async function pass(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 0.1) {
      for (let turn = 0; turn < 10; turn += 1) await settle()
      await clock.pass(0.1)
    }
  }

  it('is one port for its life, and another only where the host is at another address', async () => {
    const first = await rig('127.0.0.1')
    let address = '127.0.0.1'
    const asked: string[] = []
    open({ host: 'cameras-pc', port: first.port, resolve: (name) => (asked.push(name), Promise.resolve(address)) })
    for (let n = 0; n < 3; n += 1) {
      const sent = link.send({ bytes: Buffer.from(`[1, ${n}]`), onWritten: () => undefined })
      await pass(0.2)
      await sent
      await pass(20)
    }
    assert.equal(new Set(first.senders).size, 1)
    // It is asked for again after some minutes only.
    assert.deepEqual(asked, ['cameras-pc'])
    address = '127.0.0.2'
    const second = await rig(address, first.port)
    await new Promise<void>((resolve) => rigs.shift()?.close(() => resolve()))
    const lost = link.send({ bytes: message, onWritten: () => undefined }).catch((error: Error) => error)
    await pass(2)
    assert.ok((await lost) instanceof Error)
    const sent = link.send({ bytes: message, onWritten: () => undefined })
    await pass(1)
    await sent
    assert.equal(second.senders.length, 1)
    assert.equal(asked.length, 2)
  })

  it('has the port of the last time again, where it is free', async () => {
    const { port, senders } = await rig('127.0.0.1')
    const ports: number[] = []
    const say = async (lastPort?: number): Promise<void> => {
      open({ host: '127.0.0.1', port, lastPort, onPort: (own) => ports.push(own) })
      const sent = link.send({ bytes: message, onWritten: () => undefined })
      await pass(0.2)
      await sent
    }
    await say()
    const first = link
    const [last] = ports
    await first.close()
    await say(last)
    const second = link
    await say(last)
    assert.deepEqual(senders, ports)
    assert.equal(ports[1], last)
    assert.notEqual(ports[2], last)
    await second.close()
  })

  it('hears a rig at another address of this computer, whichever of them it speaks from', async () => {
    const { port } = await rig('0.0.0.0')
    open({ host: '127.0.1.1', port })
    const sent = link.send({ bytes: message, onWritten: () => undefined })
    await pass(0.2)
    assert.equal((await sent).seconds < 1, true)
    assert.ok(link.lastHeard !== undefined)
  })

  it('says when a message leaves, and while its echo is awaited', async () => {
    const socket = createSocket('udp4')
    rigs.push(socket)
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    open({ host: '127.0.0.1', port: socket.address().port })
    let isWritten = false
    const sent = link.send({ bytes: message, onWritten: () => (isWritten = true) })
    assert.deepEqual([isWritten, link.isAwaiting], [false, false])
    const [bytes, from] = (await once(socket, 'message')) as [Buffer, { port: number }]
    assert.deepEqual([isWritten, link.isAwaiting], [true, true])
    socket.send(bytes, from.port, '127.0.0.1')
    await sent
    assert.equal(link.isAwaiting, false)
  })

  it('says that a name means nothing, and does not wait for ever for who knows names', async () => {
    open({ host: 'nobody', port: 1, resolve: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) })
    await assert.rejects(link.send({ bytes: message, onWritten: () => undefined }), /the name nobody is not found \(ENOTFOUND\)/)
    await link.close()
    open({ host: 'slow', port: 1, resolve: () => new Promise(() => undefined) })
    const sent = link.send({ bytes: message, onWritten: () => undefined }).catch(({ message: said }: Error) => said)
    await pass(5.2)
    assert.equal(await sent, 'the name slow is not found within 5 s')
  })
})
