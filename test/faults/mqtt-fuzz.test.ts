import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folder, write } from '../process/program.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { GoodClient, mebi } from './fuzzers.js'
import type { Figures, Order, Started } from './host.js'
import { Random } from './random.js'

/** Mutated packets in all. A release wants a million. */
const count = Number(process.env['LABGATE_MQTT_FUZZ'] ?? 40_000)

const seed = Number(process.env['LABGATE_FUZZ_SEED'] ?? Date.now() % 2 ** 32)

/** Growth that is no leak: caches, compiled code, a heap that breathes. */
const margin = 64 << 20

/** Connections at once. */
const workers = 16

const config = `
broker: { tcp: { port: 0 }, limits: { maxConnectRate: 1000000, maxUndeclared: 50, maxRetained: 2000 } }
adapters:
  - { id: simulated, type: simulator, instruments: { chamber: { model: pressure-gauge } } }
`

const words = [
  '#',
  '+',
  '/',
  '\0',
  '$SYS/',
  '$share/g/',
  'MQTT',
  'MQIsdp',
  '\u0000\u0004',
  'é',
  '\ud800',
  'a/'.repeat(120),
  'x'.repeat(300),
  '__proto__',
  'constructor'
]

/** What decent clients send. */
const decent = [
  packets.publish('a/b', 'payload'),
  packets.publish('lab/fuzz/a', '{"value": 1}', { qos: 1, id: 7 }),
  packets.publish('lab/fuzz', 'offline', { qos: 1, id: 8, retain: true }),
  packets.publish('a/c', 'x', { qos: 2, id: 9 }),
  packets.publish('a/r', 'kept', { retain: true }),
  packets.publish('lab/chamber/pressure/get', '{}', { qos: 1, id: 10 }),
  packets.puback(7),
  packets.pubrec(9),
  packets.pubrel(9),
  packets.pubcomp(9),
  packets.subscribe(3, ['a/#', 0], ['+/b', 1], ['lab/fuzz/+', 2]),
  Buffer.from([0xa2, 7, 0, 4, 0, 3, 0x61, 0x2f, 0x23]),
  Buffer.from([0xc0, 0]),
  Buffer.from([0xe0, 0])
]

const hellos = [packets.connect('fuzz'), packets.connect('fuzz-will', { will: { topic: 'a/w', payload: 'gone', qos: 1 } })]

/** Writes the right length before a body that was mutated: so it comes further than the framing. */
function framed(first: number, body: Buffer): Buffer {
  const length: number[] = []
  let left = body.length
  do {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
    left >>= 7
  } while (left > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

function mutated(random: Random, from: readonly Buffer[]): Buffer {
  const packet = random.pick(from)
  if (random.chance(0.3)) return random.mutate(packet, words, decent)
  const body = random.mutate(packet.subarray(2), words, decent)
  return framed(packet[0] as number, body.length > 100_000 ? body.subarray(0, 100_000) : body)
}

describe('a gateway that is sent mutated MQTT', function () {
  this.timeout(60_000 + count)

  let child: ChildProcess
  let started: Started
  let ended = ''
  let good: GoodClient

  before(async () => {
    const file = write(join(folder(), 'mqtt-fuzz.yaml'), config)
    child = fork(fileURLToPath(new URL('host.js', import.meta.url)), [file], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    child.once('exit', (code, signal) => (ended = `the gateway ended: ${code ?? signal}`))
    ;[started] = (await once(child, 'message')) as [Started]
    good = new GoodClient(started.mqtt)
    await good.open()
    console.log(`    seed ${seed} (LABGATE_FUZZ_SEED=${seed} repeats it)`)
  })

  after(async () => {
    await good.close()
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  })

  /** One connection after another until so many packets were sent. */
  async function work(random: Random, packetsToSend: number, name: string): Promise<number> {
    let connections = 0
    for (let sent = 0; sent < packetsToSend && ended === ''; connections += 1) {
      const hello = random.chance(0.1) ? mutated(random, hellos) : random.chance(0.5) ? random.pick(hellos) : packets.connect(name)
      const rest = Array.from({ length: 1 + random.below(12) }, () => (random.chance(0.15) ? random.pick(decent) : mutated(random, decent)))
      sent += rest.length + 1
      await new Promise<void>((resolve) => {
        const socket = connect(started.mqtt, '127.0.0.1')
        socket.on('error', () => {})
        socket.once('close', () => resolve())
        socket.resume()
        socket.end(Buffer.concat([hello, ...rest]))
      })
    }
    return connections
  }

  async function figures(): Promise<Figures> {
    child.send('figures' satisfies Order)
    const [message] = (await once(child, 'message')) as [Figures]
    return message
  }

  it('serves a good client all the while, logs no error and leaks nothing', async () => {
    const began = performance.now()
    const half = async (turn: number): Promise<number> => {
      const share = Math.ceil(count / 2 / workers)
      const made = await Promise.all(Array.from({ length: workers }, (_, i) => work(new Random(seed + turn * 100 + i), share, `fuzz-${i}`)))
      return made.reduce((sum, connections) => sum + connections, 0)
    }
    const one = await half(0)
    const first = await figures()
    const two = await half(1)
    const second = await figures()
    await good.finish()
    const took = (performance.now() - began) / 1000
    console.log(`      ${count} packets in ${one + two} connections in ${took.toFixed(1)} s; ${good.report}`)
    console.log(`      memory: ${mebi(first.rss)}, then ${mebi(second.rss)} (heap ${mebi(first.heap)}, ${mebi(second.heap)})`)
    assert.equal(ended, '')
    assert.deepEqual(second.errors, [])
    assert.ok(second.heap < first.heap + margin / 2, `the heap went from ${mebi(first.heap)} to ${mebi(second.heap)}`)
    assert.ok(second.rss < first.rss + margin, `resident memory went from ${mebi(first.rss)} to ${mebi(second.rss)}`)
    const still = await RawClient.connect(started.mqtt, 'after')
    still.close()
  })
})
