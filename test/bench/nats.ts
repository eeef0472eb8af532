/** A NATS cluster of three as the broker that gateways send to, with plain MQTT clients: `config/examples/cluster/README.md` tells what it means. */
import { spawnSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import type { IClientOptions, MqttClient } from 'mqtt'
import { diskKiB, leaderOf, memoryKiB, natsStreams } from '../support/nats-figures.js'
import { NatsCluster, reach } from '../support/nats.js'
import type { NatsNode } from '../support/nats.js'
import { cpuSeconds } from './processes.js'
import type { Line, Row } from './rows.js'
import { figure } from './table.js'

/** Retained topics, in steps. */
const steps = (process.env['LABGATE_NATS_RETAINED'] ?? '1000,10000,100000').split(',').map(Number)

/** Updates of retained topics while others are never written again. */
const updates = 50_000

/** Gateways that only hold their connection; and those that also let commands down, each by three filters. */
const [connections, commanded] = [300, 30]

/** Messages that a client has under way. */
const window = 100

/** Clients that fill. */
const fillers = 30

/** A reading as it goes up. */
const reading = JSON.stringify({ hops: 1, quality: 'good', source: 'pull', time: '2026-11-21T14:03:24.368Z', unit: '°C', value: 19.91 })

/** 1,000 codenames a laboratory. */
const topicOf = (codename: number): string =>
  `site/lab-${Math.floor(codename / 1000)}/device-${Math.floor(codename / 10) % 100}/temperature-${codename % 10}`

export const nats: Row = {
  name: 'nats',
  says:
    'three nats-server on this machine, all streams with three replicas, plain MQTT clients in the process of the bench; ' +
    `QoS 1, readings of ${reading.length} bytes; rates are of acknowledged messages, times from the send to the PUBACK; memory and disk are of the largest node`,
  run: async ({ seconds }, missing) => {
    if (spawnSync('nats-server', ['--version']).status !== 0) {
      missing('nats-server: apt-get install nats-server')
      return []
    }
    const lines: Line[] = []
    // A cluster for each, so that memory and disk are theirs.
    for (const part of [
      ['gateways', 'rates', 'kills'],
      ['retained', 'updated']
    ] as const) {
      const cluster = await NatsCluster.start()
      const bench = new Bench(cluster, seconds, lines)
      try {
        for (const name of part) await bench[name]()
      } finally {
        bench.close()
        await cluster.stop()
      }
    }
    return lines
  }
}

class Bench {
  readonly #lines: Line[]
  readonly #cluster: NatsCluster
  readonly #seconds: number
  readonly #clients = new Set<MqttClient>()
  #names = 0

  constructor(cluster: NatsCluster, seconds: number, lines: Line[]) {
    this.#cluster = cluster
    this.#lines = lines
    this.#seconds = Math.max(4, seconds)
  }

  close(): void {
    for (const client of this.#clients) client.end(true)
  }

  /** What one and ten clients get acknowledged. */
  async rates(): Promise<void> {
    for (const clients of [1, 10])
      for (const retain of [false, true]) await this.#rate(`${people(clients)}${retain ? ', retained' : ''}`, clients, { retain })
    await this.#rate('1 client, one message at a time', 1, { underWay: 1 })
    const observer = await this.#connect(this.#node(1), { clean: false })
    await observer.subscribeAsync('site/#', { qos: 1 })
    await pause(2000)
    await this.#rate('10 clients, retained, one session takes all with QoS 1', 10, { retain: true })
    await observer.unsubscribeAsync('site/#')
    await this.#end(observer)
  }

  /** How much a retained topic takes, and how long who comes later waits for them. */
  async retained(): Promise<void> {
    const [memory, disk] = [memoryKiB(this.#cluster), diskKiB(this.#cluster)]
    let had = 0
    for (const wanted of steps) {
      const begun = performance.now()
      await this.#publish(had, wanted, (each) => topicOf(each))
      const perSecond = (wanted - had) / ((performance.now() - begun) / 1000)
      had = wanted
      await pause(2000)
      const name = `${wanted.toLocaleString('en')} retained topics`
      this.#tell(`${name}: written`, figure(perSecond))
      this.#tell(`${name}: memory each`, `${figure((memoryKiB(this.#cluster) - memory) / wanted)} KiB`)
      this.#tell(`${name}: disk each`, `${figure(((diskKiB(this.#cluster) - disk) / wanted) * 1024)} bytes`)
      this.#tell(`${name}: a new client has all after`, await this.#late('site/#', wanted))
      this.#tell(`${name}: and those of one laboratory`, await this.#late('site/lab-0/#', Math.min(1000, wanted)))
    }
  }

  /** Readings are written again and again, while a meta that is older stays: what lies between is remembered. */
  async updated(): Promise<void> {
    const [memory, disk] = [memoryKiB(this.#cluster), diskKiB(this.#cluster)]
    await this.#publish(0, updates, (each) => topicOf(each % fillers))
    await pause(2000)
    const stream = (await natsStreams(this.#cluster)).find(({ name }) => name === '$MQTT_rmsgs')
    this.#tell(
      `${updates.toLocaleString('en')} updates of ${fillers} of them: memory`,
      `${figure((memoryKiB(this.#cluster) - memory) / 1024)} MiB`
    )
    this.#tell(`${updates.toLocaleString('en')} updates: disk`, `${figure((diskKiB(this.#cluster) - disk) / 1024)} MiB`)
    this.#tell(`${updates.toLocaleString('en')} updates: places remembered as deleted`, figure(stream?.deleted ?? NaN))
  }

  /** Connections that wait, and filters of commands. */
  async gateways(): Promise<void> {
    const memory = memoryKiB(this.#cluster)
    let begun = performance.now()
    const all: MqttClient[] = []
    for (let i = 0; i < connections; i += 10)
      all.push(...(await Promise.all(Array.from({ length: 10 }, (_, j) => this.#connect(this.#node(i + j), { clean: false })))))
    this.#tell(`${connections} gateways connect, 10 at a time`, figure(connections / ((performance.now() - begun) / 1000)))
    this.#tell(
      `${connections} gateways connected: memory each, on the node they are at`,
      `${figure((memoryKiB(this.#cluster) - memory) / (connections / 3))} KiB`
    )
    this.#tell(`${connections} gateways at rest: processor time of the three nodes`, await this.#atRest())
    const before = memoryKiB(this.#cluster)
    begun = performance.now()
    for (const [index, client] of all.slice(0, commanded).entries())
      await client.subscribeAsync(
        ['set', 'get', 'call'].map((op) => `site/lab-${index}/+/+/${op}`),
        { qos: 1 }
      )
    this.#tell(`a gateway subscribes to 3 filters of commands with QoS 1`, '', (performance.now() - begun) / commanded)
    this.#tell(`the same: memory each gateway, on every node`, `${figure((memoryKiB(this.#cluster) - before) / commanded)} KiB`)
    this.#tell('the same: processor time of the three nodes at rest', await this.#atRest())
    await Promise.all(all.map((client) => this.#end(client)))
  }

  /** How long nothing is acknowledged when a node ends. */
  async kills(): Promise<void> {
    for (const [what, stream] of [
      ['that leads the messages', '$MQTT_msgs'],
      ['that leads what is retained', '$MQTT_rmsgs'],
      ['that leads the messages', '$MQTT_msgs']
    ] as const) {
      const victim = await leaderOf(this.#cluster, stream)
      const pauses = this.#cluster.nodes.map((node) => new Pauses(this.#cluster.nodes, node, this.#names++))
      for (const each of pauses) await each.begin()
      await pause(3000)
      await victim.kill()
      await pause(8000)
      const begun = performance.now()
      victim.start()
      await this.#cluster.settled()
      const back = performance.now() - begun
      await pause(2000)
      for (const each of pauses) each.end()
      const others = Math.max(...pauses.filter(({ node }) => node !== victim).map(({ longest }) => longest))
      const own = Math.max(...pauses.filter(({ node }) => node === victim).map(({ longest }) => longest))
      this.#tell(`the node ${what} is killed: clients of others wait at most`, `${Math.round(others)} ms`)
      this.#tell('its own clients, on to the next after 0.5 s', `${Math.round(own)} ms`)
      this.#tell('it is back and current after', `${Math.round(back)} ms`)
    }
  }

  async #atRest(): Promise<string> {
    await pause(2000)
    const pids = this.#cluster.nodes.map(({ pid }) => pid)
    const before = cpuSeconds(pids)
    await pause(5000)
    return `${figure(((cpuSeconds(pids) - before) / 5) * 100)} %`
  }

  async #rate(what: string, count: number, { retain = false, underWay = window }): Promise<void> {
    const clients = await Promise.all(Array.from({ length: count }, (_, index) => this.#connect(this.#node(index))))
    const taken: number[] = []
    const begun = performance.now()
    const end = begun + this.#seconds * 1000
    const publish = async (client: MqttClient, at: number, from: number): Promise<void> => {
      for (let i = from; performance.now() < end; i += underWay) {
        const sent = performance.now()
        await client.publishAsync(topicOf(at * 1000 + (i % 100)), reading, { qos: 1, retain })
        taken.push(performance.now() - sent)
      }
    }
    await Promise.all(clients.flatMap((client, at) => Array.from({ length: underWay }, (_, from) => publish(client, at, from))))
    const perSecond = taken.length / ((performance.now() - begun) / 1000)
    taken.sort((a, b) => a - b)
    this.#lines.push([
      'nats',
      what,
      figure(perSecond),
      figure(taken[taken.length >> 1] ?? NaN),
      figure(taken[Math.floor(taken.length * 0.99)] ?? NaN)
    ])
    await Promise.all(clients.map((client) => this.#end(client)))
  }

  /** Retained, every topic by one client. */
  async #publish(from: number, to: number, topic: (each: number) => string): Promise<void> {
    const clients = await Promise.all(Array.from({ length: fillers }, (_, index) => this.#connect(this.#node(index))))
    const publish = async (client: MqttClient, first: number): Promise<void> => {
      const lanes = Array.from({ length: 20 }, async (_, lane) => {
        for (let each = first + lane * fillers; each < to; each += fillers * 20)
          await client.publishAsync(topic(each), reading, { qos: 1, retain: true })
      })
      await Promise.all(lanes)
    }
    await Promise.all(clients.map((client, index) => publish(client, from + index)))
    await Promise.all(clients.map((client) => this.#end(client)))
  }

  /** Milliseconds until a client that comes now has `wanted` topics. */
  async #late(filter: string, wanted: number): Promise<string> {
    const client = await this.#connect(this.#node(2))
    const seen = new Set<string>()
    const begun = performance.now()
    const all = new Promise<void>((resolve) => {
      client.on('message', (topic) => {
        if (seen.add(topic).size >= wanted) resolve()
      })
    })
    await client.subscribeAsync(filter, { qos: 1 })
    await Promise.race([all, pause(60_000, undefined, { ref: false })])
    const text = seen.size < wanted ? `${seen.size} of ${wanted}` : `${Math.round(performance.now() - begun)} ms`
    await this.#end(client)
    return text
  }

  #tell(what: string, value: string, milliseconds?: number): void {
    this.#lines.push(['nats', what, milliseconds === undefined ? value : '', milliseconds === undefined ? '' : figure(milliseconds)])
  }

  #node(index: number): NatsNode {
    return this.#cluster.nodes[index % this.#cluster.nodes.length] as NatsNode
  }

  async #connect(node: NatsNode, options: IClientOptions = {}): Promise<MqttClient> {
    const clientId = `bench-${this.#names++}`
    const client = await reach(node.ports.mqtt, { clientId, ...options })
    this.#clients.add(client)
    return client
  }

  async #end(client: MqttClient): Promise<void> {
    this.#clients.delete(client)
    await client.endAsync(true)
  }
}

/** A client that is never done, and how long it waited for a PUBACK. */
class Pauses {
  readonly node: NatsNode
  /** Milliseconds. */
  longest = 0
  readonly #servers: { host: string; port: number }[]
  readonly #name: number
  #client: MqttClient | undefined
  #isOver = false

  constructor(nodes: readonly NatsNode[], node: NatsNode, name: number) {
    this.node = node
    this.#name = name
    const turn = nodes.indexOf(node)
    this.#servers = [...nodes.slice(turn), ...nodes.slice(0, turn)].map(({ ports }) => ({ host: '127.0.0.1', port: ports.mqtt }))
  }

  async begin(): Promise<void> {
    const client = await connectAsync({
      servers: this.#servers,
      clientId: `bench-paused-${this.#name}`,
      reconnectPeriod: 500,
      connectTimeout: 5000
    })
    client.on('error', () => {})
    this.#client = client
    void (async () => {
      let last = performance.now()
      for (let i = 0; !this.#isOver; i += 1) {
        await client.publishAsync(`site/paused/${this.#name}/${i % 10}`, reading, { qos: 1, retain: true }).catch(() => undefined)
        this.longest = Math.max(this.longest, performance.now() - last)
        last = performance.now()
        await pause(10)
      }
    })()
  }

  end(): void {
    this.#isOver = true
    this.#client?.end(true)
  }
}

function people(count: number): string {
  return count === 1 ? '1 client' : `${count} clients`
}
