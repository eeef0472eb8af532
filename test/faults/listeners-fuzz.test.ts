import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folder, write } from '../process/program.js'
import { GoodClient, talk } from './fuzzers.js'
import type { Figures, Order, Started } from './host.js'
import { overTcp, overUdp } from './listener-fuzzers.js'
import type { Decent } from './listener-fuzzers.js'
import * as mutants from './mutants.js'
import { Random } from './random.js'

/** Inputs on each listener. LABGATE_FUZZ_EACH=1000000 for a release; LABGATE_FUZZ_ONLY names some of them. */
const count = Number(process.env['LABGATE_FUZZ_EACH'] ?? 2000)
const only = process.env['LABGATE_FUZZ_ONLY']?.split(';')
const seed = Number(process.env['LABGATE_FUZZ_SEED'] ?? Date.now() % 2 ** 32)

/** Inputs of the same kind before memory is looked at: what is bounded has come to its bound, and code is compiled. */
const warmUp = Math.min(Math.max(count / 10, 1500), 60_000)

/** Bytes by which the heap may differ. */
const margin = 5 << 20

/** Looks at the heap, a second apart or so, while something is still closing; and bytes by which two of them differ when nothing is. */
const looks = 12
const steady = 100_000

const config = `
broker:
  tcp: { port: 0 }
  limits: { maxConnectRate: 1000000, maxUndeclared: 50, maxRetained: 500, maxQueued: 100, sessionExpiry: 1 }
http: { port: 0 }
devices:
  sink: { codenames: { a: { schema: { type: number } }, number: { maxAge: 2 }, greeting: {} } }
adapters:
  - { id: simulated, type: simulator, instruments: { furnace: { model: furnace }, chamber: { model: pressure-gauge } } }
  - { id: pull, type: data-pull-server, port: 0, name: pull socket, device: sink }
  - { id: push, type: data-push-server, port: 0, name: push socket, device: sink }
  - { id: sets, type: data-push-server, port: 0, name: set socket, accept: commands, as: set, device: furnace, action: enqueue }
  - { id: live, type: live-server, port: 0, web: { port: 0 }, maxChannels: 50, maxRate: 1000000 }
  - { id: sends, type: live-client, target: { host: 127.0.0.1, port: 9 }, watch: [sink], port: 0, name: sending socket }
  - { id: rig, type: rig-server, port: 0, device: stage, maxRate: 1000000, answers: { EXPSTART: { set: furnace/setpoint, value: 30 } } }
  - { id: page, type: http-routes-server, port: 0, device: furnace, routes: { /temperature: { get: temperature }, '/setpoint/<float:v>': { set: setpoint }, /cool: { call: cool } } }
  - { id: uu, type: instserver-server, port: 0 }
  - { id: class, type: ws-echo-server, port: 0, device: class, maxRate: 1000000 }
  - { id: bridge, type: ws-echo-server, port: 0, device: bridged, mode: bridge, call: furnace/cool }
`

interface Row {
  readonly listener: string
  readonly inputs: number
  readonly seconds: number
  readonly before: number
  readonly after: number
}

