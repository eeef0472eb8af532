import assert from 'node:assert/strict'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { Crashing } from '../process/crashing.js'
import { folder } from '../process/program.js'
import { diskUse } from '../support/disk-use.js'
import { FastClock } from '../support/fast-clock.js'
import { Mosquitto } from '../support/mosquitto.js'
import type { Message, TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { until } from '../support/until.js'

/** Outages of the long form: `LABGATE_OUTAGES=100 npx mocha -g 'upstream: outages'`; so many times is the gateway killed: `LABGATE_KILLS=10`. */
const outages = Number(process.env['LABGATE_OUTAGES'] ?? 2)
const kills = Number(process.env['LABGATE_KILLS'] ?? 1)

const codenames = 4

/** What one watcher has seen of the readings of a device, held against what was published. */
class Account {
  readonly #seen = new Map<string, number[]>()
  /** Values that came when a larger one of the codename had come. */
  disorder = 0
  /** Readings that tell another time than the one they were published with. */
  young = 0
  history = 0
  readonly #times = new Map<string, string>()

  published(codename: string, value: number, time: string): void {
    this.#times.set(`${codename} ${value}`, time)
  }

  see({ topic, text }: Message): void {
    const codename = topic.split('/').at(-1) ?? ''
    const { value, time, source } = JSON.parse(text) as { value: number; time: string; source: string }
    const values = this.#seen.get(codename) ?? []
    this.#seen.set(codename, values)
    // A repetition starts again at what was not acknowledged: in order once more.
    const last = values.at(-1) ?? -1
    if (value > last + 1) this.disorder += 1
    if (this.#times.get(`${codename} ${value}`) !== time) this.young += 1
    if (source === 'history') this.history += 1
    values.push(value)
  }

  /** Of so many of each codename: those that never came, and those that came more than once. */
  sums(each: number): { missing: number; twice: number } {
    let [missing, twice] = [0, 0]
    for (let at = 0; at < codenames; at++) {
      const values = this.#seen.get(`c${at}`) ?? []
      const once = new Set(values)
      missing += each - once.size
      twice += values.length - once.size
    }
    return { missing, twice }
  }
}

/** One reading of each codename, with a time of its own. */
async function tell(publish: (topic: string, text: string) => Promise<unknown>, value: number, account: Account): Promise<void> {
  const time = new Date(Date.UTC(2026, 0, 2) + value * 1000).toISOString().replace(/\.000Z$/, 'Z')
  for (let at = 0; at < codenames; at++) {
    account.published(`c${at}`, value, time)
    await publish(`lab/dev/c${at}`, JSON.stringify({ value, time }))
  }
}

const readings = ({ topic }: Message): boolean => /^site\/dev\/c\d+$/.test(topic)

/** Takes what came so far, until nothing of the gateway waits. */
async function take(watcher: TestClient, account: Account): Promise<void> {
  await watcher.settled()
  for (const message of watcher.left) if (readings(message)) account.see(message)
  watcher.drop()
}

describe('upstream: outages', function () {
  this.timeout(30_000 + outages * 20_000 + kills * 20_000)
  let mosquitto: Mosquitto
  const running: Running[] = []

  before(function () {
    needs(this, 'mosquitto')
  })

  beforeEach(async () => {
    mosquitto = await Mosquitto.start()
  })

  afterEach(async () => {
    await mosquitto.gone()
    await Promise.all(running.splice(0).map((each) => each.stop()))
  })

  const lab = async (more = '', data = folder(), clock = new FastClock(20)): Promise<Running> => {
    const text = `gateway: { data: ${data} }\nupstream:\n  - { id: far, servers: [{ host: 127.0.0.1, port: ${mosquitto.port} }], topic: site${more} }\n`
    const made = await start(text, { clock })
    running.push(made)
    return made
  }

  const status = (of: Running): NonNullable<ReturnType<Running['gateway']['upstream']['get']>> => {
    const found = of.gateway.upstream.get('far')
    if (found === undefined) throw new Error('there is no bridge')
    return found
  }

  const idle = async (of: Running): Promise<void> =>
    await until(() => status(of).state === 'connected' && status(of).waiting === 0, `it is not sent: ${JSON.stringify(status(of))}`)

  it(`${outages} at any moment: each reading arrives, in order, with its time`, async () => {
    const gateway = await lab()
    const client = await gateway.connect()
    const publish = (topic: string, text: string): Promise<void> => client.publish(topic, text)
    const account = new Account()
    let [value, seed] = [0, 7]
    for (let outage = 0; outage < outages; outage++) {
      const watcher = await mosquitto.watch('site/dev/#')
      await idle(gateway)
      seed = (seed * 48_271) % 2_147_483_647
      const [before, during, after] = [seed % 20, 10 + (seed % 97), seed % 13]
      for (let n = 0; n < before; n++) await tell(publish, value++, account)
      // Sent and acknowledged, sent and not, not sent: whatever it is at just now. The watcher must see what the broker has taken.
      await mosquitto.kick('labgate-lab-gateway-far')
      for (let n = 0; n < during; n++) await tell(publish, value++, account)
      for (let n = 0; n < after; n++) await tell(publish, value++, account)
      await idle(gateway)
      await take(watcher, account)
      await watcher.vanish()
    }
    const sums = account.sums(value)
    if (outages > 2)
      console.log(
        `      ${outages} outages: ${value * codenames} readings, ${sums.missing} missing, ${sums.twice} twice, ${account.disorder} out of order, ${account.young} with another time`
      )
    assert.deepEqual([sums.missing, account.disorder, account.young], [0, 0, 0])
    assert.ok(status(gateway).connections > outages)
  })

  it('of a broker that is killed: what waits comes as history, the last as stale when it is older than its maxAge', async () => {
    const made = await lab(`, down: [] }\ndevices: { dev: { codenames: { c0: { maxAge: 30 } } } }\n#`)
    const client = await made.connect()
    await client.publish('lab/dev/c0', '1')
    await idle(made)
    await mosquitto.kill()
    for (const value of ['2', '3']) await client.publish('lab/dev/c0', value)
    await client.subscribe('lab/dev/c0')
    await client.next(({ text }) => text.includes('stale'))
    await mosquitto.start()
    const watcher = await mosquitto.watch('site/dev/c0')
    await idle(made)
    await watcher.settled()
    const seen = watcher.left.map(({ text }) => JSON.parse(text) as Record<string, unknown>)
    assert.deepEqual(
      seen.map(({ value, quality }) => [value, quality]),
      [
        [2, 'good'],
        [3, 'good'],
        [3, 'stale']
      ]
    )
    assert.deepEqual(
      seen.slice(0, 2).map(({ source }) => source),
      ['history', 'history']
    )
    const late = await mosquitto.watch()
    const [retained] = await late.retained('site/dev/c0')
    assert.match(retained?.text ?? '', /"quality":"stale".*"value":3/)
    await watcher.vanish()
    await late.vanish()
  })

  it('of a broker that stands still: the gateway goes on, and loses nothing', async () => {
    const made = await lab('', folder(), new FastClock(2))
    const client = await made.connect()
    const publish = (topic: string, text: string): Promise<void> => client.publish(topic, text)
    const account = new Account()
    await idle(made)
    const watcher = await mosquitto.watch('site/dev/#')
    mosquitto.stall()
    for (let value = 0; value < 300; value++) await tell(publish, value, account)
    assert.equal(status(made).state, 'connected')
    await until(() => status(made).waiting >= 1200, 'it does not wait')
    mosquitto.goOn()
    await idle(made)
    await take(watcher, account)
    assert.deepEqual([account.sums(300).missing, account.disorder, account.young], [0, 0, 0])
    await watcher.vanish()
  })

  it('that are longer than the disk allows: the oldest goes, and is counted; the disk holds to its bound', async () => {
    await mosquitto.kill()
    const data = folder()
    const made = await lab(', queue: { maxBytes: 4194304 }', data)
    const client = await made.connect()
    const text = 'x'.repeat(20_000)
    const most = 600
    for (let value = 0; value < most; value++) await client.publish('lab/dev/c0', JSON.stringify({ value, run: `${text}${value}` }))
    await until(() => status(made).dropped > 0, 'nothing is dropped')
    const { dropped, waiting } = status(made)
    const used = diskUse(join(data, 'upstream', 'far'))
    assert.ok(used <= 4_194_304, `${used} bytes on the disk`)
    await mosquitto.start()
    const watcher = await mosquitto.watch('site/dev/c0')
    await idle(made)
    await watcher.settled()
    const values = watcher.left.map((message) => (JSON.parse(message.text) as { value: number }).value)
    // The newest are all there.
    assert.equal(values.at(-1), most - 1)
    const first = values[0] ?? 0
    assert.deepEqual(
      values,
      Array.from({ length: most - first }, (_, at) => first + at)
    )
    assert.ok(first > 100 && dropped >= first && waiting > 0, `${first} ${dropped} ${waiting}`)
    await watcher.vanish()
  })

  it(`and ${kills} kill -9 of the gateway while entries wait: each reading arrives, in order`, async () => {
    await mosquitto.kill()
    const account = new Account()
    const gateway = new Crashing(
      'fast',
      `upstream:\n  - { id: far, servers: [{ host: 127.0.0.1, port: ${mosquitto.port} }], topic: site, up: ["dev/+"] }\n`
    )
    let value = 0
    try {
      for (let kill = 0; kill < kills; kill++) {
        await gateway.start()
        const client = await gateway.connect('teller')
        client.on('error', () => {})
        for (let n = 0; n < 50; n++) await tell((topic, text) => client.publishAsync(topic, text, { qos: 1 }), value++, account)
        // What comes within a fiftieth of a second may be lost with the process.
        await new Promise((resolve) => setTimeout(resolve, 100))
        await gateway.kill()
        await client.endAsync(true)
      }
      await mosquitto.start()
      const watcher = await mosquitto.watch('site/dev/#')
      await gateway.start()
      const last = await connectAsync(`mqtt://127.0.0.1:${gateway.port}`, { reconnectPeriod: 0 })
      await last.publishAsync('lab/dev/end', 'end', { qos: 1 })
      await watcher.next('site/dev/end')
      await last.endAsync(true)
      for (const message of watcher.left) {
        // What the restart says of the last ones: the same once more.
        if (readings(message)) account.see(message)
      }
      const { missing } = account.sums(value)
      assert.deepEqual([missing, account.disorder, account.young], [0, 0, 0])
      assert.ok(account.history >= value * codenames)
      await watcher.vanish()
    } finally {
      await gateway.program?.gone()
    }
  })
})
