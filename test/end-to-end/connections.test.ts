import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { FakeClock } from '../support/fake-clock.js'
import { knock } from '../support/knock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

const limits = (text: string): string => `broker: { tcp: { port: 0 }, limits: { ${text} } }\n`

/** Resolves when `holds` does; rejects after three seconds. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 3000; !holds();) {
    assert.ok(performance.now() < end, what)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function open(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

describe('connections', () => {
  let lab: Running
  const sockets: Socket[] = []

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await lab.stop()
  })

  it('are bounded for one address and in all', async () => {
    lab = await start(limits('maxConnections: 5, maxConnectionsPerAddress: 3'))
    for (let i = 0; i < 3; i += 1) sockets.push(await open(lab.mqttPort, '127.0.0.2'))
    await once(await open(lab.mqttPort, '127.0.0.2'), 'close')
    for (let i = 0; i < 2; i += 1) sockets.push(await open(lab.mqttPort))
    await once(await open(lab.mqttPort), 'close')
    sockets.shift()?.destroy()
    await until(() => lab.gateway.openConnections < 5, 'the closed socket is still counted')
    await lab.connect()
    const told = lab.log.lines.filter(({ message }) => /there are too many/.test(message))
    assert.equal(told.length, 2)
  })

  it('are refused when they come too fast', async () => {
    lab = await start(limits('maxConnectRate: 1'))
    for (let i = 0; i < 10; i += 1) sockets.push(await open(lab.mqttPort))
    await once(await open(lab.mqttPort), 'close')
    sockets.push(await open(lab.mqttPort, '127.0.0.3'))
    const told = lab.log.lines.find(({ message }) => /maxConnectRate/.test(message))
    assert.equal(told?.fields['address'], '127.0.0.1')
  })

  it('that say nothing are closed after connectTime', async () => {
    lab = await start(limits('connectTime: 1'))
    const began = performance.now()
    await once(await open(lab.mqttPort), 'close')
    assert.ok(performance.now() - began > 900)
    assert.equal(lab.log.lines.filter(({ fields }) => fields['reason'] === 'connect did not arrive in time').length, 1)
  })

  it('of MQTT 5 are told so, and so is the log, once', async () => {
    lab = await start('')
    for (let i = 0; i < 3; i += 1) {
      const socket = await open(lab.mqttPort)
      socket.write(Buffer.from('101000044d5154540502000000000378797a'.slice(0, 36), 'hex'))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.equal(answer.toString('hex'), '20020001')
      await once(socket, 'close')
    }
    assert.equal(lab.log.lines.filter(({ fields }) => /MQTT 5/.test(String(fields['reason']))).length, 1)
  })

  it('that hang up during CONNECT leave nothing behind', async () => {
    lab = await start('')
    const stays = await lab.connect({ clientId: 'stays' })
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const socket = await open(lab.mqttPort, '127.0.0.4')
          const bytes = packets.connect(`${round}-${i}`, { clean: i % 2 === 0 })
          socket.write(i % 3 === 0 ? bytes.subarray(0, 9) : bytes)
          if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
          socket.destroy()
        })
      )
    }
    await until(() => lab.gateway.openConnections === 1, 'sockets are left over')
    await until(() => lab.gateway.clientIds.length === 1, 'dead clients are left over')
    assert.deepEqual([lab.gateway.clientCount, lab.gateway.clientIds], [1, ['stays']])
    await stays.settled()
  })

  it('that are silent do not hold up a client', async () => {
    lab = await start('')
    for (let i = 0; i < 990; i += 1) sockets.push(connect({ port: lab.mqttPort, host: '127.0.0.1', localAddress: '127.0.0.5' }))
    await until(() => lab.gateway.openConnections === 990, 'not all are open')
    const began = performance.now()
    await lab.connect()
    const took = performance.now() - began
    console.log(`      CONNECT beside 990 silent sockets: ${took.toFixed(1)} ms`)
    assert.ok(took < 1000)
  })

  it('by WebSocket come from pages of this computer, or of the list, or from no page', async () => {
    lab = await start('http: { port: 0, origins: ["https://lab.example"] }\n')
    const tries: [string | undefined, number][] = [
      [undefined, 101],
      ['http://localhost:3000', 101],
      [`http://127.0.0.1:${lab.httpPort}`, 101],
      ['https://lab.example', 101],
      ['https://evil.example', 403],
      ['null', 403]
    ]
    for (const [origin, status] of tries) {
      const socket = new WebSocket(`ws://127.0.0.1:${lab.httpPort}/mqtt`, 'mqtt', origin === undefined ? {} : { headers: { origin } })
      const got = await new Promise<number | undefined>((resolve) => {
        socket.once('open', () => resolve(101))
        socket.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode))
        socket.on('error', () => {})
      })
      assert.equal(got, status, `${origin}`)
      socket.terminate()
    }
    // A page that has its own name lead to this computer.
    const rebound = new WebSocket(`ws://127.0.0.1:${lab.httpPort}/mqtt`, 'mqtt', {
      headers: { origin: 'http://evil.example', host: 'evil.example' }
    })
    const [, { statusCode }] = (await once(rebound, 'unexpected-response')) as [unknown, { statusCode: number }]
    assert.equal(statusCode, 403)
    rebound.on('error', () => {})
    rebound.terminate()
  })

  it('by WebSocket that are sent away give back their place, whether they close or not', async () => {
    lab = await start(limits('maxConnections: 5'))
    for (let i = 0; i < 12; i += 1) {
      const { socket, answer } = await knock(lab.httpPort, i % 2 === 0 ? '/nowhere' : '/mqtt', 'http://127.0.0.1')
      sockets.push(socket)
      assert.match(answer, i % 2 === 0 ? /^HTTP\/1\.1 404 / : /^HTTP\/1\.1 400 /)
      await until(() => lab.gateway.openConnections === 0, 'it keeps its place')
    }
  })

  it('have a bounded number of filters; what was granted still works', async () => {
    lab = await start(limits('maxFilters: 3, maxSubscribe: 10'))
    const client = await lab.connect()
    const granted = await client.client.subscribeAsync(['a', 'b', 'c', 'd', '$share/g/e'], { qos: 1 }).catch((error: unknown) => error)
    assert.match(String(granted), /128|Unspecified/)
    await client.publish('c', 'x')
    await client.next('c')
    await client.publish('d', 'x')
    await client.settled().catch(() => {})
    assert.ok(!client.left.some(({ topic }) => topic === 'd'))
  })

  it('have a bounded number of filters also when they come, go and come again at once', async () => {
    lab = await start(limits('maxFilters: 3'), { openDisk: new MemoryDisk().open })
    const client = await RawClient.connect(lab.mqttPort, 'to and fro', { clean: false })
    const granted: number[] = []
    for (let i = 0; i < 5; i += 1) {
      client.send(packets.subscribe(1, [`f/${i}`, 1]), packets.unsubscribe(2, `f/${i}`), packets.subscribe(3, [`f/${i}`, 1]))
      await client.next('suback')
      await client.next('unsuback')
      await client.next('suback')
      granted.push(...client.granted)
    }
    assert.deepEqual(granted, [1, 1, 1, 0x80, 0x80])
    client.close()
  })

  it('retain no more than the cap: a dead letter says so, and forgetting makes room', async () => {
    lab = await start('')
    const before = lab.gateway.retainedCount
    await lab.stop()
    lab = await start(limits(`maxRetained: ${before + 3}`))
    const client = await lab.connect()
    await client.subscribe('lab-dead/#')
    for (const topic of ['x/0', 'x/1', 'x/2']) await client.publish(topic, 'a', { retain: true })
    await client.publish('x/3', 'a', { retain: true })
    assert.equal((await client.nextJson('lab-dead/x/3'))['class'], 'RateLimited')
    await client.publish('x/1', 'again', { retain: true })
    for (const topic of ['x/0', 'x/2']) await client.publish(topic, '', { retain: true })
    await client.publish('x/3', 'b', { retain: true })
    const other = await lab.connect()
    assert.deepEqual((await other.retained('x/#')).map(({ topic, text }) => `${topic} ${text}`).toSorted(), ['x/1 again', 'x/3 b'])
  })

  it('get each message at the QoS that their filter was granted', async () => {
    lab = await start('')
    const [publisher, zero, one] = [await lab.connect(), await lab.connect(), await lab.connect()]
    await publisher.publish('q/kept', 'x', { retain: true })
    await zero.client.subscribeAsync('q/#', { qos: 0 })
    await one.client.subscribeAsync('q/#', { qos: 1 })
    assert.equal((await zero.next('q/kept')).qos, 0)
    assert.equal((await one.next('q/kept')).qos, 1)
    await publisher.publish('q/live', 'x', { qos: 2 })
    assert.equal((await zero.next('q/live')).qos, 0)
    assert.equal((await one.next('q/live')).qos, 1)
  })

  it('that do not read miss QoS 0, counted, and are cut when too much of QoS 1 waits; others go on', async () => {
    lab = await start(limits('shedOutput: 65536, maxOutput: 1000000'))
    const frozen = await RawClient.connect(lab.mqttPort, 'frozen')
    frozen.send(packets.subscribe(1, ['flood/zero', 0], ['flood/one', 1]))
    await frozen.next('suback')
    frozen.socket.pause()
    const [publisher, healthy] = [await lab.connect(), await lab.connect()]
    await healthy.subscribe('flood/#')
    const payload = Buffer.alloc(10_000, 'x')
    const missed = (): boolean =>
      lab.log.lines.some(({ fields, message }) => fields['client'] === 'frozen' && /misses messages of QoS 0/.test(message))
    let sent = 0
    for (; !missed() && sent < 5000; sent += 1) await publisher.publish('flood/zero', payload, { qos: sent % 50 === 0 ? 1 : 0 })
    const cut = (): boolean =>
      lab.log.lines.some(({ fields }) => fields['client'] === 'frozen' && /maxOutput/.test(String(fields['reason'])))
    let acknowledged = 0
    for (; !cut() && acknowledged < 1000; acknowledged += 1) await publisher.publish('flood/one', payload)
    assert.ok(missed() && cut(), JSON.stringify(lab.log.lines.slice(-3)))
    await healthy.settled()
    assert.equal(healthy.left.filter(({ topic }) => topic === 'flood/one').length, acknowledged)
    frozen.socket.resume()
    await frozen.closed()
  })

  it('that were cut or refused are counted in lab/gateway/limits', async () => {
    const clock = new FakeClock()
    lab = await start(limits('maxConnections: 2'), { clock })
    const client = await lab.connect()
    const socket = await open(lab.mqttPort, '127.0.0.6')
    await once(await open(lab.mqttPort), 'close')
    socket.write('GET / HTTP/1.1')
    await once(socket, 'close')
    await client.subscribe('lab/gateway/limits')
    await clock.pass(10)
    const { value } = await client.nextJson(({ topic, retain }) => topic === 'lab/gateway/limits' && !retain)
    const { protocol, maxConnections, maxFilters } = value as Record<string, number>
    assert.deepEqual([protocol, maxConnections, maxFilters], [1, 1, 0])
  })
})
