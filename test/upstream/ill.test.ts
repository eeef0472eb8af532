import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { FastClock } from '../support/fast-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Mosquitto } from '../support/mosquitto.js'
import { needs } from '../support/peers.js'
import { until } from '../support/until.js'

/** Bytes of MQTT 3.1.1. */
const connack = Buffer.from([0x20, 2, 0, 0])
const pingresp = Buffer.from([0xd0, 0])

describe('upstream: a broker that is ill', function () {
  this.timeout(30_000)
  let mosquitto: Mosquitto | undefined
  let lab: Lab | undefined
  let server: Server
  const sockets = new Set<Socket>()
  let talk: (socket: Socket, data: Buffer) => void

  before(function () {
    needs(this, 'mosquitto')
  })

  beforeEach(async () => {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('data', (data: Buffer) => talk(socket, data))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })

  afterEach(async () => {
    await lab?.stop()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
    await mosquitto?.gone()
    lab = mosquitto = undefined
    sockets.clear()
  })

  const start = async (more: string, faster: number): Promise<Lab> => {
    const { port } = server.address() as AddressInfo
    const bridge = `{ id: faculty, servers: [{ host: 127.0.0.1, port: ${port} }], topic: site${more} }`
    return (lab = await startLab({ clock: new FastClock(faster) }, `upstream:\n  - ${bridge}\n${labYaml}`))
  }

  it('and ends every connection at the first message costs nothing', async () => {
    mosquitto = await Mosquitto.start()
    const { port } = mosquitto
    let ends = 0
    const ways = new Map<Socket, Socket>()
    talk = (socket, data) => {
      const way = ways.get(socket)
      if (way !== undefined) way.write(data)
      else if (ends >= 20 && data[0] === 0x10) {
        const made = connect(port, '127.0.0.1')
        made.on('error', () => {})
        made.pipe(socket)
        socket.on('close', () => made.destroy())
        ways.set(socket, made)
        made.write(data)
      } else if (data[0] === 0x10) socket.write(connack)
      else {
        ends += 1
        socket.end()
      }
    }
    const seen = await mosquitto.watch('site/weather/#')
    const running = await start(', up: ["weather/+"]', 200)
    const client = await running.connect()
    for (let value = 1; value <= 20; value++) await client.publish('lab/weather/wind', JSON.stringify({ value, seq: value }))
    await client.publish('lab/weather/sky', '"blue"')
    await until(() => ends >= 20, 'it does not come back')
    await until(() => running.gateway.upstream.get('faculty')?.waiting === 0, 'it is not sent')
    await seen.settled()
    const values = seen.left
      .filter(({ topic }) => topic === 'site/weather/wind')
      .map(({ text }) => (JSON.parse(text) as { value: number }).value)
    assert.deepEqual(
      [...new Set(values)],
      Array.from({ length: 20 }, (_, n) => n + 1)
    )
    assert.ok(seen.left.some(({ topic }) => topic === 'site/weather/sky'))
    assert.deepEqual(running.gateway.upstream.get('faculty')?.unsendable, 0)
    await seen.vanish()
  })

  it('and acknowledges nothing is left, and it is told, also while it lets in', async () => {
    talk = (socket, data) => {
      if (data[0] === 0x10) socket.write(connack)
      else if (data[0] === 0xc0) socket.write(pingresp)
    }
    const running = await start('', 100)
    const status = (): ReturnType<typeof running.gateway.upstream.get> => running.gateway.upstream.get('faculty')
    await until(() => (status()?.connections ?? 0) >= 3 && status()?.state === 'connected', 'it stays')
    assert.match(status()?.reason ?? '', /acknowledges none/)
    const health = (await (await fetch(`http://127.0.0.1:${running.httpPort}/health`)).text()).replaceAll(/\s/g, '')
    assert.match(health, /"upstreamfaculty","status":"(degraded|warn)|acknowledgesnone/)
    assert.match(running.log.lines.map(({ fields }) => String(fields['reason'])).join(), /acknowledges none/)
  })
})
