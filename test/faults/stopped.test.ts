import assert from 'node:assert/strict'
import { Crashing } from '../process/crashing.js'
import { TestClient } from '../support/mqtt.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { UdpClient } from '../support/udp.js'

/** Seconds for which the process stands still, and for which a slow computer is played. */
const [standing, slowFor] = [4, Number(process.env['LABGATE_SLOW_SECONDS'] ?? 4)]

/** Seconds; a client is silent for one and a half of it at most, so the process stands still for longer. */
const keepalive = 2

const ping = Buffer.from([0xc0, 0])

const laboratory = `
devices:
  pushed: { codenames: { x: {} } }
  native: { codenames: { level: { maxAge: 1 }, valve: { settable: true, timeout: 30 } } }
adapters:
  - { id: push, type: data-push-server, port: 0, device: pushed }
  - { id: instruments, type: simulator, instruments: { oven: { model: furnace, period: 0.2 } } }
`

/** Publishes numbers one after the other, so many unacknowledged at most, until told to end. */
class Publisher {
  readonly #client: RawClient
  readonly topic: string
  acked = 0
  #sent = 0
  #isEnding = false

  constructor(client: RawClient, topic: string) {
    this.#client = client
    this.topic = topic
    client.onPuback = () => {
      this.acked += 1
      this.#more()
    }
    this.#more()
  }

