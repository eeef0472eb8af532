/** Bad input to a rig of the gateway, over UDP and TCP, while good controllers go on: these are as strict as real ones. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket as UdpSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { StrictController } from '../support/strict-peer.js'
import { mebi } from './fuzzers.js'
import { Hosted } from './hosted.js'
import { Random } from './random.js'

/** Milliseconds of each storm; 10 s for a release. */
const lasting = Number(process.env['LABGATE_RIG_SECONDS'] ?? 0.5) * 1000

/** Connections at once that a rig is knocked at with. */
const crowd = 1000

/** Bytes of memory that a storm may cost, however long it lasts. */
const leeway = 96 << 20

const config = `
broker: { tcp: { port: 0 } }
adapters:
  - { id: rig, type: rig-server, port: 0, device: camera }
  - { id: other, type: rig-server, port: 0, device: microscope }
`

const words = ['[', ']', '{', '}', '"', ',', '0', '32', '127', 'null', 'NaN', '[[[[', '\\u0000', '\ufeff', '1e999', '\n', '[0, ']
const messages = [
  '[1, null]',
  '[2, "2022-01-01_1_subject", {"a": [1, {"b": "]["}]}]',
  '[4, []]',
  '[32, 20]',
  '[64, 0, {"exp_ref": null}]',
  '[0, "ValueError: no", 1]',
  '[128, "https://alyx.example.org", {"user": {"token": "0123"}}]',
  '[ 16 , [{"error": "E"}] ]\r\n'
].map((text) => Buffer.from(text))