describe('every listener that is sent mutated input', function () {
  this.timeout(120_000 + count * 3)

  let child: ChildProcess
  let started: Started
  let ended = ''
  let good: GoodClient
  const rows: Row[] = []

  before(async () => {
    const file = write(join(folder(), 'listeners-fuzz.yaml'), config)
    child = fork(fileURLToPath(new URL('host.js', import.meta.url)), [file, 'real'], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    child.once('exit', (code, signal) => (ended = `the gateway ended: ${code ?? signal}`))
    ;[started] = (await once(child, 'message')) as [Started]
    good = new GoodClient(started.mqtt)
    await good.open()
    console.log(`    seed ${seed} (LABGATE_FUZZ_SEED=${seed} repeats it), ${count} inputs each after ${warmUp}`)
  })

  after(async () => {
    await good.close()
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    const mebi = (bytes: number): string => (bytes / 2 ** 20).toFixed(2)
    const cells = rows.map(({ listener, inputs, seconds, before: first, after: last }) => [
      listener,
      String(inputs),
      seconds.toFixed(1),
      String(Math.round(inputs / seconds)),
      mebi(first),
      mebi(last),
      mebi(last - first)
    ])
    const table = [['listener', 'inputs', 'seconds', 'inputs/s', 'heap before', 'heap after', 'grown MiB'], ...cells]
    const widths = table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? []
    for (const line of table)
      console.log(`      ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`)
  })

  async function figures(): Promise<Figures> {
    child.send('figures' satisfies Order)
    const [message] = (await once(child, 'message')) as [Figures]
    return message
  }

  /** When what was open has been closed: the least of some looks, and no more of them than needed. */
  async function heap(enough: number): Promise<number> {
    let least = Infinity
    let isSteady = false
    for (let look = 0; look < looks && ended === '' && (least > enough || !isSteady); look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500 + 100 * look))
      const { heap: now } = await figures()
      isSteady = Math.abs(now - least) < steady
      least = Math.min(least, now)
    }
    return least
  }

  const over = (): boolean => ended !== ''
  const randoms = (turn: number) => (i: number) => new Random(seed + turn * 1000 + i)
  const tcp =
    (port: () => number, make: Parameters<typeof overTcp>[1]) =>
    async (inputs: number, turn: number): Promise<number> =>
      await overTcp(port(), make, inputs, randoms(turn), over)
  const udp =
    (instance: string, list: readonly Buffer[], decent?: () => Decent) =>
    async (inputs: number, turn: number): Promise<number> => {
      const port = started.ports[instance] as number
      const own: Decent = { port, ask: () => 'name', begins: () => names[instance] as string }
      const random = new Random(seed + turn)
      return await overUdp(port, (from) => mutants.mutated(from, list), { inputs, random, decent: decent?.() ?? own, over })
    }
  const names: Record<string, string> = { pull: 'pull socket', push: 'RET#push socket', sets: 'RET#set socket', sends: 'sending socket' }
  const at = (instance: string) => () => started.ports[instance] as number

  const listeners: Record<string, (inputs: number, turn: number) => Promise<number>> = {
    'MQTT over TCP': tcp(() => started.mqtt, mutants.mqtt('fuzz-tcp')),
    'MQTT over WebSocket': tcp(() => started.http, mutants.mqttInFrames('fuzz-ws')),
    'HTTP REST': tcp(() => started.http, mutants.requests(mutants.rest)),
    'data-pull-server': udp('pull', talk('pull')),
    'data-push-server, readings': udp('push', talk('push')),
    'data-push-server, commands': udp('sets', talk('push')),
    'live-client, its socket': udp('sends', talk('pull')),
    // It answers nobody: another socket tells that what was sent before has been read.
    'live-server, hosts': udp('live', mutants.live, () => ({ port: at('pull')(), ask: () => 'name', begins: () => 'pull socket' })),
    'live-server, pages': tcp(() => started.pages, mutants.pages),
    'rig-server, UDP': udp('rig', mutants.rig, () => ({ port: at('rig')(), ask: (n) => `[99, ${n}]`, begins: (n) => `[99, ${n}]` })),
    'rig-server, TCP': tcp(at('rig'), mutants.requests(mutants.rig)),
    'http-routes-server': tcp(at('page'), mutants.requests(mutants.routes)),
    'instserver-server': tcp(at('uu'), mutants.requests(mutants.instserver)),
    'ws-echo-server': tcp(at('class'), mutants.echoes),
    'ws-echo-server, bridge': tcp(at('bridge'), mutants.echoes)
  }

  for (const [listener, send] of Object.entries(listeners).filter(([name]) => only?.includes(name) ?? true))
    it(`${listener}: nothing crashes, nothing leaks, decent clients are served`, async () => {
      let turn = 0
      await send(warmUp, (turn += 1))
      const before = await heap(Infinity)
      const began = performance.now()
      const inputs = await send(count, (turn += 1))
      const seconds = (performance.now() - began) / 1000
      const last = await heap(before + margin)
      rows.push({ listener, inputs, seconds, before, after: last })
      if (count > 10_000)
        console.log(
          `      ${listener}: ${inputs} inputs in ${seconds.toFixed(0)} s, heap ${before} then ${last}, at ${new Date().toISOString()}`
        )
      assert.equal(ended, '')
      assert.ok(inputs >= count)
      assert.deepEqual((await figures()).errors, [])
      assert.ok(last <= before + margin, `the heap went from ${before} to ${last}`)
    })

  it('still serves everybody', async () => {
    await good.finish()
    assert.ok(good.done > 0)
    const { http, ports } = started
    for (const url of [
      `http://127.0.0.1:${http}/api`,
      `http://127.0.0.1:${ports['page']}/temperature`,
      `http://127.0.0.1:${ports['uu']}/List`
    ])
      assert.equal((await fetch(url)).status, 200, url)
  })
})
