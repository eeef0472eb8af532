import assert from 'node:assert/strict'
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt'
import { Crashing } from '../process/crashing.js'
import { Program, main } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { UdpClient } from '../support/udp.js'

/** Kills in each mode; 50 for a release. */
const asked = process.env['LABGATE_KILLS']
const kills = Number(asked ?? 3)
const publishers = 20
const window = 200
const pushers = 4

/** What old clients push to by UDP. */
const pushSocket = 'devices: { pushed: { codenames: {} } }\nadapters: [{ id: push, type: data-push-server, port: 0, device: pushed }]\n'

interface Sent {
  readonly topic: string
  readonly text: string
}

/** Publishes with a window of unacknowledged messages until the connection breaks; tells what was acknowledged, in order. */
async function flood(
  client: MqttClient,
  round: number,
  topicOf: (number: number) => { topic: string; retain: boolean },
  acked: Sent[]
): Promise<void> {
  client.on('error', () => {})
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
  let number = 0
  let open = true
  void closed.then(() => (open = false))
  const more = (): void => {
    if (!open) return
    const { topic, retain } = topicOf(number)
    const text = `${round}:${number++}`
    client.publish(topic, text, { qos: 1, retain }, (error) => {
      if (error || !open) return
      acked.push({ topic, text })
      more()
    })
  }
  for (let i = 0; i < window; i++) more()
  await closed
  await client.endAsync(true)
}

/** Resolves at the first acknowledgement. */
async function acknowledged(acked: readonly Sent[], client: MqttClient): Promise<void> {
  await new Promise<void>((resolve) => {
    const look = (): void => void (acked.length > 0 && resolve())
    client.on('packetreceive', () => setImmediate(look))
  })
}

/** Pushes by UDP, one number after the other, each when the one before has its ACK#. */
class Pusher {
  readonly #udp = new UdpClient()
  readonly #port: number
  readonly #key: string
  /** The highest that was acknowledged. */
  acked = -1
  #stopped = false

  constructor(port: number, key: string) {
    this.#port = port
    this.#key = key
  }

  async run(from: number): Promise<void> {
    for (let number = from; !this.#stopped; number++) {
      const answer = await this.#udp.ask(this.#port, `raw_wn#${this.#key}:int:${number}`, 500).catch(() => '')
      if (this.#stopped || !answer.startsWith('ACK#')) return
      assert.equal(answer, `ACK#{'${this.#key}': ${number}}`)
      this.acked = number
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#udp.close()
  }
}

/** Everything queued for the session, as it returns. */
async function collect(gateway: Crashing, clientId: string, marker: string): Promise<string[]> {
  const client = await TestClient.connect(gateway.port, { clientId, clean: false })
  await client.publish(marker, 'end')
  await client.next(marker)
  const texts = client.left.map(({ topic, text }) => `${topic} ${text}`)
  await client.close()
  return texts
}

/** Every acknowledged push is in the queue of the absent session, with the time that is shown now; tells how many there were. */
function checkPushed(
  old: readonly Pusher[],
  round: number,
  got: ReadonlyMap<string, number>,
  retained: ReadonlyMap<string, string>
): number {
  let count = 0
  for (const [index, { acked }] of old.entries()) {
    const topic = `lab/pushed/k${index}`
    const times = new Map<number, string>()
    for (const text of got.keys()) {
      if (!text.startsWith(`${topic} `)) continue
      const { value, time } = JSON.parse(text.slice(topic.length)) as { value: number; time: string }
      if (!times.has(value)) times.set(value, time)
    }
    for (let number = round * 1_000_000; number <= acked; number++) assert.ok(times.has(number), `${topic} ${number} was acknowledged`)
    if (acked < 0) continue
    count += acked - round * 1_000_000 + 1
    const shown = JSON.parse(retained.get(topic) ?? '{}') as Record<string, unknown>
    assert.ok(Number(shown['value']) >= acked, `${topic} shows ${String(shown['value'])}, acknowledged ${acked}`)
    assert.deepEqual([shown['quality'], shown['source'], shown['time']], ['stale', 'restored', times.get(Number(shown['value']))])
  }
  return count
}

for (const [durability, signal, rounds] of [
  ['fast', 'SIGKILL', kills],
  ['strict', 'SIGKILL', asked === undefined ? 1 : kills],
  ['fast', 'SIGTERM', 1]
] as const) {
  describe(`${signal}, ${durability}`, function () {
    this.timeout(20_000 + rounds * 10_000)
    let gateway: Crashing
    beforeEach(() => void (gateway = new Crashing(durability, pushSocket)))
    afterEach(async () => await gateway.program?.gone())

    it(`loses nothing acknowledged: ${rounds} kills under ${publishers} publishers with a window of ${window} and ${pushers} that push by UDP`, async () => {
      await gateway.start()
      const absent = await gateway.connect('absent', false)
      await absent.subscribeAsync(['q/#', 'lab/pushed/+'], { qos: 1 })
      await absent.endAsync()
      let [total, pushed] = [0, 0]
      for (let round = 0; round < rounds; round++) {
        const acked: Sent[][] = Array.from({ length: publishers }, () => [])
        const clients = await Promise.all(acked.map((_, index) => gateway.connect(`p${index}-${round}`)))
        const floods = acked.map((own, index) =>
          flood(
            clients[index] as MqttClient,
            round,
            (number) => (number % 4 === 0 ? { topic: `r/${index}`, retain: true } : { topic: `q/${index}`, retain: false }),
            own
          )
        )
        const old = Array.from({ length: pushers }, (_, index) => new Pusher(gateway.pushPort, `k${index}`))
        const pushes = old.map((pusher) => pusher.run(round * 1_000_000))
        await Promise.all(acked.map((own, index) => acknowledged(own, clients[index] as MqttClient)))
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 400))
        const seconds = await gateway.kill(signal)
        assert.ok(seconds <= 5, `ended after ${seconds} s`)
        await Promise.all([...floods, ...old.map((pusher) => pusher.stop()), ...pushes])
        await gateway.start()
        const got = new Map<string, number>()
        for (const [index, text] of (await collect(gateway, 'absent', 'q/end')).entries()) if (!got.has(text)) got.set(text, index)
        const watcher = await TestClient.connect(gateway.port)
        const retained = new Map((await watcher.retained('r/#', 'lab/pushed/+')).map(({ topic, text }) => [topic, text]))
        await watcher.close()
        pushed += checkPushed(old, round, got, retained)
        for (const own of acked) {
          const queued = own.filter(({ topic }) => topic.startsWith('q/')).map(({ topic, text }) => `${topic} ${text}`)
          const lost = queued.filter((text) => !got.has(text))
          assert.deepEqual(lost, [], `round ${round}: of ${queued.length} acknowledged`)
          const places = queued.map((text) => got.get(text) ?? -1)
          assert.deepEqual(
            places,
            [...places].sort((a, b) => a - b),
            'in order'
          )
          // What is retained is the last acknowledged, or one sent after it.
          const last = own.findLast(({ topic }) => topic.startsWith('r/'))
          if (last !== undefined) {
            const [inRound, number] = (retained.get(last.topic) ?? '-1:-1').split(':').map(Number)
            assert.ok(
              inRound === round && (number ?? -1) >= Number(last.text.split(':')[1]),
              `${last.topic}: ${String(inRound)}:${String(number)}, acknowledged ${last.text}`
            )
          }
          total += own.length
        }
      }
      console.log(`      ${durability}: ${total} acknowledged and ${pushed} pushes by UDP over ${rounds} times ${signal}, 0 lost`)
    })

    it('publishes the will of a client that was connected', async () => {
      await gateway.start()
      const absent = await gateway.connect('absent', false)
      await absent.subscribeAsync('wills/#', { qos: 1 })
      await absent.endAsync()
      const dying = await connectAsync(`mqtt://127.0.0.1:${gateway.port}`, {
        reconnectPeriod: 0,
        will: { topic: 'wills/one', payload: Buffer.from('gone'), qos: 1, retain: false }
      })
      dying.on('error', () => {})
      await dying.publishAsync('r/x', 'x', { qos: 1, retain: true })
      await gateway.kill(signal)
      await dying.endAsync(true)
      await gateway.start()
      assert.deepEqual(await collect(gateway, 'absent', 'wills/end'), ['wills/one gone'])
    })
  })
}

