/** Hostile clients in a process of their own: `node attacker.js PHASE MQTT_PORT HTTP_PORT SECONDS`. Tells in the end what it did, in words. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { packets } from '../support/raw-mqtt.js'
import { pause } from './audit.js'

const [phase = '', mqttText, httpText, secondsText] = process.argv.slice(2)
const [mqtt, http, seconds] = [Number(mqttText), Number(httpText), Number(secondsText)]
const end = performance.now() + seconds * 1000
const goesOn = (): boolean => performance.now() < end

/** Loopback addresses, so that no bound for one address protects the gateway. */
const addresses = Array.from({ length: 40 }, (_, i) => `127.0.0.${i + 2}`)

function dial(port: number, index = 0): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: addresses[index % addresses.length] as string, noDelay: true })
  socket.on('error', () => {})
  return socket
}

/** A client of MQTT that is let in, or not; its answers are dropped. */
async function client(name: string, index = 0): Promise<Socket> {
  const socket = dial(mqtt, index)
  socket.write(packets.connect(name))
  await Promise.race([once(socket, 'data'), once(socket, 'close')])
  socket.on('data', () => {})
  return socket
}

/** Writes as fast as the other side takes it. */
async function pour(socket: Socket, make: (i: number) => Buffer, most = Infinity): Promise<number> {
  let sent = 0
  while (goesOn() && sent < most && !socket.destroyed) {
    const batch = Array.from({ length: Math.min(100, most - sent) }, (_, i) => make(sent + i))
    sent += batch.length
    if (!socket.write(Buffer.concat(batch))) await drained(socket)
    else await pause(0)
  }
  return sent
}

/** Resolves when the socket takes more, is closed, or the time is over. */
async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const over = (): void => {
      clearTimeout(timer)
      socket.off('drain', over)
      socket.off('close', over)
      resolve()
    }
    const timer = setTimeout(over, Math.max(0, end - performance.now()))
    socket.once('drain', over)
    socket.once('close', over)
  })
}

const kilobyte = Buffer.alloc(1000, 'x')

