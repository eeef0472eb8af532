import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folder, write } from '../process/program.js'
import { RawClient } from '../support/raw-mqtt.js'
import { GoodClient, mebi } from './fuzzers.js'
import type { Figures, Order, Started } from './host.js'
import { conversation } from './mqtt-mutants.js'
import { Random } from './random.js'

/** Mutated packets in all. A million on every listener: see listeners-fuzz.test.ts. */
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
      const said = conversation(random, name, 12)
      sent += said.length
      await new Promise<void>((resolve) => {
        const socket = connect(started.mqtt, '127.0.0.1')
        socket.on('error', () => {})
        socket.once('close', () => resolve())
        socket.resume()
        socket.end(Buffer.concat(said))
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