  async end(): Promise<void> {
    this.#isEnding = true
    while (this.acked < this.#sent) await pause(5)
  }

  #more(): void {
    for (; !this.#isEnding && this.#sent - this.acked < 20; this.#sent += 1)
      this.#client.send(packets.publish(this.topic, String(this.#sent), { qos: 1, id: (this.#sent % 65_000) + 1 }))
  }
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}

describe('a process that does not get its time', function () {
  this.timeout(60_000)
  let gateway: Crashing
  const raw: RawClient[] = []
  const clients: TestClient[] = []
  let udp: UdpClient
  let pinging: NodeJS.Timeout

  beforeEach(async () => {
    gateway = new Crashing('fast', laboratory)
    udp = new UdpClient()
    await gateway.start()
  })

  afterEach(async () => {
    clearInterval(pinging)
    for (const client of raw.splice(0)) client.close()
    await Promise.all(clients.splice(0).map((client) => client.vanish()))
    await udp.close()
    gateway.program?.kill('SIGCONT')
    await gateway.program?.gone()
  })

  async function rawClient(
    id: string,
    options: { keepalive?: number; will?: { topic: string; payload: string } } = {}
  ): Promise<RawClient> {
    const client = await RawClient.connect(gateway.port, id, options)
    raw.push(client)
    return client
  }

  async function client(options = {}): Promise<TestClient> {
    const made = await TestClient.connect(gateway.port, options)
    clients.push(made)
    return made
  }

  /** Everything from here on, with a session that is there, and one that is not. */
  async function underLoad(): Promise<{ watcher: TestClient; publishers: Publisher[] }> {
    const absent = await client({ clientId: 'absent', clean: false })
    await absent.subscribe('q/+')
    await absent.close()
    const watcher = await client()
    await watcher.subscribe('lab/native/+', 'lab/native/valve/+', 'lab/oven/+', 'lab/oven/setpoint/reply', 'wills/+')
    const publishers: Publisher[] = []
    for (let i = 0; i < 3; i++) publishers.push(new Publisher(await rawClient(`publisher-${i}`), `q/${i}`))
    return { watcher, publishers }
  }

  /** The absent session gets all, in order. */
  async function nothingLost(publishers: readonly Publisher[]): Promise<number> {
    await Promise.all(publishers.map((publisher) => publisher.end()))
    const back = await client({ clientId: 'absent', clean: false })
    await back.publish('q/end', 'end')
    while (!back.left.some(({ topic }) => topic === 'q/end')) await pause(20)
    let total = 0
    for (const { topic, acked } of publishers) {
      const texts = back.left.flatMap((message) => (message.topic === topic ? [message.text] : []))
      assert.deepEqual(
        texts,
        Array.from({ length: acked }, (_, i) => String(i))
      )
      total += acked
    }
    return total
  }

  it(`as one that is stopped for ${standing} s: readings are told as old, commands are answered, nobody who is there is cut, nothing is lost`, async () => {
    const { watcher, publishers } = await underLoad()
    const lively = await rawClient('lively', { keepalive, will: { topic: 'wills/lively', payload: 'gone' } })
    pinging = setInterval(() => lively.send(ping), 300)
    const native = await client()
    await native.subscribe('lab/native/valve/set')
    await native.publish('lab/native/level', '1')
    await watcher.next(({ topic, text }) => topic === 'lab/native/level' && text.includes('"good"'))
    await watcher.publish('lab/native/valve/set', { id: 'before', value: 1 })
    const { text } = await native.next('lab/native/valve/set')

    gateway.program?.kill('SIGSTOP')
    // All of it waits in the sockets.
    const asked = watcher.publish('lab/oven/setpoint/set', { id: 'during', value: 100 })
    const answered = native.publish('lab/native/valve/reply', { id: (JSON.parse(text) as { id: string }).id, phase: 'done', value: 1 })
    const pushed = udp.ask(gateway.pushPort, 'json_wn#{"x": 7}', standing * 1000 + 5000)
    await pause(standing * 1000)
    watcher.drop()
    gateway.program?.kill('SIGCONT')

    await Promise.all([asked, answered])
    assert.equal(await pushed, "ACK#{'x': 7}")
    const reply = await watcher.nextJson(
      ({ topic, text: said }) => topic === 'lab/native/valve/reply' && said.includes('"before"') && !said.includes('accepted')
    )
    assert.equal(reply['phase'], 'done')
    const during = await watcher.nextJson(({ topic, text: said }) => topic === 'lab/oven/setpoint/reply' && !said.includes('accepted'))
    assert.deepEqual([during['id'], during['phase']], ['during', 'done'])
    const old = await watcher.nextJson(({ topic, text: said }) => topic === 'lab/native/level' && said.includes('"stale"'))
    assert.equal(old['value'], 1)
    await watcher.next(({ topic, text: said }) => topic === 'lab/oven/temperature' && said.includes('"good"'))
    await lively.settled()
    assert.equal(lively.socket.destroyed, false)
    await watcher.settled()
    assert.ok(!watcher.left.some(({ topic }) => topic === 'wills/lively'))
    console.log(`      ${await nothingLost(publishers)} acknowledged, 0 lost`)
  })

  it('as on a computer of a quarter of its speed: readings flow, answers come, nothing is lost', async () => {
    const { watcher, publishers } = await underLoad()
    let isOver = false
    const slow = (async () => {
      while (!isOver) {
        gateway.program?.kill('SIGSTOP')
        await pause(30)
        gateway.program?.kill('SIGCONT')
        await pause(10)
      }
    })()
    const end = performance.now() + slowFor * 1000
    const [times, answers]: [number[], number[]] = [[], []]
    try {
      for (let i = 0; performance.now() < end; i++) {
        const began = performance.now()
        assert.equal(await udp.ask(gateway.pushPort, `json_wn#{"x": ${i}}`, 5000), `ACK#{'x': ${i}}`)
        times.push(performance.now() - began)
        const asked = performance.now()
        await watcher.publish('lab/oven/setpoint/set', { id: `slow-${i}`, value: i })
        const reply = await watcher.nextJson(
          ({ topic, text }) => topic === 'lab/oven/setpoint/reply' && text.includes(`"slow-${i}"`) && !text.includes('accepted')
        )
        assert.equal(reply['phase'], 'done')
        answers.push(performance.now() - asked)
      }
    } finally {
      isOver = true
      await slow
    }
    const readings = watcher.left.filter(({ topic, text }) => topic === 'lab/oven/temperature' && text.includes('"good"'))
    // Five a second when it has its time.
    assert.ok(readings.length >= slowFor, `${readings.length} readings`)
    assert.ok(!watcher.left.some(({ topic, text }) => topic === 'lab/oven' && !text.includes('"online"')))
    const worst = (all: readonly number[]): string => all.reduce((a, b) => Math.max(a, b), 0).toFixed(0)
    console.log(
      `      ${times.length} pushes (${worst(times)} ms at most) and commands (${worst(answers)} ms), ${readings.length} readings`
    )
    console.log(`      ${await nothingLost(publishers)} acknowledged, 0 lost`)
  })
})
