import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { AdapterType, Command, Exact, Host } from '../../gateway/adapter.js'
import { Random } from '../faults/random.js'
import { settle } from '../support/fake-clock.js'
import type { TestClient } from '../support/mqtt.js'
import { Relay } from '../support/relay.js'
import type { Fate } from '../support/relay.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { ScriptedClock } from '../vectors/clock.js'

/** What a relay did to datagrams, both ways. */
interface Counts {
  lost: number
  doubled: number
  swapped: number
}

/** Loses, doubles and swaps a twentieth each; a copy comes at once, or behind the next datagram. */
function badNetwork(seed: number, counts: Counts): () => Fate {
  const random = new Random(seed)
  return () => {
    const chance = random.next()
    if (chance < 0.05) {
      counts.lost += 1
      return { copies: 0 }
    }
    if (chance < 0.1) {
      counts.swapped += 1
      return { copies: 0, later: 1 }
    }
    if (chance >= 0.15) return { copies: 1 }
    counts.doubled += 1
    return chance < 0.125 ? { copies: 2 } : { copies: 1, later: 1 }
  }
}

const begin = 1.7e9
const codenames = ['setpoint', 'power'] as const

/** The furnace behind the first gateway. Every value of every codename is another one, so that none can be taken for another. */
class Furnace {
  readonly #clock: ScriptedClock
  #host: Host | undefined
  /** Values that were carried out, by codename. */
  readonly done = new Map<string, Set<Exact>>(codenames.map((codename) => [codename, new Set()]))
  /** When a temperature was measured, in Unix seconds, by its value. */
  readonly measured = new Map<number, number>()

  constructor(clock: ScriptedClock) {
    this.#clock = clock
  }