describe('a rig under bad input', function () {
  this.timeout(120_000 + lasting * 12)
  let gateway: Hosted
  let port = 0
  const random = new Random(11)
  const sockets = new Set<Socket>()
  const datagrams = new Set<UdpSocket>()

  before(async () => {
    gateway = await Hosted.start(config)
    port = gateway.started.ports['rig'] as number
  })
  after(async () => await gateway.stop())

  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    for (const socket of datagrams) socket.close()
    datagrams.clear()
    const { errors, warnings } = await gateway.figures()
    assert.deepEqual(errors, [])
    // However much it was.
    assert.ok(warnings <= 60, `${warnings} warnings`)
  })

  /** Both go on over UDP and over TCP for as long as the storm does, and one of each begins when it is over. */
  async function measured(storm: (until: number) => Promise<unknown>): Promise<void> {
    const before = await gateway.figures()
    const opened = await Promise.all([StrictController.udp(port), StrictController.tcp(port)])
    const until = performance.now() + lasting
    const [turns] = await Promise.all([Promise.all(opened.map((each) => converse(each, until))), storm(until)])
    const after = await gateway.figures()
    for (const late of await Promise.all([StrictController.udp(port), StrictController.tcp(port)])) {
      await converse(late, 0)
      await late.close()
    }
    console.log(
      `      ${turns[0]} commands over UDP and ${turns[1]} over TCP meanwhile, the slowest echo took ` +
        `${Math.max(...opened.map(({ slowest }) => slowest)).toFixed(0)} ms; memory ${mebi(before.rss)}, then ${mebi(after.rss)}`
    )
    for (const each of opened) await each.close()
    assert.ok(after.rss - before.rss < leeway)
  }

  /** In lock-step; rejects when one command is not echoed within a second, or not answered. */
  async function converse(controller: StrictController, until: number): Promise<number> {
    let turns = 0
    for (; turns < 5 || performance.now() < until; turns += 1) {
      const answer = await controller.ask(`[64, 20, {"turn": ${turns}}]`)
      assert.match(answer, /^\[64, /)
    }
    return turns
  }

  async function dial(): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()))
    return socket
  }

  /** `address`: of this computer, and seeming another. */
  async function bound(address = '127.0.0.1'): Promise<UdpSocket> {
    const socket = createSocket('udp4')
    datagrams.add(socket)
    socket.on('error', () => undefined)
    await new Promise<void>((resolve) => socket.bind(0, address, resolve))
    return socket
  }

  async function repeat(until: number, once: () => Promise<unknown> | void, isOver = (): boolean => true): Promise<void> {
    while (performance.now() < until || !isOver()) {
      await once()
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  function junk(): Buffer {
    // The system itself keeps no more than two or three of the longest until they are read, and then drops whatever comes, of whomever.
    if (random.chance(0.005)) return Buffer.alloc(65_507, '[')
    switch (random.below(8)) {
      case 0:
        return Buffer.alloc(0)
      case 1:
        return random.bytes(1)
      case 2:
        return random.bytes(random.below(300))
      case 3:
        return random.text(random.below(300))
      case 4:
        return random.pick(messages)
      default:
        return random.mutate(random.pick(messages), words, messages)
    }
  }

  it('over UDP, from many ports and addresses: empty, random, mutated and as long as can be', async () =>
    await measured(async (until) => {
      const from = await Promise.all(Array.from({ length: 60 }, (_, i) => bound(`127.0.0.${1 + i}`)))
      await repeat(until, () => {
        for (let i = 0; i < 4; i += 1) random.pick(from).send(junk(), port, '127.0.0.1')
      })
    }))

  it('over UDP, from ever new ports', async () =>
    await measured(async (until) => {
      await repeat(until, async () => {
        for (let i = 0; i < 3; i += 1) {
          const socket = await bound()
          socket.send('[32, 20]', port, '127.0.0.1', () => {
            datagrams.delete(socket)
            socket.close()
          })
        }
      })
    }))

  it('over TCP: random and mutated, in pieces', async () =>
    await measured(async (until) => {
      const opened: Socket[] = []
      await repeat(until, async () => {
        while (opened.length < 20) opened.push(await dial())
        for (const [i, socket] of opened.entries()) {
          if (socket.destroyed) opened.splice(i, 1)
          else if (random.chance(0.02)) socket.destroy()
          else socket.write(junk())
          socket.resume()
        }
      })
    }))

  it(`over TCP: ${crowd} connections that say nothing`, async () =>
    await measured(async (until) => {
      for (let i = 0; i < crowd; i += 50) await Promise.all(Array.from({ length: 50 }, dial))
      await repeat(until, () => undefined)
      for (const socket of sockets) socket.destroy()
    }))

  it('over TCP: half a message, and its bytes one by one', async () =>
    await measured(async (until) => {
      const opened = await Promise.all(Array.from({ length: 50 }, dial))
      const message = Buffer.from(`[1, {"words": "${'x'.repeat(2000)}"`)
      let at = 0
      await repeat(until, () => {
        for (const [i, socket] of opened.entries())
          if (!socket.destroyed) socket.write(i % 2 === 0 ? message.subarray(at % message.length, (at % message.length) + 1) : message)
        at += 1
      })
    }))

  it('over TCP: a message that has no end', async () =>
    await measured(async (until) => {
      const endless = Buffer.alloc(65_536, '[1, "x')
      await repeat(until, async () => {
        const opened = await Promise.all(Array.from({ length: 5 }, dial))
        for (const socket of opened) {
          for (let i = 0; i < 160 && !socket.destroyed; i += 1) socket.write(endless)
          socket.resume()
          await new Promise<void>((resolve) => setTimeout(() => resolve(void socket.destroy()), 50))
        }
      })
    }))

  it('over TCP: who says as much as can be', async () =>
    await measured(async (until) => {
      const said = Array.from({ length: 20 }, (_, i) => Array.from({ length: 1000 }, (_each, n) => `[64, 20, ${i * 1000 + n}]`).join(''))
      const chunks = said.map((text) => Buffer.from(text))
      const opened = await Promise.all(Array.from({ length: 10 }, dial))
      for (const socket of opened) socket.resume()
      let round = 0
      await repeat(until, () => {
        for (const socket of opened)
          if (socket.writable && socket.writableLength === 0) socket.write(chunks[(round += 1) % chunks.length] as Buffer)
      })
    }))

  it('over TCP: who says very much and never reads', async () =>
    await measured(async (until) => {
      // No two are alike, so that all are echoed, until nothing more is taken.
      const said = Array.from({ length: 100 }, (_, n) => Buffer.from(`[64, 20, {"n": ${n}, "words": "${'x'.repeat(30_000)}"}]`))
      const opened = await Promise.all(Array.from({ length: 5 }, dial))
      for (const socket of opened) socket.pause()
      let round = 0
      // Until the last of them was sent away, as it must be.
      await repeat(
        until,
        () => {
          for (const socket of opened)
            if (socket.writable && socket.writableLength === 0) socket.write(said[(round += 1) % said.length] as Buffer)
        },
        () => opened.every(({ destroyed }) => destroyed)
      )
    }))

  it('from who looks for open ports, and takes it for a web server', async () =>
    await measured(async (until) => {
      const greetings = [
        'GET / HTTP/1.1\r\nhost: rig\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
        'SSH-2.0-x\r\n',
        '\r\n\r\n',
        'PING\r\n'
      ]
      const from = await bound('127.0.0.9')
      await repeat(until, async () => {
        const opened = await Promise.all(Array.from({ length: 10 }, dial))
        for (const [i, socket] of opened.entries()) {
          if (i % 2 === 0) socket.write(random.pick(greetings), 'latin1')
          if (i % 3 === 0) socket.resetAndDestroy()
          else socket.end()
          socket.resume()
          from.send(random.pick(greetings), port, '127.0.0.1')
        }
      })
    }))

  it('from who sends everything back: what goes to and fro comes to an end', async () =>
    await measured(async () => {
      const mirror = await bound('127.0.0.7')
      let times = 0
      mirror.on('message', (datagram) => {
        times += 1
        mirror.send(datagram, port, '127.0.0.1')
      })
      // Its answers are messages of their own, each with an end.
      mirror.send('[4, null]', port, '127.0.0.1')
      await quiet(() => times)
      console.log(`      ${times} times`)
      assert.ok(times > 2 && times <= 50, `${times} times`)
    }))

  it('from another rig of the gateway, as if that were a controller: they never talk faster than answers go', async () =>
    await measured(async () => {
      const other = gateway.started.ports['other'] as number
      const [one, two] = [await bound('127.0.0.11'), await bound('127.0.0.12')]
      let times = 0
      // What the one rig says, the other hears, from an address that it answers to.
      one.on('message', (datagram) => two.send(datagram, other, '127.0.0.1', () => (times += 1)))
      two.on('message', (datagram) => one.send(datagram, port, '127.0.0.1', () => (times += 1)))
      two.send('[32, 20]', other, '127.0.0.1')
      const began = performance.now()
      await new Promise((resolve) => setTimeout(resolve, 2000))
      const perSecond = (times / (performance.now() - began)) * 1000
      console.log(`      ${times} times, ${perSecond.toFixed(0)} a second`)
      // Each has 10 ms before an answer, which takes four datagrams with its echo and that of what it answers.
      assert.ok(times > 2 && perSecond <= 400, `${perSecond} a second`)
    }))

  /** Resolves when nothing has happened for a good while. */
  async function quiet(count: () => number): Promise<void> {
    for (let before = -1; before !== count();) {
      before = count()
      await new Promise((resolve) => setTimeout(resolve, 1500))
      assert.ok(count() < 10_000, 'it does not end')
    }
  }
})
