import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { RawHttp, ask } from '../support/raw-http.js'

/** Connections one after another. */
const inTurn = Number(process.env['LABGATE_HTTP_CONNECTIONS'] ?? 1500)

/** Milliseconds for which each kind of bad client goes on. */
const lasting = Number(process.env['LABGATE_HTTP_SECONDS'] ?? 0.5) * 1000

const yaml = `
devices: { scope: { codenames: { idn: {}, level: { settable: true, schema: { type: number } }, big: {} } } }
adapters:
  - { id: dev, type: scripted, executes: [scope] }
  - id: page
    type: http-routes-server
    port: 0
    device: scope
    maxConnections: 100
    routes: { /idn: { get: idn }, "/level/<float:x>": { set: level }, /big: { get: big } }
`

describe('bad HTTP clients', function () {
  this.timeout(60_000)
  let lab: Lab
  let sockets: Socket[]
  let timers: NodeJS.Timeout[]

  beforeEach(async () => {
    sockets = []
    timers = []
    lab = await startLab({}, yaml)
    const big = 'x'.repeat(16 << 20)
    lab.scripted.execute = ({ codename, value }) => Promise.resolve(codename === 'big' ? big : codename === 'idn' ? 'SCOPE' : value)
  })

  afterEach(async () => {
    for (const timer of timers) clearInterval(timer)
    for (const socket of sockets) socket.destroy()
    await lab.stop()
    assert.deepEqual(
      lab.log.lines.filter(({ level }) => level === 'error'),
      []
    )
    // However many they were: once for each kind of trouble in ten seconds.
    const warned = lab.log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
    for (const message of warned) assert.ok(warned.filter((other) => other === message).length <= 3, message)
  })

  const open = async (): Promise<Socket> => {
    const socket = connect({ port: lab.port('page'), host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    sockets.push(socket)
    await Promise.race([once(socket, 'connect'), once(socket, 'close')])
    return socket
  }
  const many = async (count: number, begin: (socket: Socket) => void): Promise<Socket[]> => {
    const opened = await Promise.all(Array.from({ length: count }, open))
    for (const socket of opened) begin(socket)
    return opened
  }
  const again = (milliseconds: number, run: () => void): void => void timers.push(setInterval(run, milliseconds))
  /** Its reading and its command are answered, every time, for as long as the others go on; and once it is alone again. */
  const goodClient = async (until = performance.now() + lasting): Promise<void> => {
    const kept = await RawHttp.open(lab.port('page'))
    sockets.push(kept.socket)
    for (let i = 0; i === 0 || performance.now() < until; i += 1) {
      const idn = await ask(lab.port('page'), 'GET', '/idn')
      const level = await ask(lab.port('page'), 'GET', `/level/${i}.5`)
      assert.deepEqual([idn.status, idn.body.toString(), level.status, level.body.toString()], [200, 'SCOPE', 200, `${i}.5`])
    }
  }

  it('who send their request drop by drop, two hundred of them', async () => {
    const drips = await many(200, (socket) => socket.write('GET /idn HTTP/1.1\r\n'))
    again(20, () => {
      for (const socket of drips) if (socket.writable) socket.write('a: b\r\n')
    })
    await goodClient()
  })

  it('who open connections and say nothing', async () => {
    await many(300, () => {})
    await goodClient()
  })

  it(`who connect ${inTurn} times`, async () => {
    const sayings = ['', 'GET /idn HTTP/1.1\r\n\r\n', 'GET /idn', 'rubbish\r\n\r\n', 'POST /idn HTTP/1.1\r\nContent-Length: 5\r\n\r\na']
    let left = inTurn
    const one = async (): Promise<void> => {
      while (left > 0) {
        const i = (left -= 1)
        const socket = connect({ port: lab.port('page'), host: '127.0.0.1' })
        socket.on('error', () => {})
        await Promise.race([once(socket, 'connect'), once(socket, 'close')])
        socket.write(sayings[i % sayings.length] as string)
        if (i % 3 === 0) socket.resetAndDestroy()
        else socket.destroy()
      }
    }
    const storm = Promise.all(Array.from({ length: 20 }, one))
    while (left > 0) await goodClient(0)
    await storm
    await goodClient()
  })

  it('who send heads and bodies without end', async () => {
    const chunk = Buffer.alloc(65_536, 'x')
    const sends = (first: string, next: Buffer): ((socket: Socket) => void) => {
      return (socket) => {
        const pour = (): void => {
          while (!socket.destroyed && socket.writable && socket.write(next));
        }
        socket.on('drain', pour)
        socket.write(first)
        pour()
      }
    }
    await many(10, sends('GET / HTTP/1.1\r\nA: ', chunk))
    await many(10, sends('GET / HTTP/1.1\r\n', Buffer.from('a: b\r\n'.repeat(10_000))))
    await many(10, sends('GET /', chunk))
    await many(10, sends('POST /idn HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n', chunk))
    await many(
      10,
      sends(
        'POST /idn HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
        Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')])
      )
    )
    await many(10, sends('POST /idn HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1', Buffer.from(`;${'x'.repeat(60_000)}`)))
    await goodClient()
  })

  it('who end their side and wait, and who ask everything at once', async () => {
    await many(50, (socket) => socket.end('GET /idn HTTP/1.1\r\n\r\n'))
    await many(50, (socket) => socket.end('GET /idn'))
    await many(20, (socket) => socket.write('GET /level/1.5 HTTP/1.1\r\n\r\n'.repeat(2000)))
    await goodClient()
  })

  it('who do not take their answer', async () => {
    await many(20, (socket) => {
      socket.pause()
      socket.write('GET /big HTTP/1.1\r\n\r\n'.repeat(3))
    })
    await goodClient()
  })

  it('who send bytes', async () => {
    for (let i = 0; i < 200; i += 1) {
      const socket = await open()
      socket.end(Buffer.from(Array.from({ length: 100 }, (_, j) => (i * 7 + j * 131) % 256)))
      socket.resume()
    }
    await goodClient()
  })
})
