import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { Program, folder, main, write } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { UdpClient } from '../support/udp.js'

/** What the program may have open: few, as on an old system that nobody has tuned. */
const descriptors = 200

/** Connections that somebody opens. */
const many = 500

/** Ticks of the system's clock in a second, as /proc tells them. */
const ticks = 100

describe('a gateway that has few file descriptors', function () {
  this.timeout(60_000)

  let program: Program
  const sockets: Socket[] = []
  const clients: TestClient[] = []
  const udp = new UdpClient()

  after(async () => {
    for (const socket of sockets) socket.destroy()
    for (const client of clients) await client.vanish().catch(() => undefined)
    await udp.close()
    await program.gone()
  })

  /** With prlimit of util-linux, or by a shell. */
  function begin(args: readonly string[]): Program {
    const command = [process.execPath, main, ...args]
    if (spawnSync('prlimit', ['--version']).status === 0) return new Program('prlimit', [`--nofile=${descriptors}`, ...command])
    return new Program('bash', ['-c', `ulimit -n ${descriptors}; exec "$@"`, 'bash', ...command])
  }

  async function portOf(pattern: RegExp): Promise<number> {
    const line = JSON.parse((await program.says(new RegExp(`^.*${pattern.source}.*$`, 'm')))[0]) as { port: number }
    return line.port
  }

  /** Seconds of processor that it has used. */
  function used(): number {
    const fields = readFileSync(`/proc/${program.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / ticks
  }

  async function flood(port: number, count: number): Promise<{ closed: () => number }> {
    let closed = 0
    const tried = Array.from({ length: count }, async () => {
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      socket.on('error', () => {})
      socket.once('close', () => (closed += 1))
      await Promise.race([once(socket, 'connect'), once(socket, 'close')])
    })
    await Promise.all(tried)
    return { closed: () => closed }
  }

  it('sends away those that are too many, counts them, and goes on for all others, on disk too', async () => {
    const files = folder()
    const config = `
gateway: { data: ${join(files, 'data')} }
broker: { tcp: { port: 0 }, limits: { connectTime: 5 } }
http: { port: 0 }
devices: { d: { codenames: { a: { schema: { type: number } } } } }
adapters:
  - { id: pull, type: data-pull-server, port: 0, device: d }
  - { id: page, type: http-routes-server, port: 0, device: d, maxConnections: 1000, routes: { /a: { read: a } } }
`
    program = begin(['start', '--config', write(join(files, 'few.yaml'), config), '--log-format', 'json'])
    const mqtt = await portOf(/"listener":"mqtt"/)
    const pull = await portOf(/"instance":"pull"/)
    const page = await portOf(/"instance":"page"/)
    await program.says(/"ready"/)
    assert.match(program.stdout, /"descriptors":200,"maxConnections":118,"msg":"there are too few file descriptors/)
    const client = await TestClient.connect(mqtt, { clientId: 'was-there', keepalive: 600 })
    clients.push(client)
    await client.subscribe('lab/d/a', 'lab/gateway/limits', 'lab/gateway/counters')
    const own = spawnSync('bash', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout.trim()
    assert.ok(own === 'unlimited' || Number(own) > 2 * many, `this test needs descriptors of its own: ${own}`)

    const flooded = await flood(mqtt, many)
    const pages = await flood(page, many)
    await until(() => flooded.closed() >= many - 118 && pages.closed() > many / 2, 5000)
    const open = readdirSync(`/proc/${program.pid}/fd`).length
    assert.ok(open < descriptors - 20, `${open} of ${descriptors} descriptors are open`)
    // Readings, their way to disk with PUBACK, and questions of old clients go on.
    const before = used()
    const began = performance.now()
    for (let i = 0; i < 200; i += 1) await client.publish('lab/d/a', String(i), { retain: i % 10 === 0 })
    assert.match(await udp.ask(pull, 'a#json'), /, 199/)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const busy = (used() - before) / ((performance.now() - began) / 1000)
    assert.ok(busy < 0.7, `${(busy * 100).toFixed(0)} % of a processor`)
    assert.ok(existsSync(join(files, 'data')))
    assert.equal((program.stdout.match(/too few file descriptors are left/g) ?? []).length + countOf('maxConnections'), 2)

    // When they have gone there is place again.
    for (const socket of sockets) socket.destroy()
    const late = await again(mqtt)
    clients.push(late)
    await late.subscribe('lab/d/a')
    await client.publish('lab/d/a', '1000')
    await client.next(({ topic, text }) => topic === 'lab/d/a' && text.includes('1000'))
    // Told every ten seconds.
    await until(() => counted(client) >= many - 118, 15_000)
    assert.doesNotMatch(program.stdout, /"level":50/)
    program.kill('SIGTERM')
    assert.equal((await program.ended()).code, 0)
  })

  function countOf(limit: string): number {
    return (program.stdout.match(new RegExp(`a connection was closed: there are too many .*${limit}`, 'g')) ?? []).length
  }

  /** As the gateway tells it. */
  function counted(client: TestClient): number {
    const told = client.left.filter(({ topic }) => topic === 'lab/gateway/limits').at(-1)
    return told === undefined ? 0 : (JSON.parse(told.text) as { value: { maxConnections: number } }).value.maxConnections
  }

  async function until(holds: () => boolean, patience: number): Promise<void> {
    for (let waited = 0; !holds(); waited += 20) {
      if (waited > patience) throw new Error('it does not come')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async function again(port: number): Promise<TestClient> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await TestClient.connect(port)
      } catch (error) {
        if (tries > 20) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
})
