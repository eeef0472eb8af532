/** Clients that send rubbish, and the good ones beside them. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { UdpClient } from '../support/udp.js'
import { Random } from './random.js'

/** Datagrams before a good client asks; what they weigh must find room in the kernel's queue. */
const windowLength = 64
const windowBytes = 64_000

export const mebi = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/** Words of the protocols, and what parsers stumble over. */
const words = [
  'raw',
  'raw_wn',
  'json',
  'json_wn',
  'codenames_raw',
  'codenames_json',
  'name',
  'status',
  'commands',
  '#',
  '##',
  '#raw',
  '#json',
  'a#raw',
  '1#json',

  'json_wn#',
  'raw_wn#',
  ':int:',
  ':float:',
  ':bool:',
  ':str:',
  ';',
  ',',
  ':',
  'True',
  'None',
  'nan',
  '-inf',
  '1e400',
  '-0.0',
  '1_0',
  '0x10',
  '9'.repeat(400),

  '{"a": ',
  '{"setpoint": 1}',
  '"a":1,',
  '}',
  '[',
  ']',
  '{',
  '"',
  '\\u0000',
  '\\ud800',
  'NaN',
  '-Infinity',
  '1E5',
  '1'.repeat(5000),
  '__proto__',
  'constructor',

  '[{"a":'.repeat(600),
  '['.repeat(3000),
  '{"id":"x","value":',
  '"arguments":',
  '"expires":"2020-01-01T00:00:00Z"',
  '"check":true',
  'null',
  'é😀',
  '\0'
]

const vectors = readFileSync(join(project, 'test/vectors/pyexplabsys.jsonl'), 'utf8')

/** What the recordings send to pull sockets, or to push sockets. */
export function talk(kind: 'pull' | 'push'): Buffer[] {
  const sent = vectors.matchAll(/"send": ("(?:[^"\\]|\\.)*")/g)
  const texts = new Set([...sent].map(([, text]) => JSON.parse(text as string) as string))
  const fitting = [...texts].filter((text) => /^(json|raw)_wn#/.test(text) === (kind === 'push'))
  return fitting.map((text) => Buffer.from(text))
}

const commands = [
  '300',
  '21.5',
  'true',
  'open',
  '',
  '{}',
  '{"id":"nb7-42","value":300,"expires":"2099-01-01T00:00:00Z","check":false}',

  '{"id":"a","value":1e3}',
  '{"value":47.0}',
  '{"id":"c","check":true,"value":-1}',
  '{"arguments":{"duration":0.01}}',
  '{"id":"d","arguments":{}}',

  '[1,2,3]',
  '{"id":"e","value":{"b":[{"c":null}]}}',
  '{"id":"","value":1}',
  '{"value":1,"id":12}',
  '"text"',
  'NaN',
  '{"expires":"yesterday","value":1}'
].map((text) => Buffer.from(text))

const topics = [
  'furnace/setpoint/set',
  'furnace/setpoint/get',
  'furnace/temperature/set',
  'furnace/cool/call',
  'laser/power/set',
  'laser/door/set',
  'laser/fire/call',
  'balance/tare/call',

  'native/valve/set',
  'native/text/set',
  'native/any/set',
  'native/any/get',
  'native/run/call',
  'sink/a/get',
  'sink/nothing/get',
  'gateway/version/get',
  'readings/poke/call',

  'nowhere/a/set',
  'furnace/setpoint/history',
  'furnace/setpoint/meta',
  'native/any/reply',
  'native/any',
  'native',
  'furnace/%ZZ/set',
  'sets/clear_updated/call'
].map((topic) => `lab/${topic}`)

function payload(random: Random, list: readonly Buffer[], longest: number): Buffer {
  const kind = random.next()
  if (kind < 0.08) return random.bytes(random.below(200))
  if (kind < 0.14) return random.text(random.below(200))
  if (kind < 0.142) return random.chance(0.5) ? random.text(longest - random.below(20)) : Buffer.alloc(longest, random.pick(words))
  if (kind < 0.25) return random.pick(list)
  const mutated = random.mutate(random.pick(list), words, list)
  return mutated.length > longest ? mutated.subarray(0, longest) : mutated
}

/** Sends rubbish to one server; every window ends with a question of a good client, which must be answered, and rightly. */
export class Sprayer {
  readonly instance: string
  readonly port: number
  sent = 0
  bytes = 0
  answered = 0
  /** Answers by their prefix, of a push socket. */
  readonly kinds = new Map<string, number>()
  asked = 0
  seconds = 0
  slowest = 0
  readonly #rubbish: Socket = createSocket('udp4')
  readonly #good = new UdpClient()
  readonly #random: Random
  readonly #name: string
  readonly #list: readonly Buffer[]

  constructor(instance: string, name: string, port: number, list: readonly Buffer[], seed: number) {
    this.instance = instance
    this.port = port
    this.#name = name
    this.#list = list
    this.#random = new Random(seed)
    this.#rubbish.on('message', (answer) => {
      this.answered += 1
      const kind = /^[A-Z]+#/.exec(answer.toString('latin1', 0, 8))?.[0]
      if (kind !== undefined) this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1)
    })
  }

  async open(): Promise<void> {
    this.#rubbish.bind(0, '127.0.0.1')
    await once(this.#rubbish, 'listening')
    this.#rubbish.setRecvBufferSize(1 << 20)
  }

  async spray(datagrams: number): Promise<void> {
    const began = performance.now()
    for (const end = this.sent + datagrams; this.sent < end;) {
      let last: Promise<void> = Promise.resolve()
      for (let n = 0, bytes = 0; n < windowLength && bytes < windowBytes && this.sent < end; n += 1) {
        const datagram = payload(this.#random, this.#list, 9000)
        last = this.#send(datagram)
        this.sent += 1
        this.bytes += datagram.length
        // What the kernel counts for a datagram is more than its bytes.
        bytes += datagram.length + 800
      }
      await last
      const asked = performance.now()
      assert.equal(await this.#good.ask(this.port, 'name'), this.#name)
      this.slowest = Math.max(this.slowest, performance.now() - asked)
      this.asked += 1
    }
    this.seconds += (performance.now() - began) / 1000
  }

  async close(): Promise<void> {
    this.#rubbish.close()
    await this.#good.close()
  }

  get report(): string {
    const kinds = [...this.kinds].map(([kind, many]) => `, ${kind} ${many}`).join('')
    const rate = `${this.sent} datagrams (${mebi(this.bytes)}) in ${this.seconds.toFixed(1)} s, ${Math.round(this.sent / this.seconds)}/s`
    const good = `${this.asked} questions of a good client all answered, the slowest ${this.slowest.toFixed(0)} ms after a window`
    return `${this.instance}: ${rate}; ${this.answered} answered${kinds}; ${good}`
  }

  async #send(datagram: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#rubbish.send(datagram, this.port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
    )
  }
}

