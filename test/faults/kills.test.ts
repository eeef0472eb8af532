import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { Crashing } from '../process/crashing.js'
import { Program, folder } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { patient } from '../support/patience.js'
import { Pushers, pushSocket } from './pushers.js'
import { Publisher, Subscriber, kinds, topicOf } from './strict-clients.js'

/** Kills, in turn in `fast` and in `strict`; 300 for a release. */
const kills = Number(process.env['LABGATE_KILLS'] ?? 3)
const publishers = 20
const pushers = 4

/** Every so many kills it is told how far it is. */
const toldEvery = 25

/** Milliseconds for what waits for a session. */
const patience = patient(20_000)

/** A broker that can be killed and started again. */
interface Killable {
  readonly port: number
  start(): Promise<void>
  kill(): Promise<unknown>
}

/** What went wrong, over all rounds. */
interface Found {
  /** Acknowledged, and did not come. */
  readonly lost: string[]
  /** Retained messages older than the last that was acknowledged. */
  readonly old: string[]
}

const nothing = { lost: [], old: [], twice: 0, reordered: 0 }

/**
 * Publishers at full rate, persistent subscribers that come back after each kill, and some that come only now and then. What each was
 * promised is looked for after each kill, before anybody sends anything again.
 */
class Ordeal {
  readonly publishers = Array.from({ length: publishers }, (_, index) => new Publisher(index))
  readonly #online = [new Subscriber('online-1', 1, publishers), new Subscriber('online-2', 2, publishers)]
  readonly #absent = [new Subscriber('absent-1', 1, publishers), new Subscriber('absent-2', 2, publishers)]
  readonly #broker: Killable
  readonly #patience: number
  readonly found: Found = { lost: [], old: [] }
  #markers = 0

  constructor(broker: Killable, within = patience) {
    this.#broker = broker
    this.#patience = within
  }

