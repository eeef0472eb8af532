import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { UdpClient } from '../../test/support/udp.js'
import { UdpServer } from './udp-server.js'

const never = new AbortController().signal

async function bound(): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { socket, port: socket.address().port }
}

function portOf({ port }: UdpServer): number {
  assert.ok(port !== undefined)
  return port
}

describe('UDP server', () => {
  const problems: Error[] = []
  let client: UdpClient

  function server(port: number, host = '127.0.0.1', onDatagram?: (datagram: Buffer, answer: (reply: Buffer) => void) => void): UdpServer {
    return new UdpServer({
      host,
      port,
      onDatagram: onDatagram ?? ((datagram, answer) => answer(Buffer.concat([Buffer.from('>'), datagram]))),
      onError: (error) => problems.push(error),
      onLost: (error) => problems.push(error)
    })
  }

  beforeEach(() => {
    client = new UdpClient()
    problems.length = 0
  })

  afterEach(() => client.close())

  it('answers each datagram to its sender, empty ones too, and is where it says', async () => {
    const echo = server(0)
    assert.equal(echo.port, undefined)
    await echo.open(never)
    const other = new UdpClient()
    const port = portOf(echo)
    assert.deepEqual(await Promise.all([client.ask(port, 'a'), other.ask(port, 'b')]), ['>a', '>b'])
    assert.equal(await client.ask(port, ''), '>')
    assert.equal((await client.ask(port, Buffer.alloc(60_000, 'x'))).length, 60_001)
    await other.close()
    await echo.close()
    assert.equal(echo.port, undefined)
    assert.deepEqual(problems, [])
  })

  it('says which port is taken and what to do, and opens once it is free', async () => {
    const { socket, port } = await bound()
    const late = server(port)
    await assert.rejects(late.open(never), { message: `udp 127.0.0.1:${port} is taken: stop the other program, or choose another port` })
    await late.close()
    await new Promise<void>((resolve) => socket.close(() => resolve()))
    await late.open(never)
    assert.equal(await client.ask(port, 'a'), '>a')
    await late.close()
  })

  it('says that an address is not of this machine', async () => {
    await assert.rejects(server(0, '192.0.2.1').open(never), /udp 192\.0\.2\.1:0: this machine does not have the address 192\.0\.2\.1/)
  })

  it('says that a name does not resolve', async () => {
    await assert.rejects(server(0, 'no-such-host.invalid').open(never), /^Error: udp no-such-host\.invalid:0/)
  }).timeout(15_000) // A resolver may take its time to say no.

  it('opens nothing after its start was given up, before or in the middle', async () => {
    const given = new AbortController()
    const early = server(0)
    given.abort(new Error('stopping'))
    await assert.rejects(early.open(given.signal), /stopping/)
    assert.equal(early.port, undefined)
    const halfway = new AbortController()
    const late = server(0)
    const opening = late.open(halfway.signal)
    halfway.abort()
    await assert.rejects(opening, /stopped while opening/)
    assert.equal(late.port, undefined)
  })

  it('can be closed twice, before it was open, and opened again', async () => {
    const echo = server(0)
    await echo.close()
    for (let i = 0; i < 3; i += 1) {
      await echo.open(never)
      assert.equal(await client.ask(portOf(echo), String(i)), `>${i}`)
      await Promise.all([echo.close(), echo.close()])
    }
  })

  it('sends nothing after it was closed', async () => {
    let later: ((reply: Buffer) => void) | undefined
    const slow = server(0, '127.0.0.1', (_datagram, answer) => {
      answer(Buffer.from('first'))
      later = answer
    })
    await slow.open(never)
    assert.equal(await client.ask(portOf(slow), 'a'), 'first')
    await slow.close()
    later?.(Buffer.from('second'))
    await assert.rejects(client.receive(50), /no answer/)
    assert.deepEqual(problems, [])
  })

  it('tells of an answer that cannot be sent, and goes on', async () => {
    const big = server(0, '127.0.0.1', (datagram, answer) => answer(Buffer.alloc(Number(datagram), 'x')))
    await big.open(never)
    const port = portOf(big)
    await client.send(port, '65508')
    assert.equal((await client.ask(port, '5')).length, 5)
    assert.match(problems.map(({ message }) => message).join(), /EMSGSIZE/)
    await big.close()
  })

  it('serves IPv6 as well, where the machine has it', async () => {
    const probe = createSocket('udp6')
    const there = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.bind(0, '::1', () => resolve(true))
    })
    probe.close()
    if (!there) return
    const six = server(0, '::1')
    await six.open(never)
    const asker = createSocket('udp6')
    asker.send('a', portOf(six), '::1')
    const [answer] = (await once(asker, 'message')) as [Buffer]
    assert.equal(answer.toString(), '>a')
    asker.close()
    await six.close()
  })
})
