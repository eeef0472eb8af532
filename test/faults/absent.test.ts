import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adapterTypes } from '../../adapters/index.js'
import { checkConfig } from '../../gateway/config.js'
import { folder, write } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { mebi } from './fuzzers.js'
import type { Figures, Order, Started } from './host.js'

/** Messages to the absent session; of 1 kB each, the limits that are set by default keep some 32,000. */
const count = Number(process.env['LABGATE_ABSENT'] ?? 50_000)

/** Messages that the publisher has unacknowledged at most. */
const underway = 200

/** No limits: those that are the default are examined. */
const config = 'broker: { tcp: { port: 0 } }\n'
const { limits } = checkConfig(config, { file: 'absent.yaml', types: adapterTypes, env: {} }).config.broker

const topic = 'q/absent'
const message = (number: number): string => `${number} `.padEnd(1024, 'x')
const size = topic.length + message(0).length

/** Resolves when all is acknowledged. */
async function publishAll(port: number): Promise<void> {
  const client = await RawClient.connect(port, 'publisher')
  let [sent, acknowledged] = [0, 0]
  await new Promise<void>((resolve) => {
    const more = (): void => {
      const bytes: Buffer[] = []
      for (; sent < count && sent - acknowledged < underway; sent += 1)
        bytes.push(packets.publish(topic, message(sent), { qos: 1, id: (sent % 65_000) + 1 }))
      if (bytes.length > 0) client.send(...bytes)
      if (acknowledged === count) resolve()
    }
    client.onPuback = () => {
      acknowledged += 1
      more()
    }
    more()
  })
  await client.settled()
  client.close()
}

/** The session returns: the numbers of what it gets, in the order in which they come. */
async function back(port: number, kept: number): Promise<number[]> {
  const client = RawClient.open(port, 'absent', { clean: false })
  const numbers: number[] = []
  await new Promise<void>((resolve) => {
    client.onPublish = ({ text, id }) => {
      numbers.push(Number.parseInt(text))
      if (id !== undefined) client.send(packets.puback(id))
      if (numbers.length >= kept) resolve()
    }
  })
  // Nothing comes after them.
  await client.settled()
  client.close()
  return numbers
}

describe('an absent session', function () {
  this.timeout(30_000 + count)

  let child: ChildProcess
  let port: number
  const clients: TestClient[] = []

  beforeEach(async () => {
    const file = write(join(folder(), 'absent.yaml'), config)
    child = fork(fileURLToPath(new URL('host.js', import.meta.url)), [file], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    const [started] = (await once(child, 'message')) as [Started]
    port = started.mqtt
  })

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.vanish()))
    if (child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  })

  async function tell(order: Order): Promise<unknown> {
    child.send(order)
    const [answer] = (await once(child, 'message')) as [unknown]
    return answer
  }

  async function connect(clientId: string, clean: boolean): Promise<TestClient> {
    const client = await TestClient.connect(port, { clientId, clean })
    clients.push(client)
    return client
  }

  it(`keeps the oldest of ${count} messages of 1 kB, as many as its limits say; the rest is counted and announced`, async () => {
    const absent = await connect('absent', false)
    await absent.subscribe('q/#')
    await absent.close()
    const before = (await tell('figures')) as Figures
    const began = performance.now()
    await publishAll(port)
    const seconds = (performance.now() - began) / 1000
    const full = (await tell('figures')) as Figures

    await tell('advance')
    const watcher = await connect('watcher', true)
    const announced = new Map(
      (await watcher.retained('lab/gateway/limits', 'lab/gateway/absent_clients')).map(({ topic: at, text }) => [
        at,
        (JSON.parse(text) as { value: Record<string, number> }).value
      ])
    )
    const dropped = announced.get('lab/gateway/limits')?.['maxQueued'] ?? 0
    assert.deepEqual(announced.get('lab/gateway/absent_clients'), dropped > 0 ? { absent: dropped } : {})

    const kept = count - dropped
    const most = Math.min(limits.maxQueued, Math.floor(limits.maxQueuedBytes / size))
    assert.equal(kept, Math.min(count, most))
    const numbers = await back(port, kept)
    assert.equal(numbers.length, kept)
    assert.ok(
      numbers.every((number, place) => number === place),
      'the oldest, in order'
    )
    const empty = (await tell('figures')) as Figures
    assert.deepEqual(empty.errors, [])
    console.log(`      ${count} messages in ${seconds.toFixed(1)} s: ${kept} kept (${mebi(kept * size)}), ${dropped} dropped`)
    console.log(
      `      memory ${mebi(before.rss)}, full ${mebi(full.rss)}, after the return ${mebi(empty.rss)} (heap ${mebi(before.heap)}, ${mebi(full.heap)}, ${mebi(empty.heap)})`
    )
  })
})
