import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { rest } from '../../test/support/rest.js'
import { until } from '../../test/support/until.js'
import { systemClock } from '../clock.js'
import { Places } from './places.js'

describe('the places of requests', () => {
  const sockets: Socket[] = []
  const held: ServerResponse[] = []
  const places = new Places({ clock: systemClock, within: 0.2 })
  // No client is as fast.
  const strict = new Places({ clock: systemClock, within: 0.2, slowest: 1e12 })
  const server = createServer((request, response) => {
    const refusal = (request.url === '/fast' ? strict : places).take(request, response)
    if (refusal !== undefined) response.writeHead(refusal.status).end(refusal.message)
    else if (request.url === '/large' || request.url === '/fast') response.end(Buffer.alloc(20_000_000))
    else if (request.url === '/held') held.push(response)
    else response.end('here')
  })
  let port = 0

  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ;({ port } = server.address() as AddressInfo)
  })

  after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })

  function ask(path: string): Socket {
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    socket.pause()
    return socket
  }

  it('are not kept by who does not read, while who waits for an answer is let wait', async () => {
    const waiting = ask('/held')
    await until(() => held.length === 1, 'it does not come')
    const slow = ask('/large')
    const [, response] = (await once(server, 'request')) as [unknown, ServerResponse]
    await once(response, 'close')
    slow.resume()
    await once(slow, 'close')
    assert.ok(slow.bytesRead < 20_000_000, `${slow.bytesRead}`)
    held.pop()?.end('at last')
    waiting.resume()
    const [text] = (await once(waiting, 'data')) as [Buffer]
    assert.match(text.toString(), /at last$/)
  })

  it('are not kept by who reads a little now and then', async () => {
    const responses = new Map<string | undefined, ServerResponse>()
    const note = (request: IncomingMessage, response: ServerResponse): void => void responses.set(request.url, response)
    server.on('request', note)
    const timers = ['/fast', '/large'].map((path) => {
      const socket = ask(path)
      return setInterval(() => void socket.read(), 20)
    })
    await until(() => responses.size === 2, 'they do not come')
    server.removeListener('request', note)
    const [strictly, mildly] = [responses.get('/fast') as ServerResponse, responses.get('/large') as ServerResponse]
    if (!strictly.closed) await once(strictly, 'close')
    // The other one took as little, and is still served.
    assert.equal(mildly.closed, false)
    for (const timer of timers) clearInterval(timer)
  })

  it('are not kept by requests that queued behind another of a connection that is gone', async () => {
    for (let round = 0; round < 3; round += 1) {
      const socket = ask('/held')
      for (let i = 1; i < 100; i += 1) socket.write('GET /held HTTP/1.1\r\nhost: localhost\r\n\r\n')
      await until(() => held.length === 100, `${held.length} have come`)
      const over = once(held[0] as ServerResponse, 'close')
      socket.destroy()
      await over
      held.length = 0
    }
  })

  it('are 150 of one address, but whether it is well is told to everybody', async () => {
    const clients = Array.from({ length: 150 }, () => ask('/held'))
    await until(() => held.length === 150, 'they do not come')
    assert.deepEqual([(await rest(port, '/x')).status, (await rest(port, '/health?x')).text], [503, 'here'])
    assert.equal((await rest(port, '/api/health')).text, 'here')
    const closed = Promise.race(held.map(async (each) => await once(each, 'close')))
    clients.pop()?.destroy()
    await closed
    assert.equal((await rest(port, '/x')).text, 'here')
  })
})