const phases: Readonly<Record<string, () => Promise<string>>> = {
  quiet: async () => {
    await pause(seconds * 1000)
    return ''
  },
  stalled: async () => {
    const stalled = await client('stalled')
    stalled.write(packets.subscribe(1, ['flood/#', 1]))
    await pause(200)
    stalled.pause()
    const publisher = await client('publisher', 1)
    let sent = 0
    for (; goesOn() && !publisher.destroyed; sent += 20) {
      publisher.write(
        Buffer.concat(Array.from({ length: 20 }, (_, i) => packets.publish('flood/1', kilobyte, { qos: 1, id: ((sent + i) % 65_000) + 1 })))
      )
      await pause(10)
    }
    return `one subscriber that reads nothing, ${Math.round(sent / seconds)} messages/s of QoS 1 for it`
  },
  trickling: async () => {
    const bytes = Buffer.concat([packets.connect('trickling'), packets.publish('drip/1', kilobyte)])
    const sockets = Array.from({ length: 200 }, (_, i) => dial(mqtt, i))
    for (let at = 0; goesOn(); at++) {
      for (const socket of sockets) if (!socket.destroyed) socket.write(bytes.subarray(at % bytes.length, (at % bytes.length) + 1))
      await pause(50)
    }
    return `200 that send a byte each 50 ms; ${sockets.filter(({ destroyed }) => destroyed).length} were cut`
  },
  flooding: async () => {
    const sockets = await Promise.all(Array.from({ length: 4 }, async (_, i) => await client(`flooder-${i}`, i)))
    const packet = packets.publish('flood/2', kilobyte)
    const counts = await Promise.all(sockets.map(async (socket) => await pour(socket, () => packet)))
    return `4 that publish 1 kB without pause: ${Math.round(sum(counts) / seconds)}/s taken`
  },
  idle: async () => {
    const sockets: Socket[] = []
    for (let i = 0; i < 1000; i++) sockets.push(await client(`idle-${i}`, i))
    await pause(Math.max(0, end - performance.now()))
    return `1000 connections that say nothing; ${sockets.filter(({ destroyed }) => !destroyed).length} stand`
  },
  connects: async () => {
    let [tried, let_in, i] = [0, 0, 0]
    const began = performance.now()
    while (goesOn()) {
      const due = ((performance.now() - began) / 1000) * 5000
      for (; tried < due && tried - i < 500; tried++) {
        const socket = dial(mqtt, tried)
        socket.write(packets.connect(`c${tried}`))
        socket.once('data', () => {
          let_in += 1
          socket.resetAndDestroy()
        })
        socket.once('close', () => (i += 1))
      }
      await pause(1)
    }
    return `${Math.round(tried / seconds)} attempts/s from ${addresses.length} addresses, ${Math.round(let_in / seconds)}/s let in`
  },
  retained: async () => {
    const socket = await client('retainer')
    const sent = await pour(socket, (i) => packets.publish(`retained/${i}`, 'xxxxxxxxxx', { retain: true }), 1_000_000)
    // What the gateway has not read yet.
    await pause(1000)
    return `${sent.toLocaleString('en')} of 1,000,000 retained topics in the time`
  },
  everything: async () => {
    const sockets = await Promise.all(Array.from({ length: 20 }, async (_, i) => await client(`everything-${i}`, i)))
    let bytes = 0
    for (const socket of sockets) {
      socket.on('data', (chunk) => (bytes += chunk.length))
      socket.write(packets.subscribe(1, ['#', 1]))
    }
    await pause(Math.max(0, end - performance.now()))
    return `20 that subscribe to # with all that is retained: ${Math.round(bytes / 1_048_576)} MiB sent`
  },
  topics: async () => {
    const huge = 'x'.repeat(65_000)
    const deep = Array.from({ length: 99 }, () => 'd').join('/')
    const deeper = 'd/'.repeat(30_000)
    let cut = 0
    for (let i = 0; goesOn(); i++) {
      const socket = await client(`topics-${i}`, i)
      const filters = Array.from({ length: 100 }, (_, j): [string, number] => [`${deep}/${j}/+/#`, 1])
      socket.write(
        Buffer.concat([
          packets.subscribe(1, ...filters),
          packets.publish(`${huge}${i}`, kilobyte, { retain: true }),
          packets.publish(`${deep}/${i}`, kilobyte, { retain: true }),
          packets.publish(`lab/${deep}/${i}`, kilobyte, { qos: 1 })
        ])
      )
      if (i % 2 === 0) socket.write(packets.publish(deeper, kilobyte))
      socket.write(packets.publish('big', Buffer.alloc(900_000)))
      await pause(50)
      if (socket.destroyed) cut += 1
      socket.destroy()
      if (i % 10 === 0) await pause(10)
    }
    return `topics of 65,000 B and of 100 to 30,000 levels, packets of 0.9 MB; ${cut} clients cut`
  },
  halves: async () => {
    const half = packets.connect('x'.repeat(8000)).subarray(0, 6000)
    const sockets: Socket[] = []
    for (let i = 0; goesOn(); i++) {
      for (let j = 0; j < 20 && sockets.length < 3500; j++) {
        const socket = dial(j % 4 === 0 ? http : mqtt, sockets.length)
        socket.write(j % 4 === 0 ? Buffer.from('GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: web') : half)
        sockets.push(socket)
      }
      await pause(20)
    }
    return `${sockets.length} that send half a CONNECT or half a request; ${sockets.filter(({ destroyed }) => destroyed).length} were cut by then`
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((some, more) => some + more, 0)

const run = phases[phase]
if (run === undefined) throw new Error(`no phase ${phase}`)
process.on('disconnect', () => process.exit(0))
const said = await run()
process.send?.(said, () => process.exit(0))
