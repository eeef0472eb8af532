import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folder, write } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { UdpClient } from '../support/udp.js'
import { mebi } from './fuzzers.js'
import type { Figures, Order, Started } from './host.js'

/** Seconds of each flood. */
const seconds = Number(process.env['LABGATE_OVERLOAD_SECONDS'] ?? 3)

/** Milliseconds that nobody may be held up; the figure asked for is 250, and machines of tests are shared. */
const patience = 1500

const config = `
broker: { tcp: { port: 0 } }
devices: { sink: { codenames: { a: {} } } }
adapters:
  - { id: date, type: data-pull-server, port: 0, name: date of sink, device: sink }
  - { id: readings, type: data-push-server, port: 0, name: readings of sink, device: sink }
`

/** The longest time that a step took, over a while. */
async function slowest(until: number, step: (i: number) => Promise<unknown>): Promise<number> {
  let worst = 0
  for (let i = 0; performance.now() < until; i += 1) {
    const began = performance.now()
    await step(i)
    worst = Math.max(worst, performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return worst
}

describe('a gateway with a subscriber that does not read', function () {
  this.timeout(60_000 + seconds * 4000)

  let child: ChildProcess
  let started: Started
  const clients: TestClient[] = []
  const raw: RawClient[] = []
  const sockets: Socket[] = []
  let udp: UdpClient
  let errors: readonly string[] = []

  before(async () => {
    const file = write(join(folder(), 'overload.yaml'), config)
    child = fork(fileURLToPath(new URL('host.js', import.meta.url)), [file, 'real'], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    ;[started] = (await once(child, 'message')) as [Started]
    udp = new UdpClient()
  })

  after(async () => {
    for (const client of raw) client.close()
    for (const socket of sockets) socket.destroy()
    await Promise.all(clients.map((client) => client.vanish()))
    await udp.close()
    if (child.exitCode === null) child.kill('SIGKILL')
  })

  async function figures(): Promise<Figures> {
    child.send('figures' satisfies Order)
    const [message] = (await once(child, 'message')) as [Figures]
    return message
  }

  async function client(): Promise<TestClient> {
    const made = await TestClient.connect(started.mqtt)
    clients.push(made)
    return made
  }

  async function frozen(id: string, filter: string, qos = 0, clean = true): Promise<RawClient> {
    const made = await RawClient.connect(started.mqtt, id, { clean })
    raw.push(made)
    made.send(packets.subscribe(1, [filter, qos]))
    await made.next('suback')
    made.socket.pause()
    return made
  }

  /** What others notice of `flood`, which goes on while `going` holds. */
  async function measured(name: string, topic: string, flood: (until: number) => Promise<number>): Promise<void> {
    const before = await figures()
    const [one, other, healthy] = [await client(), await client(), await client()]
    await other.subscribe('unrelated/#')
    await healthy.client.subscribeAsync(topic, { qos: 0 })
    const until = performance.now() + seconds * 1000
    const flooding = flood(until)
    let last = performance.now()
    let gap = 0
    let seen = 0
    healthy.client.on('message', () => {
      gap = Math.max(gap, performance.now() - last)
      last = performance.now()
      seen += 1
      if (seen % 1000 === 0) healthy.drop()
    })
    const [unrelated, answer] = await Promise.all([
      slowest(until, async (i) => {
        await one.publish('unrelated/x', String(i), { qos: 0 })
        await other.next('unrelated/x')
      }),
      slowest(until, async () => await udp.ask(started.ports['date'] as number, 'name'))
    ])
    const sent = await flooding
    const after = await figures()
    const rates = `${Math.round(sent / seconds)} messages/s, a healthy subscriber got ${seen}, longest gap ${gap.toFixed(0)} ms`
    console.log(`      ${name}: ${rates}; unrelated topic ${unrelated.toFixed(0)} ms, UDP answer ${answer.toFixed(0)} ms at most`)
    console.log(`      ${name}: memory ${mebi(before.rss)}, then ${mebi(after.rss)} (heap ${mebi(before.heap)}, ${mebi(after.heap)})`)
    assert.ok(Math.max(unrelated, answer, gap) < patience)
    assert.ok(seen > 0 && after.rss - before.rss < 64 << 20)
    errors = after.errors
    assert.deepEqual(errors, [])
  }

  it('and eight that flood its topic holds up nobody', async () => {
    await frozen('frozen', 'flood/#')
    const payload = Buffer.alloc(1000, 'x')
    await measured('8 flooders', 'flood/1', async (until) => {
      const counts = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const flooder = await RawClient.connect(started.mqtt, `flooder-${i}`)
          raw.push(flooder)
          let sent = 0
          const packet = packets.publish(`flood/${i}`, payload)
          const ten = Buffer.concat(Array.from({ length: 10 }, () => packet))
          for (; performance.now() < until; sent += 10) {
            if (!flooder.socket.write(ten)) await once(flooder.socket, 'drain')
            await new Promise((resolve) => setTimeout(resolve, 5))
          }
          return sent
        })
      )
      return counts.reduce((sum, count) => sum + count, 0)
    })
  })

  it('and 2,000 readings a second from an adapter holds up nobody', async () => {
    await frozen('frozen-1', 'lab/#', 1)
    await frozen('frozen-session', 'lab/#', 1, false)
    await measured('readings', 'lab/sink/a', async (until) => {
      const pusher = new UdpClient()
      let sent = 0
      const began = performance.now()
      for (; performance.now() < until;) {
        const due = (performance.now() - began) * 2
        for (; sent < due; sent += 1) await pusher.send(started.ports['readings'] as number, `json_wn#{"a": ${sent}}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      await pusher.close()
      return sent
    })
  })

  it('takes nothing of packets that are announced too large before it knows anybody', async () => {
    const before = await figures()
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = connect(started.mqtt, '127.0.0.1')
        sockets.push(socket)
        socket.on('error', () => {})
        await once(socket, 'connect')
        const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
        socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]))
        const chunk = Buffer.alloc(1 << 20, 0x41)
        for (let sent = 0; sent < 30 && !socket.destroyed; sent += 1)
          await Promise.race([new Promise<unknown>((resolve) => socket.write(chunk, resolve)), closed])
        await closed
      })
    )
    const after = await figures()
    console.log(`      20 sockets x 30 MB before CONNECT: memory ${mebi(before.rss)}, then ${mebi(after.rss)}`)
    assert.ok(after.rss - before.rss < 10 << 20)
  })
})
