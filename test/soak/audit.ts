/** Who is told that something is kept, and whether it is: nothing acknowledged may be lost, whatever happens to the gateway. */
import { connect } from 'mqtt'
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import { UdpClient } from '../support/udp.js'
import { Numbers } from './numbers.js'

const [publishers, pushers, retainers] = [5, 4, 10]

/** Milliseconds between two messages of one, and messages that one has unacknowledged at most. */
const [period, window] = [50, 200]

export interface Account {
  readonly acknowledged: number
  /** Acknowledged, and not seen by the session that must get it; while messages are under way some are. */
  readonly unseen: number
  /** Messages of QoS 0 or 1 that a client without session did not get although its connection stood. */
  readonly missed: number
  /** Commands that were acknowledged and have no reply yet. */
  readonly unanswered: number
  readonly answered: number
  /** First copies that came before an earlier one of the same publisher. */
  readonly disorder: number
  /** Retained messages older than what was acknowledged, found after a restart. */
  readonly forgotten: number
}

export class Audit {
  readonly #mqtt: number
  readonly #pushPort: number
  readonly #clients: MqttClient[] = []
  readonly #timers: NodeJS.Timeout[] = []
  readonly #udp: UdpClient[] = []
  readonly #acked = new Map<string, Numbers>()
  readonly #seen = new Map<string, Numbers>()
  readonly #last = new Map<string, number>()
  readonly #decent = new Map<string, number>()
  readonly #commands = new Set<string>()
  readonly #replied = new Set<string>()
  /** By topic: the last that was acknowledged. */
  readonly #retained = new Map<string, number>()
  #answered = 0
  #disorder = 0
  #missed = 0
  #forgotten = 0
  #isOver = false

  constructor(mqtt: number, pushPort: number) {
    this.#mqtt = mqtt
    this.#pushPort = pushPort
  }

