import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { CertificateFolder } from '../support/certificates.js'
import { FakeClock } from '../support/fake-clock.js'
import { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { LogLine, Running } from '../support/start.js'
import { until } from '../support/until.js'

/** The beginning of a ClientHello of 512 bytes, which never comes whole. */
const hello = Buffer.from('16030101ff010001fb0303', 'hex')

describe('connections that begin a TLS handshake and do not end it', function () {
  this.timeout(15_000)
  let files: CertificateFolder
  let clock: FakeClock
  let running: Running
  let sockets: Socket[]
  let timers: NodeJS.Timeout[]

  before(async () => {
    files = await CertificateFolder.create()
  })

  beforeEach(() => {
    sockets = []
    timers = []
  })

  afterEach(async () => {
    for (const timer of timers) clearInterval(timer)
    for (const socket of sockets) socket.destroy()
    const stopped = running?.stop()
    await clock?.pass(10)
    await stopped
  })

  async function go(limits: string): Promise<{ tls: number; https: number }> {
    const keys = files.keys()
    // The handshakes themselves take real time.
    clock = new FakeClock()
    running = await start(
      `broker: { tcp: { port: 0 }, tls: { port: 0, ${keys} }, limits: { ${limits} } }\nhttp: { port: 0, tls: { ${keys} } }\nadapters: []\n`,
      { clock }
    )
    return { tls: running.gateway.address('tls')?.port ?? 0, https: running.httpPort }
  }

  async function open(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }
  const closed = (): number => sockets.filter(({ destroyed }) => destroyed).length
  const handshakes = (): LogLine[] => running.log.lines.filter(({ message }) => message === 'a TLS handshake failed')
  /** As lab/gateway/limits says. */
  async function counted(): Promise<Record<string, number>> {
    const watcher = await running.connect()
    await watcher.subscribe('lab/gateway/limits')
    await watcher.next('lab/gateway/limits')
    await clock.pass(10)
    const { value } = await watcher.nextJson('lab/gateway/limits')
    await watcher.close()
    return value as Record<string, number>
  }

  it('are cut after broker.limits.connectTime, silent or drop by drop; each is counted, few are told, and a good client notices nothing', async () => {
    const { tls, https } = await go('connectTime: 1')
    const good = await TestClient.connect(0, { ca: files.authority.cert }, `mqtts://localhost:${tls}`)
    const before = running.gateway.openConnections
    for (const port of [tls, https])
      for (let i = 0; i < 100; i += 1) {
        const socket = await open(port)
        if (i % 2 === 0) continue
        socket.write(hello)
        timers.push(setInterval(() => socket.write('\0'), 100))
      }
    await good.publish('still', 'here')
    await until(() => closed() === 200, 'all are cut')
    await good.publish('still', 'here')
    await until(() => running.gateway.openConnections === before, 'none is left')
    assert.equal((await counted())['handshake'], 200)
    const told = handshakes()
    assert.ok(told.length >= 2 && told.length <= 6, String(told.length))
    assert.match(String(told[0]?.fields['reason']), /took too long \(broker\.limits\.connectTime\)/)
    await good.close()
  })

  it('count from the first byte: no more of them than connections are allowed', async () => {
    const { tls } = await go('connectTime: 2, maxConnectionsPerAddress: 5')
    for (let i = 0; i < 5; i += 1) (await open(tls)).write(hello)
    await until(() => running.gateway.openConnections === 5, 'five are open')
    const late = await open(tls)
    await until(() => late.destroyed, 'the sixth is closed')
    assert.equal(closed(), 1)
    await until(() => closed() === 6, 'all are cut')
    const { maxConnections, handshake } = await counted()
    assert.deepEqual([maxConnections, handshake], [1, 5])
    const good = await TestClient.connect(0, { ca: files.authority.cert }, `mqtts://localhost:${tls}`)
    await good.close()
  })

  it('are told what to do: who speaks no TLS, and who only looks whether somebody is there is not worth a line', async () => {
    const { tls, https } = await go('')
    const say = async (port: number, bytes: Buffer | string): Promise<void> => {
      const socket = await open(port)
      if (bytes.length > 0) socket.write(bytes)
      else socket.end()
      await until(() => socket.destroyed, 'it is closed')
    }
    await say(https, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await say(tls, Buffer.from('101000044d5154540402003c000461626364', 'hex'))
    await say(tls, '')
    await until(() => handshakes().length === 3, 'three failed')
    assert.deepEqual(
      handshakes().map(({ level, fields }) => [level, fields['listener'], fields['address'], String(fields['reason']).split(':')[0]]),
      [
        ['info', 'http.tls', '127.0.0.1', 'it speaks plain HTTP'],
        ['info', 'broker.tls', '127.0.0.1', 'it does not speak TLS'],
        ['debug', 'broker.tls', '127.0.0.1', 'it hung up in the middle']
      ]
    )
    assert.equal((await counted())['handshake'], 3)
  })
})