describe('restart with 10,000 retained readings', function () {
  this.timeout(60_000)
  const gateway = new Crashing('fast', 'devices: { native: { codenames: { power: { unit: W } } } }\n')
  afterEach(async () => await gateway.program?.gone())

  it('shows them stale, restored, with their time, before anything else; its devices are offline', async () => {
    await gateway.start()
    const client = await gateway.connect('writer')
    const time = '2026-01-02T03:04:05.25Z'
    const sent: Promise<unknown>[] = []
    for (let device = 0; device < 100; device++)
      for (let codename = 0; codename < 100; codename++)
        sent.push(client.publishAsync(`lab/d${device}/c${codename}`, JSON.stringify({ value: codename + 0.5, time }), { qos: 1 }))
    sent.push(client.publishAsync('lab/native/power', '7', { qos: 1 }))
    await Promise.all(sent)
    client.on('error', () => {})
    await gateway.kill()
    await client.endAsync(true)
    await gateway.start()
    console.log(`      ready after ${gateway.startedIn.toFixed(0)} ms with 10,000 retained readings`)
    const watcher = await TestClient.connect(gateway.port)
    const messages: IPublishPacket[] = []
    watcher.client.on('message', (_topic, _payload, packet) => messages.push(packet))
    const found = await watcher.retained('lab/+/+')
    const readings = found.filter(({ topic }) => /^lab\/d\d+\/c\d+$/.test(topic))
    assert.equal(readings.length, 10_000)
    for (const { text, topic } of readings) {
      const reading = JSON.parse(text) as Record<string, unknown>
      assert.deepEqual(
        [reading['quality'], reading['source'], reading['time'], reading['value']],
        ['stale', 'restored', time, Number(topic.split('/c')[1]) + 0.5]
      )
    }
    assert.equal(
      (JSON.parse(found.find(({ topic }) => topic === 'lab/native/power')?.text ?? '{}') as Record<string, unknown>)['quality'],
      'stale'
    )
    await watcher.close()
    const other = await TestClient.connect(gateway.port)
    for (const { topic, text } of await other.retained('lab/+')) {
      const { state } = JSON.parse(text) as { state: string }
      assert.equal(state, topic === 'lab/gateway' ? 'online' : 'offline', topic)
    }
    const [meta] = await (await TestClient.connect(gateway.port)).retained('lab/d1/c1/meta')
    assert.equal((JSON.parse(meta?.text ?? '{}') as Record<string, unknown>)['declared'], false)
    await other.close()
  })
})

describe('a data folder that cannot be used', function () {
  this.timeout(20_000)
  it('is a start error that says what to do, with exit code 1', async () => {
    const gateway = new Crashing('fast')
    await gateway.start()
    const second = new Program(process.execPath, [main, 'start', '--config', gateway.file, '--log-format', 'json'])
    const { code, stdout } = await second.ended()
    await gateway.program?.gone()
    assert.equal(code, 1, stdout)
    assert.match(stdout, /cannot open the data folder .*another process uses it/)
  })
})
