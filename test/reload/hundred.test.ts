import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReloadLab, quiet } from '../support/reload-lab.js'
import { UdpClient } from '../support/udp.js'
import { until } from '../support/until.js'

/** An old pull socket whose one value counts the questions: a reading that is missing shows. */
class Counter {
  readonly #socket: Socket
  asked = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (_question, { port, address }) => {
      this.asked += 1
      socket.send(JSON.stringify({ count: [Date.now() / 1000, this.asked] }), port, address)
    })
  }

  static async open(): Promise<Counter> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Counter(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  close(): void {
    this.#socket.close()
  }
}

const size = 100
const period = 0.25

describe('a reload of 1 of 100 devices', function () {
  this.timeout(60_000)
  const lab = new ReloadLab()
  let counters: Counter[] = []

  after(async () => {
    await lab.stop()
    for (const counter of counters) counter.close()
  })

  /** `form`: of the one that changes. */
  const text = (form: string): string =>
    [
      `${quiet}devices:`,
      ...counters.map((_, n) => `  d${n}: { codenames: { count: { ${n === 42 ? form : 'schema: { type: integer }'} } } }`),
      'adapters:',
      ...counters.map(
        ({ port }, n) =>
          `  - { id: i${n}, type: data-pull-client, device: d${n}, period: ${period}, timeout: 5, target: { host: 127.0.0.1, port: ${port} } }`
      ),
      '  - { id: page, type: data-pull-server, port: 0, device: d1 }',
      ''
    ].join('\n')

  it('leaves no gap in the readings of the others, closes no socket, and lets go no subscriber', async () => {
    counters = await Promise.all(Array.from({ length: size }, async () => await Counter.open()))
    const simple = 'schema: { type: integer }'
    await lab.begin(text(simple))
    const values = counters.map((): number[] => [])
    let drops = 0
    const subscriber = await lab.connect()
    subscriber.client.on('close', () => (drops += 1))
    subscriber.client.on('message', (topic, payload) => {
      const found = /^lab\/d(\d+)\/count$/.exec(topic)
      if (found === null || payload.length === 0) return
      const { value, quality } = JSON.parse(payload.toString()) as { value: number; quality: string }
      const n = Number(found[1])
      // One that has become stale is told a second time.
      if (n !== 42 || quality === 'good') values[n]?.push(value)
    })
    await subscriber.subscribe('lab/+/count')
    const rounds = async (more: number): Promise<void> => {
      const begun = values.map(({ length }) => length)
      await until(() => values.every(({ length }, n) => length >= (begun[n] as number) + more), 'a device has stopped')
    }
    await rounds(2)

    // An old client that asks again and again meanwhile.
    const oldClient = new UdpClient()
    const endpoint = lab.gateway.endpoint('page')
    const page = endpoint?.port ?? 0
    let [asking, answers] = [true, 0]
    const asked = (async () => {
      while (asking) {
        assert.match(await oldClient.ask(page, 'count#raw'), /^[\d.]+,\d+$/)
        answers += 1
        await sleep(2)
      }
    })()

    const seconds: number[] = []
    for (const form of [`${simple}, settable: true`, `unit: "1", ${simple}`, simple]) {
      lab.write(text(form))
      const report = await lab.gateway.reload('call')
      assert.equal(report.result, 'applied')
      assert.deepEqual(report.applied.includes('instances that start anew: i42 (d42/count is another)'), false)
      seconds.push(report.seconds)
      await rounds(1)
    }
    asking = false
    await asked
    await oldClient.close()

    for (const [n, its] of values.entries()) {
      if (n === 42) continue
      const first = its[0] as number
      assert.deepEqual(
        its,
        its.map((_, at) => first + at),
        `d${n}`
      )
    }
    assert.deepEqual(lab.gateway.endpoint('page'), { ...endpoint, lastActivity: lab.gateway.endpoint('page')?.lastActivity })
    assert.equal(drops, 0)
    const told = seconds.map((each) => `${Math.round(each * 1000)} ms`).join(', ')
    console.log(`      reload of 1 of ${size} devices: ${told}; ${answers} answers to an old client meanwhile`)
  })

  it('clears the one that goes, and leaves the others', async () => {
    lab.write(
      text('')
        .replace('  d42: { codenames: { count: {  } } }\n', '')
        .replace(/ {2}- \{ id: i42,.*\n/, '')
    )
    const { applied } = await lab.gateway.reload('call')
    assert.deepEqual(applied, ['instances that stop: i42', 'devices that go: d42', 'topics that vanish: lab/d42/count'])
    const left = [...(await lab.retained('lab/#')).keys()]
    assert.deepEqual(
      left.filter((topic) => topic.includes('d42')),
      []
    )
    // A reading that comes in this moment stands in place of the one that is retained.
    assert.equal(left.filter((topic) => /^lab\/d\d+\/count\/meta$/.test(topic)).length, size - 1)
    assert.equal([...(await lab.retained('lab/+')).keys()].filter((topic) => topic.startsWith('lab/d')).length, size - 1)
  })
})
