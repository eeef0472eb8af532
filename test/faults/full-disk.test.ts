import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { Crashing } from '../process/crashing.js'
import { TestClient } from '../support/mqtt.js'
import { RawClient, packets } from '../support/raw-mqtt.js'

const publishers = 4

/** Messages that a publisher has unacknowledged, as long as it publishes. */
const underway = 50

/** What makes the disk refuse; both are in Debian's util-linux, which is always there. */
const tools = ['prlimit', 'setpriv']

const ping = Buffer.from([0xc0, 0])

interface Fault {
  readonly name: string
  /** What the system says. */
  readonly reason: RegExp
  /** What the operator is told to do, once the disk was opened again in vain. */
  readonly hint: RegExp
  /** Command that the gateway runs under. */
  readonly under: readonly string[]
  /** The disk will refuse before long. */
  readonly refuse: (gateway: Durable) => void | Promise<void>
  /** It has refused: now it takes nothing at all. */
  readonly tighten: (gateway: Durable) => void | Promise<void>
  readonly mend: (gateway: Durable) => void | Promise<void>
}

const faults: readonly Fault[] = [
  {
    name: 'a disk that becomes full',
    reason: /File too large/,
    hint: /cannot open the data folder .*the disk is full .*free some space/,
    under: [],
    // In the middle of a record of LevelDB's log.
    refuse: (gateway) => gateway.limit('1000000'),
    // The limit is one on each file, and LevelDB begins new ones.
    tighten: (gateway) => gateway.limit('0'),
    mend: (gateway) => gateway.limit('unlimited')
  },
  {
    name: 'a data folder that becomes read-only',
    reason: /Permission denied/,
    hint: /cannot open the data folder .*this user may not write to it/,
    // Root may write everywhere by this right.
    under: getuid?.() === 0 ? ['setpriv', '--inh-caps=-all', '--bounding-set=-dac_override'] : [],
    // The log that is open is written to until LevelDB begins the next one, after 4 MiB.
    refuse: ({ store }) => chmod(store, 0o500),
    tighten: () => {},
    mend: ({ store }) => chmod(store, 0o700)
  }
]

/** The program on a disk that refuses when it is told to. */
class Durable extends Crashing {
  readonly store = join(this.data, 'store')

  constructor(under: readonly string[]) {
    super('fast', '', under)
  }

  /** No file that it writes may become larger. The soft limit, which takes no right to raise again. */
  limit(bytes: string): void {
    execFileSync('prlimit', ['--pid', String(this.program?.pid), `--fsize=${bytes}:`])
  }
}

/** Publishes as fast as it is acknowledged; every fourth message is retained, the others are for the absent session. */
class Publisher {
  readonly #client: RawClient
  readonly #index: number
  /** Texts, by topic. */
  readonly sent = new Map<string, string[]>()
  #count = 0
  acknowledged = 0
  #ending = false
  #ended = (): void => {}

  private constructor(client: RawClient, index: number) {
    this.#client = client
    this.#index = index
    client.onPuback = () => {
      this.acknowledged += 1
      this.#more()
    }
    this.#more()
  }

  static async start(port: number, index: number): Promise<Publisher> {
    return new Publisher(await RawClient.connect(port, `publisher-${index}`), index)
  }

  get outstanding(): number {
    return this.#count - this.acknowledged
  }

  /** Sends nothing more. Resolves when all is acknowledged. */
  async end(): Promise<void> {
    this.#ending = true
    await new Promise<void>((resolve) => {
      this.#ended = resolve
      this.#more()
    })
  }

  close(): void {
    this.#client.close()
  }