  async begin(): Promise<void> {
    for (const each of [...this.#online, ...this.#absent]) {
      await each.connect(this.#broker.port)
      await each.subscribe()
      each.close()
    }
  }

  /** Publishes until the broker is ended by `end`; then it has to be started. */
  async storm(milliseconds: number, end: () => Promise<unknown>): Promise<void> {
    for (const each of this.#online) await each.connect(this.#broker.port)
    const first = this.publishers.map((publisher) => publisher.acknowledged())
    await Promise.all(this.publishers.map((publisher) => publisher.connect(this.#broker.port)))
    await Promise.all(first)
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    await end()
    for (const each of this.publishers) each.close()
  }

  /** While the broker stands still publishers wait; then all go on, on the same connection. */
  async wait(still: () => Promise<void>): Promise<void> {
    await still()
    await Promise.all(this.publishers.map((publisher) => publisher.acknowledged()))
  }

  /** What was promised is there; `all`: for the absent sessions too. What is retained besides, by topic. */
  async check(all: boolean): Promise<ReadonlyMap<string, string>> {
    const { port } = this.#broker
    const present = all ? [...this.#online, ...this.#absent] : this.#online
    for (const each of present) await each.connect(port)
    const control = await TestClient.connect(port)
    const marker = String(this.#markers++)
    await control.publish('k/marker', marker)
    const drained = await Promise.all(present.map((each) => each.drained(marker, this.#patience)))
    for (const [index, each] of present.entries()) {
      const lost = each.lost(this.publishers).map((text) => `${each.name}: ${text}`)
      if (!drained[index]) this.found.lost.push(`${each.name}: all after ${this.#patience} ms, the last message of all among it`)
      this.found.lost.push(...lost)
      each.close()
    }
    const retained = new Map((await control.retained('k/r/#', 'k/x/#', 'lab/pushed/+')).map(({ topic, text }) => [topic, text]))
    for (const { index, acked, sent } of this.publishers)
      for (const [kind, { retain }] of kinds.entries()) {
        const last = retain ? acked.findLast((number) => number % kinds.length === kind) : undefined
        if (last === undefined) continue
        const topic = topicOf(index, kind)
        const shown = Number(retained.get(topic) ?? -1)
        if (!(shown >= last && shown < sent)) this.found.old.push(`${topic}: ${shown}, acknowledged ${last}`)
      }
    await control.close()
    return retained
  }

  /** Everybody finishes what was begun; then every message has come, QoS 2 to a session of QoS 2 once. */
  async finish(): Promise<void> {
    const { port } = this.#broker
    for (const each of this.#online) await each.connect(port)
    const ends = this.publishers.map((publisher) => publisher.end())
    for (const each of this.publishers) await each.connect(port)
    await Promise.all(ends)
    for (const each of this.publishers) each.close()
    await this.check(true)
    for (const { name, got } of [...this.#online, ...this.#absent])
      for (const { index, sent } of this.publishers)
        for (let number = 0; number < sent; number++)
          if (got[index]?.[number] === undefined) this.found.lost.push(`${name}: ${topicOf(index, number)} ${number}, finished in the end`)
  }

  close(): void {
    for (const each of [...this.publishers, ...this.#online, ...this.#absent]) each.close()
  }

  get verdict(): typeof nothing {
    const all = [...this.#online, ...this.#absent]
    const sum = (name: 'twice' | 'reordered'): number => all.reduce((count, each) => count + each[name], 0)
    return { ...nothing, ...(this.found as typeof nothing), twice: sum('twice'), reordered: sum('reordered') }
  }

  get acked(): number {
    return this.publishers.reduce((count, { acked }) => count + acked.length, 0)
  }
}

describe('what was acknowledged, over kill -9', function () {
  this.timeout(60_000 + kills * 10_000)
  const gateway = new Crashing('fast', pushSocket)
  const ordeal = new Ordeal(gateway)
  afterEach(async () => {
    ordeal.close()
    await gateway.program?.gone()
  })

  it(`is there, in order, QoS 2 once, retained the last: ${kills} kills under ${publishers} publishers, then SIGTERM`, async () => {
    await gateway.start()
    await Pushers.prepare(gateway)
    await ordeal.begin()
    let pushed = 0
    for (let round = 0; round <= kills; round++) {
      const old = Pushers.start(gateway, pushers, round)
      const signal = round < kills ? 'SIGKILL' : 'SIGTERM'
      let seconds = 0
      await ordeal.storm(Math.random() * 300, async () => {
        if (round % 10 === 1) await ordeal.wait(() => gateway.halt(200))
        seconds = await gateway.kill(signal)
      })
      assert.ok(seconds <= 5, `ended after ${seconds} s`)
      await old.stop()
      gateway.configure(round % 2 === 0 ? 'strict' : 'fast')
      await gateway.start()
      const retained = await ordeal.check(round % 3 === 2 || round === kills)
      pushed += await old.check(gateway, retained)
      assert.deepEqual(ordeal.verdict, nothing, `after ${round + 1} kills`)
      if ((round + 1) % toldEvery === 0) console.log(`      ${round + 1} kills: ${ordeal.acked} acknowledged, ${pushed} pushes, 0 lost`)
    }
    await ordeal.finish()
    assert.deepEqual(ordeal.verdict, nothing)
    console.log(`      ${ordeal.acked} acknowledged and ${pushed} pushes by UDP over ${kills} kills, 0 lost, 0 twice, 0 out of order`)
  })
})

describe('the same finds out', function () {
  this.timeout(30_000)
  let ordeal: Ordeal | undefined
  let bare: Bare | undefined
  afterEach(async () => {
    ordeal?.close()
    await bare?.kill()
  })

  /** Aedes without us. */
  class Bare implements Killable {
    readonly #arguments: readonly string[]
    #program: Program | undefined
    port = 0

    constructor(...args: string[]) {
      this.#arguments = args
    }

    async start(): Promise<void> {
      const program = fileURLToPath(new URL('bare-aedes.js', import.meta.url))
      this.#program = new Program(process.execPath, [program, ...this.#arguments])
      this.port = Number((await this.#program.says(/port (\d+)/))[1])
    }

    async kill(): Promise<void> {
      await this.#program?.gone()
    }
  }

  async function found(broker: Bare): Promise<typeof nothing> {
    bare = broker
    await bare.start()
    ordeal = new Ordeal(bare, 500)
    await ordeal.begin()
    await ordeal.storm(200, () => broker.kill())
    await bare.start()
    await ordeal.check(true)
    return ordeal.verdict
  }

  it('bare Aedes, which keeps everything in memory', async () => {
    const { lost, old } = await found(new Bare())
    assert.ok(lost.length > 0 && old.length > 0)
    console.log(`      bare Aedes: ${lost.length} lost of ${ordeal?.acked} acknowledged, by four sessions`)
  })

  it('bare Aedes on a disk, which acknowledges before that has written', async () => {
    const { lost } = await found(new Bare(folder()))
    assert.ok(lost.length > 0)
    console.log(`      bare Aedes on a disk: ${lost.length} lost of ${ordeal?.acked} acknowledged, by four sessions`)
  })
})