  async start(): Promise<void> {
    const session = this.#client({ clientId: 'soak-auditor', clean: false })
    session.on('message', (topic, payload) => this.#sees(topic, payload))
    await subscribed(session, ['soak/kept/+', 'lab/pushed/+'], 1)
    const decent = this.#client({ clientId: 'soak-decent' })
    decent.on('connect', () => this.#decent.clear())
    decent.on('message', (topic, payload) => this.#decentSees(topic, Number(payload)))
    await subscribed(decent, ['soak/kept/+'], 0)
    for (let i = 0; i < publishers; i++) this.#publish(`soak/kept/${i}`)
    for (let i = 0; i < retainers; i++) this.#retain(`soak/last/${i}`)
    for (let i = 0; i < pushers; i++) void this.#push(`k${i}`)
    await this.#command()
  }

  get account(): Account {
    let [acknowledged, unseen] = [0, 0]
    for (const [topic, acked] of this.#acked) {
      acknowledged += acked.count
      unseen += acked.missingIn(this.#seen.get(topic) ?? new Numbers())
    }
    const answered = this.#answered
    return {
      acknowledged,
      unseen,
      answered,
      unanswered: this.#commands.size,
      missed: this.#missed,
      disorder: this.#disorder,
      forgotten: this.#forgotten
    }
  }

  /** After a restart: what is retained is what was acknowledged before, or newer. */
  async checkRetained(): Promise<void> {
    const before = new Map(this.#retained)
    const client = this.#client({})
    const found = new Map<string, number>()
    client.on('message', (topic, payload, packet: IPublishPacket) => {
      if (packet.retain) found.set(topic, Number(payload))
    })
    await subscribed(client, ['soak/last/+'], 1)
    // Everybody else has come back at the same time.
    for (const end = performance.now() + 15_000; found.size < before.size && performance.now() < end;) await pause(100)
    client.end(true)
    for (const [topic, number] of before) if ((found.get(topic) ?? -1) < number) this.#forgotten += 1
  }

  /** Sends no more; resolves when all is seen and answered, or so many seconds have passed. */
  async drain(seconds: number): Promise<void> {
    this.#isOver = true
    for (const timer of this.#timers) clearInterval(timer)
    for (const end = performance.now() + seconds * 1000; performance.now() < end; await pause(200)) {
      const { unseen, unanswered } = this.account
      if (unseen === 0 && unanswered === 0) return
    }
  }

  async close(): Promise<void> {
    this.#isOver = true
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.#udp.map((client) => client.close()))
    for (const client of this.#clients) client.end(true)
  }

  #client(options: IClientOptions): MqttClient {
    const client = connect(`mqtt://127.0.0.1:${this.#mqtt}`, { reconnectPeriod: 500, connectTimeout: 5000, ...options })
    client.on('error', () => {})
    this.#clients.push(client)
    return client
  }

  #publish(topic: string): void {
    const client = this.#client({ clientId: `soak-publisher-${topic.split('/')[2]}` })
    const acked = numbersOf(this.#acked, topic)
    let [number, underway] = [0, 0]
    this.#timers.push(
      setInterval(() => {
        if (underway >= window) return
        const mine = number++
        underway += 1
        client.publish(topic, String(mine), { qos: 1 }, (error) => {
          underway -= 1
          if (!error) acked.add(mine)
        })
      }, period)
    )
  }

  #retain(topic: string): void {
    const client = this.#client({})
    let [number, underway] = [0, 0]
    this.#timers.push(
      setInterval(() => {
        if (underway >= 5) return
        const mine = number++
        underway += 1
        client.publish(topic, String(mine), { qos: 1, retain: true }, (error) => {
          underway -= 1
          if (!error) this.#retained.set(topic, mine)
        })
      }, 500)
    )
  }

  /** An old client: it pushes a number, waits for its ACK#, and gives up after two seconds. */
  async #push(key: string): Promise<void> {
    const acked = numbersOf(this.#acked, `lab/pushed/${key}`)
    for (let number = 0; !this.#isOver; number++) {
      // A port for each: a late answer would be taken for that to the next push.
      const udp = new UdpClient()
      const answer = await udp.ask(this.#pushPort, `raw_wn#${key}:int:${number}`, 2000).catch(() => '')
      await udp.close()
      if (answer.startsWith('ACK#')) acked.add(number)
      await pause(100)
    }
  }

  async #command(): Promise<void> {
    const client = this.#client({ clientId: 'soak-commander', clean: false })
    const reply = 'lab/oven/setpoint/reply'
    client.on('message', (_topic, payload) => {
      const { id, phase } = JSON.parse(String(payload)) as { id: string; phase: string }
      if (phase === 'accepted' || !id.startsWith('soak-')) return
      this.#answered += 1
      if (!this.#commands.delete(id)) this.#replied.add(id)
    })
    await subscribed(client, [reply, 'lab/furnace/setpoint/reply'], 1)
    let [number, underway] = [0, 0]
    const run = Date.now().toString(36)
    this.#timers.push(
      setInterval(() => {
        if (underway >= 20) return
        const id = `soak-${run}-${number++}`
        underway += 1
        const topic = `lab/${number % 4 === 0 ? 'furnace' : 'oven'}/setpoint/set`
        client.publish(topic, JSON.stringify({ id, value: number % 300 }), { qos: 1 }, (error) => {
          underway -= 1
          // The reply may be here before.
          if (!error && !this.#replied.delete(id)) this.#commands.add(id)
        })
      }, 500)
    )
  }

  #sees(topic: string, payload: Buffer): void {
    const text = String(payload)
    const pushed = topic.startsWith('lab/')
    const number = pushed ? (JSON.parse(text) as { value?: number }).value : Number(text)
    if (typeof number !== 'number') return
    const seen = numbersOf(this.#seen, topic)
    if (!pushed && !seen.has(number)) {
      if (number < (this.#last.get(topic) ?? -1)) this.#disorder += 1
      this.#last.set(topic, number)
    }
    seen.add(number)
  }

  #decentSees(topic: string, number: number): void {
    const before = this.#decent.get(topic)
    if (before !== undefined && number <= before) return
    if (before !== undefined) this.#missed += number - before - 1
    this.#decent.set(topic, number)
  }
}

function numbersOf(all: Map<string, Numbers>, name: string): Numbers {
  const known = all.get(name) ?? new Numbers()
  all.set(name, known)
  return known
}

/** On a busy machine, or while the gateway starts, a connection may end before it is answered; then it is tried again. */
async function subscribed(client: MqttClient, filters: string[], qos: 0 | 1): Promise<void> {
  for (const end = performance.now() + 60_000; ;) {
    try {
      await client.subscribeAsync(filters, { qos })
      return
    } catch (error) {
      if (performance.now() > end) throw error
      await pause(500)
    }
  }
}

export async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}