  #more(): void {
    const bytes: Buffer[] = []
    for (; !this.#ending && this.outstanding < underway; this.#count += 1) {
      const retain = this.#count % 4 === 0
      const topic = `${retain ? 'r' : 'q'}/${this.#index}`
      const text = `${this.#count} `.padEnd(1000, 'x')
      if (!this.sent.has(topic)) this.sent.set(topic, [])
      this.sent.get(topic)?.push(text)
      bytes.push(packets.publish(topic, text, { qos: 1, retain, id: (this.#count % 65_000) + 1 }))
    }
    if (bytes.length > 0) this.#client.send(...bytes)
    if (this.#ending && this.outstanding === 0) this.#ended()
  }
}

for (const { name, reason, hint, under, refuse, tighten, mend } of faults) {
  describe(name, function () {
    this.timeout(30_000)
    const gateway = new Durable(under)
    const all: Publisher[] = []
    const clients: TestClient[] = []
    const raw: RawClient[] = []

    before(function () {
      if (tools.some((tool) => spawnSync(tool, ['--version']).status !== 0)) this.skip()
    })

    afterEach(async () => {
      for (const each of [...all, ...raw]) each.close()
      await Promise.all(clients.map((client) => client.vanish()))
      // Else its folder could not be removed.
      if (gateway.program?.running === true) await mend(gateway)
      await gateway.program?.gone()
    })

    async function connect(clientId: string, clean = true): Promise<TestClient> {
      const client = await TestClient.connect(gateway.port, { clientId, clean })
      clients.push(client)
      return client
    }

    const acknowledged = (): number[] => all.map((publisher) => publisher.acknowledged)

    it('is told of and nothing is acknowledged; it goes on without restart, and kill -9 takes nothing', async () => {
      await gateway.start()
      const absent = await connect('absent', false)
      await absent.subscribe('q/#')
      await absent.close()
      const observer = await connect('observer')
      await observer.subscribe('lab/gateway', 'lab/gateway/disk_failures')
      const failures = (): Promise<Record<string, unknown>> =>
        observer.nextJson(({ topic, retain }) => topic === 'lab/gateway/disk_failures' && !retain)
      await refuse(gateway)
      for (let i = 0; i < publishers; i++) all.push(await Publisher.start(gateway.port, i))

      const state = (wanted: string, why: RegExp): Promise<Record<string, unknown>> =>
        observer.nextJson(({ topic, text }) => topic === 'lab/gateway' && text.includes(`"state":"${wanted}"`) && why.test(text))
      const { reason: first } = await state('degraded', reason)
      assert.ok(String(first).includes(gateway.data), String(first))
      await tighten(gateway)
      // The second try, with a new file.
      const { reason: second } = await state('degraded', hint)
      assert.ok(String(second).includes(gateway.data), String(second))
      // What was acknowledged before has come by now.
      await observer.settled()
      observer.drop()
      const before = acknowledged()
      const late = await RawClient.connect(gateway.port, 'late')
      raw.push(late)
      let taken = false
      const taking = new Promise<void>((resolve) => {
        late.onPuback = () => {
          taken = true
          resolve()
        }
      })
      // Its ping is answered when the message has been read; in one write, as what comes later is not read before the acknowledgement.
      late.send(packets.publish('r/late', 'late', { qos: 1, retain: true }), ping)
      await late.next('pingresp')
      // Two further tries.
      for (let i = 0; i < 2; i++) await failures()
      await observer.settled()
      assert.equal(taken, false)
      assert.deepEqual(acknowledged(), before)
      assert.ok(all.every(({ outstanding }) => outstanding === underway))
      assert.ok(!observer.left.some(({ topic }) => topic === 'lab/gateway'))

      await mend(gateway)
      await state('online', /all instances work/)
      await Promise.all([taking, ...all.map((publisher) => publisher.end())])

      await gateway.kill()
      await gateway.start()
      const back = await connect('absent', false)
      await back.publish('q/end', 'end')
      await back.next('q/end')
      const watcher = await connect('watcher')
      const retained = new Map((await watcher.retained('r/#')).map(({ topic, text }) => [topic, text]))
      assert.equal(retained.get('r/late'), 'late')
      for (const { sent } of all)
        for (const [topic, texts] of sent) {
          // What was under way at the kill may come twice.
          const got = new Set(back.left.flatMap((message) => (message.topic === topic ? [message.text] : [])))
          if (topic.startsWith('q/')) assert.deepEqual([...got], texts)
          else assert.equal(retained.get(topic), texts.at(-1))
        }
      const sum = (numbers: readonly number[]): number => numbers.reduce((some, more) => some + more, 0)
      console.log(`      refused after ${sum(before)} messages; ${sum(acknowledged())} acknowledged in the end, 0 lost`)
    })
  })
}