  readonly type: AdapterType = {
    type: 'furnace',
    configSchema: { type: 'object', additionalProperties: false },
    plan: () => ({ feeds: [{ device: 'furnace' }], executes: codenames.map((codename) => ({ device: 'furnace', codename })) }),
    create: (_config, host) => {
      this.#host = host
      return { start: () => Promise.resolve(), stop: () => Promise.resolve(), execute: (command) => this.#execute(command) }
    }
  }

  async measure(): Promise<void> {
    const value = this.measured.size / 8
    // At no moment at which anybody asks.
    const time = this.#clock.now() - 1 / 8
    this.measured.set(value, time)
    await this.#host?.publish({ device: 'furnace', codename: 'temperature', value, time })
  }

  /** Some take two seconds, which is longer than anybody waits. */
  async #execute({ codename, value }: Command): Promise<Exact> {
    if (Number(value) % 40 === 20) await new Promise<void>((resolve) => this.#clock.after(2, resolve))
    this.done.get(codename)?.add(value)
    return value
  }
}

interface Reply {
  readonly id: string
  readonly phase: string
  readonly value?: number
  readonly error?: { readonly class: string; readonly maybeExecuted?: boolean }
}

const devices = `
devices:
  furnace:
    codenames:
      setpoint: { settable: true, schema: { type: number } }
      power: { settable: true, schema: { type: number } }
      temperature: { maxAge: 5, schema: { type: number } }
`

describe('gateway against gateway over a bad network', function () {
  this.timeout(120_000)
  let clock: ScriptedClock
  let furnace: Furnace
  let first: Running
  let second: Running
  let relays: Map<'push' | 'pull', Relay>
  let counts: Counts[]
  let mqtt: TestClient
  /** What the second gateway answered and showed, in order. */
  let replies: Reply[]
  let readings: { readonly value: number; readonly time: string; readonly quality: string }[]
  /** Temperatures that the second gateway showed as good. */
  let shown: Set<number>

  /** The first gateway has the furnace, the second is told of it by `clients`, with the ports of the relays. */
  async function lab(clients: (port: (way: 'push' | 'pull') => number) => string): Promise<void> {
    clock = new ScriptedClock()
    clock.standStill(begin)
    furnace = new Furnace(clock)
    first = await start(
      `${devices}adapters:
- { id: oven, type: furnace }
- { id: push, type: data-push-server, port: 0, name: Oven, accept: commands, as: set, device: furnace, action: callback_direct, answerWithin: 0.5 }
- { id: pull, type: data-pull-server, port: 0, name: Oven, device: furnace }
`,
      { clock, types: [furnace.type] }
    )
    relays = new Map()
    counts = []
    for (const [i, way] of (['push', 'pull'] as const).entries()) {
      const [port, count] = [first.port(way), { lost: 0, doubled: 0, swapped: 0 }]
      counts.push(count)
      relays.set(way, await Relay.open(() => port, badNetwork(47 + i, count)))
    }
    second = await start(`${devices}adapters:\n${clients((way) => relays.get(way)?.port ?? 0)}`, { clock })
    mqtt = await second.connect({ clientId: 'operator' })
    // Thousands of commands, none of which should wait for the acknowledgement of a packet before it.
    ;(mqtt.client.stream as Socket).setNoDelay(true)
    await mqtt.subscribe('lab/furnace/+/reply', 'lab/furnace/temperature')
    replies = []
    readings = []
    shown = new Set()
  }

  /** Everything that waits for nothing but its turn has run, on loopback too. Were it not so, the network would only seem slower. */
  async function quiet(): Promise<void> {
    for (let turn = 0; turn < 8; turn += 1) await settle()
  }

  /** Lets time pass in quarters of a second. */
  async function pass(seconds: number): Promise<void> {
    for (let quarter = 0; quarter < seconds * 4; quarter += 1) {
      await quiet()
      clock.advance(0.25)
    }
    await quiet()
    for (const { topic, text } of mqtt.left) {
      if (topic.endsWith('/reply')) replies.push(JSON.parse(text) as Reply)
      else readings.push(JSON.parse(text) as (typeof readings)[number])
    }
    mqtt.drop()
  }

  /** Shown with another value or another time than it had, or as fresh when it was not. To be looked at when they come. */
  function wrongReadings(): string[] {
    return readings.splice(0).flatMap((reading) => {
      const time = Date.parse(reading.time) / 1000
      // It was published within the last second.
      const isOld = clock.now() - time > 5 + 1
      if (reading.quality === 'good') shown.add(reading.value)
      return furnace.measured.get(reading.value) !== time || (isOld && reading.quality === 'good') ? [JSON.stringify(reading)] : []
    })
  }

  afterEach(async () => {
    await second.stop()
    await Promise.all([...relays.values()].map((relay) => relay.close()))
    await first.stop()
  })

  const pullClient = (port: number): string =>
    `- { id: in, type: data-pull-client, target: { host: 127.0.0.1, port: ${port} }, name: Oven, device: furnace, period: 1 }`
  const pushClient = (port: number): string =>
    `- { id: out, type: data-push-client, target: { host: 127.0.0.1, port: ${port} }, name: Oven, device: furnace }`

  it('for 3,600 s no value and no time is wrong, every command has exactly one final reply, and what it says is true', async () => {
    await lab((port) => `${pushClient(port('push'))}\n${pullClient(port('pull'))}`)
    const asked = new Map<string, { readonly codename: string; readonly value: number }>()
    for (let second = 0; second < 3600; second += 1) {
      await furnace.measure()
      for (const codename of codenames) {
        const [id, value] = [`${codename}-${second}`, second + (codename === 'power' ? 0.5 : 0)]
        asked.set(id, { codename, value })
        await mqtt.publish(`lab/furnace/${codename}/set`, { id, value })
      }
      await pass(1)
      assert.deepEqual(wrongReadings(), [])
    }
    await pass(10)
    const outcomes = new Map<string, number>()
    const finals = new Map<string, Reply>()
    for (const reply of replies.filter(({ phase }) => phase !== 'accepted')) {
      assert.ok(!finals.has(reply.id), `${reply.id} has two replies`)
      finals.set(reply.id, reply)
    }
    for (const [id, { codename, value }] of asked) {
      const reply = finals.get(id)
      assert.ok(reply !== undefined, `${id} has no reply`)
      const isDone = furnace.done.get(codename)?.has(value) ?? false
      const outcome = reply.error === undefined ? 'done' : `${reply.error.class}${reply.error.maybeExecuted === true ? ', maybe' : ''}`
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      if (outcome === 'done') assert.deepEqual([reply.value, isDone], [value, true], `${id} is said to be done`)
      else if (!outcome.endsWith('maybe')) assert.equal(isDone, false, `${id} is said not to be carried out: ${JSON.stringify(reply)}`)
    }
    assert.equal(finals.size, asked.size)
    // The furnace did nothing that nobody asked for.
    for (const codename of codenames)
      for (const value of furnace.done.get(codename) ?? [])
        assert.ok([...asked.values()].some((other) => other.codename === codename && other.value === value))
    const share = (outcomes.get('done') ?? 0) / asked.size
    assert.ok(share > 0.7, `only ${share} were done: ${JSON.stringify([...outcomes])}`)
    assert.ok(shown.size > 2000, `only ${shown.size} temperatures came through`)
    for (const { lost, doubled, swapped } of counts) assert.ok(lost > 300 && doubled > 250 && swapped > 250, JSON.stringify(counts))
  })
})
