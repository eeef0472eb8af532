import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TestClient } from '../support/mqtt.js'
import { folder, write } from '../process/program.js'
import { Commander, GoodClient, Sprayer, mebi, talk } from './fuzzers.js'
import type { Figures, Order, Started } from './host.js'

/** Datagrams per UDP server, and command payloads, in all. */
const count = Number(process.env['LABGATE_FUZZ_COUNT'] ?? 15_000)

/** Growth that is no leak: caches, compiled code, a heap that breathes. */
const margin = 64 << 20

const seed = Number(process.env['LABGATE_FUZZ_SEED'] ?? Date.now() % 2 ** 32)

const config = `
broker: { tcp: { port: 0 } }
devices:
  sink: { codenames: { a: { schema: { type: number } }, number: { maxAge: 2 }, greeting: {} } }
  native:
    codenames:
      valve: { settable: true, timeout: 1, schema: { type: boolean } }
      text: { settable: true, timeout: 1, schema: { type: string, maxLength: 100 } }
      any: { settable: true, timeout: 1 }
      run: { callable: { timeout: 1 } }
adapters:
  - id: simulated
    type: simulator
    instruments: { furnace: { model: furnace }, laser: { model: laser }, chamber: { model: pressure-gauge }, balance: { model: balance } }
  - { id: date, type: data-pull-server, port: 0, name: date of sink, device: sink }
  - { id: data, type: data-pull-server, port: 0, name: data of furnace, kind: data, unset: [0, 0], channels: { a: furnace/temperature, 'x y': laser/power, '1': sink/a } }
  - { id: readings, type: data-push-server, port: 0, name: readings of sink, device: sink }
  - { id: sets, type: data-push-server, port: 0, name: sets of furnace, accept: commands, as: set, device: furnace, action: enqueue }
  - { id: direct, type: data-push-server, port: 0, name: call of furnace, accept: commands, as: { call: furnace/cool }, action: callback_direct, returnFormat: raw }
`

describe('a gateway that is sent rubbish', function () {
  // 100 000 messages to each of five sockets, and as many commands.
  this.timeout(150_000)

  let child: ChildProcess
  let started: Started
  let ended = ''
  const clients: (Sprayer | Commander | GoodClient)[] = []

  before(async () => {
    const file = write(join(folder(), 'fuzz.yaml'), config)
    child = fork(fileURLToPath(new URL('host.js', import.meta.url)), [file], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    child.once('exit', (code, signal) => (ended = `the gateway ended: ${code ?? signal}`))
    started = await said<Started>()
    console.log(`    seed ${seed} (LABGATE_FUZZ_SEED=${seed} repeats it)`)
  })

  after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    for (const client of clients) await client.close()
  })

  async function tell<T>(order: Order): Promise<T> {
    const answer = said<T>()
    child.send(order)
    return await answer
  }

  async function said<T>(): Promise<T> {
    const over = once(child, 'exit').then(() => {
      throw new Error(ended)
    })
    const [message] = (await Promise.race([once(child, 'message'), over])) as [T]
    over.catch(() => {})
    return message
  }

  it('answers everybody else, logs no error, loses and leaks nothing', async () => {
    const talks = { pull: talk('pull'), push: talk('push') }
    assert.ok(talks.pull.length > 70 && talks.push.length > 100, `${talks.pull.length} and ${talks.push.length} texts`)
    const names = [
      ['date', 'date of sink', 'pull'],
      ['data', 'data of furnace', 'pull'],
      ['readings', 'RET#readings of sink', 'push'],
      ['sets', 'RET#sets of furnace', 'push'],
      ['direct', 'RET#call of furnace', 'push']
    ] as const
    const sprayers = names.map(
      ([instance, name, kind], i) => new Sprayer(instance, name, started.ports[instance] as number, talks[kind], seed + i)
    )
    const commander = new Commander(started.mqtt, seed + 99)
    const good = new GoodClient(started.mqtt)
    clients.push(...sprayers, commander, good)
    for (const client of clients) await client.open()
    const began = performance.now()

    const half = async (): Promise<Figures> => {
      await Promise.all([...sprayers.map((sprayer) => sprayer.spray(count / 2)), commander.send(count / 2)])
      return await tell<Figures>('figures')
    }
    const first = await half()
    const second = await half()
    await good.finish()
    assert.ok(commander.connected)
    const counters = await received()
    for (const { report } of clients) console.log(`      ${report}`)
    const memory = `${mebi(first.rss)} after one half, ${mebi(second.rss)} after the other (heap ${mebi(first.heap)}, ${mebi(second.heap)})`
    console.log(`      memory: ${memory}; ${second.warnings} warnings logged; ${((performance.now() - began) / 1000).toFixed(1)} s`)
    for (const { instance, sent, asked, port } of sprayers)
      assert.equal(counters[instance]?.['received'], sent + asked, `${instance}: ${dropped(port)} datagrams dropped by the kernel`)
    assert.equal(ended, '')
    assert.deepEqual(second.errors, [])
    assert.ok(second.rss < first.rss + margin, `resident memory went from ${mebi(first.rss)} to ${mebi(second.rss)}`)
    assert.ok(second.heap < first.heap + margin / 2, `the heap went from ${mebi(first.heap)} to ${mebi(second.heap)}`)
    child.send('stop' satisfies Order)
    const [code] = (await once(child, 'exit')) as [number | null]
    assert.equal(code, 0)
  })

  /** What the gateway itself says that it received. */
  async function received(): Promise<Record<string, Record<string, number>>> {
    const client = await TestClient.connect(started.mqtt)
    await client.subscribe('lab/gateway/counters')
    await tell('advance')
    const fresh = await client.nextJson(({ topic, retain }) => topic === 'lab/gateway/counters' && !retain)
    const { value } = fresh as { value: Record<string, Record<string, number>> }
    await client.close()
    return value
  }

  function dropped(port: number): string {
    if (!existsSync('/proc/net/udp')) return 'unknown'
    const hex = port.toString(16).toUpperCase().padStart(4, '0')
    const line = readFileSync('/proc/net/udp', 'utf8')
      .split('\n')
      .find((each) => each.includes(`:${hex} `))
    return line?.trim().split(/\s+/).at(-1) ?? 'unknown'
  }
})