/** Publishes rubbish to command topics from several clients. */
export class Commander {
  sent = 0
  seconds = 0
  readonly #mqtt: number
  readonly #random: Random
  readonly #clients: TestClient[] = []

  constructor(mqtt: number, seed: number) {
    this.#mqtt = mqtt
    this.#random = new Random(seed)
  }

  async open(): Promise<void> {
    for (let i = 0; i < 4; i += 1) this.#clients.push(await TestClient.connect(this.#mqtt, { clientId: `rubbish-${i}` }))
  }

  async send(messages: number): Promise<void> {
    const began = performance.now()
    for (const end = this.sent + messages; this.sent < end;) {
      const sending: Promise<void>[] = []
      for (let n = 0; n < 200 && this.sent < end; n += 1) {
        const random = this.#random
        const topic = random.chance(0.97) ? random.pick(topics) : `lab/${random.pick(['furnace', 'native', 'x'])}/${random.below(1e6)}/set`
        const body = random.chance(0.0005) ? Buffer.alloc(300_000, random.pick(words)) : payload(random, commands, 20_000)
        // Of each window, the last is acknowledged, and with it what went before.
        const qos = n === 199 || random.chance(0.1) ? 1 : 0
        sending.push(random.pick(this.#clients).publish(topic, body, { qos, retain: random.chance(0.05) }))
        this.sent += 1
      }
      await Promise.all(sending)
    }
    this.seconds += (performance.now() - began) / 1000
  }

  /** A client stays connected, whatever it sent. */
  get connected(): boolean {
    return this.#clients.every(({ client }) => client.connected)
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.vanish()))
  }

  get report(): string {
    return `commands: ${this.sent} payloads in ${this.seconds.toFixed(1)} s, ${Math.round(this.sent / this.seconds)}/s`
  }
}

/** Sets a device of its own, over and over, and wants its reply each time. */
export class GoodClient {
  done = 0
  slowest = 0
  #on = true
  #loop: Promise<void> | undefined
  #client: TestClient | undefined
  readonly #mqtt: number

  constructor(mqtt: number) {
    this.#mqtt = mqtt
  }

  async open(): Promise<void> {
    this.#client = await TestClient.connect(this.#mqtt, { clientId: 'good' })
    await this.#client.subscribe('lab/chamber/pump/reply')
    this.#loop = this.#work(this.#client)
    // Told to whoever awaits `close`.
    this.#loop.catch(() => {})
  }

  async #work(client: TestClient): Promise<void> {
    while (this.#on) {
      const i = this.done
      const asked = performance.now()
      await client.publish('lab/chamber/pump/set', { id: `good-${i}`, value: i % 2 === 0 })
      const reply = await client.nextJson('lab/chamber/pump/reply')
      assert.deepEqual([reply['id'], reply['phase'], reply['value']], [`good-${i}`, 'done', i % 2 === 0])
      this.slowest = Math.max(this.slowest, performance.now() - asked)
      this.done += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** Rejects when one of its commands was not answered as it should. */
  async finish(): Promise<void> {
    this.#on = false
    await this.#loop
    assert.deepEqual(this.#client?.left, [])
  }

  async close(): Promise<void> {
    this.#on = false
    await this.#client?.vanish()
  }

  get report(): string {
    return `good MQTT client: ${this.done} sets, ${this.done} replies, the slowest ${this.slowest.toFixed(0)} ms`
  }
}
