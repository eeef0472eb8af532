import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

/** CONNECT, MQTT 3.1.1, clean session, client id "raw". */
const connectPacket = Buffer.from('100f00044d5154540402003c0003726177', 'hex')

describe('MQTT over WebSocket', () => {
  let running: Running
  const clients: TestClient[] = []
  const sockets: WebSocket[] = []

  before(async () => {
    running = await start(
      'broker: { tcp: { port: 0 }, limits: { maxPacket: 65536 } }\ndevices: { d: { codenames: { a: { settable: true } } } }'
    )
  })

  after(() => running.stop())

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate()
    await Promise.all(clients.splice(0).map((client) => client.vanish()))
    assert.deepEqual(
      running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
    // Whatever a test did: others are served.
    const client = await TestClient.connect(running.httpPort, {}, url())
    await client.settled()
    await client.close()
  })

  const url = (path = '/mqtt'): string => `ws://127.0.0.1:${running.httpPort}${path}`

  async function mqtt(): Promise<TestClient> {
    const client = await TestClient.connect(running.httpPort, {}, url())
    clients.push(client)
    return client
  }

  function open(path: string, protocols: string[]): WebSocket {
    const socket = new WebSocket(url(path), protocols)
    sockets.push(socket)
    return socket
  }

  async function connected(): Promise<WebSocket> {
    const socket = open('/mqtt', ['mqtt'])
    await once(socket, 'open')
    return socket
  }

  /** Close code; bounded by the test's own time. */
  async function closed(socket: WebSocket): Promise<number> {
    socket.on('error', () => {})
    const [code] = (await once(socket, 'close')) as [number]
    return code
  }

  it('publishes, subscribes and commands as over TCP', async () => {
    const [web, tcp] = [await mqtt(), await running.connect()]
    await web.subscribe('lab/d/#')
    await tcp.subscribe('lab/d/#')
    await web.publish('lab/d/a', '21.5')
    for (const client of [web, tcp]) assert.equal((await client.nextJson('lab/d/a'))['value'], 21.5)
    await web.publish('lab/d/a/set', { id: 'w', value: 1 })
    assert.equal((await tcp.nextJson('lab/d/a/set'))['id'], 'w')
    await tcp.publish('lab/d/a/reply', { id: 'w', value: 1 })
    assert.equal((await web.nextJson('lab/d/a/reply'))['phase'], 'done')
  })

  it('takes a packet that comes in many frames, and many packets in one', async () => {
    const socket = await connected()
    const answers: number[] = []
    const pings = Buffer.from('c000c000c000', 'hex')
    const all = new Promise<void>((resolve) => {
      let bytes = Buffer.alloc(0)
      socket.on('message', (data: Buffer) => {
        bytes = Buffer.concat([bytes, data])
        if (bytes.length < 4 + 6) return
        answers.push(...bytes)
        resolve()
      })
    })
    for (const byte of connectPacket) socket.send(Buffer.from([byte]))
    socket.send(pings)
    await all
    assert.equal(Buffer.from(answers).toString('hex'), '20020000d000d000d000')
  })

  it('is refused without the subprotocol, with another, and on another path', async () => {
    const refused = async (path: string, protocols: string[]): Promise<number | undefined> => {
      const socket = open(path, protocols)
      const [error] = (await once(socket, 'error')) as [Error]
      return Number(/Unexpected server response: (\d+)/.exec(error.message)?.[1])
    }
    assert.deepEqual(
      [
        await refused('/mqtt', []),
        await refused('/mqtt', ['chat']),
        await refused('/', ['mqtt']),
        await refused('/mqtt/', ['mqtt']),
        await refused('/live', ['mqtt'])
      ],
      [400, 400, 404, 404, 404]
    )
  })

  it('chooses mqtt among several subprotocols', async () => {
    const socket = open('/mqtt', ['chat', 'mqttv3.1', 'mqtt'])
    await once(socket, 'open')
    assert.equal(socket.protocol, 'mqtt')
  })

  it('cuts a client that sends text frames', async () => {
    const socket = await connected()
    socket.send('hello')
    await closed(socket)
  })

  it('cuts a client that sends text frames, also when they would be MQTT', async () => {
    const socket = await connected()
    const answered = once(socket, 'message').then(() => 'an answer')
    socket.send(connectPacket.toString('latin1'), { binary: false })
    assert.equal(await Promise.race([answered, closed(socket).then(() => 'closed')]), 'closed')
  })

  it('cuts a client that sends more than a packet may have', async () => {
    const socket = await connected()
    socket.send(connectPacket)
    await once(socket, 'message')
    socket.send(Buffer.alloc(65_537))
    assert.ok([1006, 1009].includes(await closed(socket)))
  })

  it('cuts a client that sends no MQTT, and one that goes in the middle of a packet hurts nobody', async () => {
    const socket = await connected()
    socket.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await closed(socket)
    const half = await connected()
    half.send(connectPacket.subarray(0, 5))
    half.terminate()
  })

  it('tells who comes by HTTP where MQTT is', async () => {
    const info = await fetch(url('/api').replace('ws:', 'http:'))
    assert.equal(((await info.json()) as { mqtt: string }).mqtt, '/mqtt')
    const lost = await fetch(url('/etc/passwd').replace('ws:', 'http:'))
    assert.equal(lost.status, 404)
    await lost.text()
  })
})
