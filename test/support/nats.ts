import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'mqtt'
import type { IClientOptions, MqttClient } from 'mqtt'
import { Program, folder, write } from '../process/program.js'
import { freePorts } from './free-ports.js'
import { patient } from './patience.js'

/** Milliseconds until a cluster, or a node that comes back, knows everything again. */
const patience = patient(40_000)

/** Three of them can lose one. */
const size = 3

/** Tries with other ports when somebody else was faster. */
const tries = 3

export interface NatsOptions {
  /** Text that is added to the configuration of every node. */
  readonly more?: string
  /** Text inside of its `mqtt { … }`. */
  readonly mqtt?: string
}

interface Ports {
  /** Of clients with the text protocol. */
  readonly client: number
  readonly route: number
  readonly monitor: number
  readonly mqtt: number
}

/** One nats-server. */
export class NatsNode {
  readonly name: string
  readonly ports: Ports
  readonly #file: string
  #program: Program | undefined

  constructor(name: string, ports: Ports, file: string) {
    this.name = name
    this.ports = ports
    this.#file = file
  }

  get pid(): number {
    return this.#program?.running === true ? this.#program.pid : 0
  }

  get running(): boolean {
    return this.#program?.running === true
  }

  start(): void {
    this.#program = new Program('nats-server', ['-c', this.#file])
  }

  /** kill -9, and it is gone. */
  async kill(): Promise<void> {
    await this.#program?.gone()
  }

  /** What its monitoring answers; undefined while it does not. */
  async ask(path: string): Promise<Record<string, unknown> | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.ports.monitor}${path}`, { signal: AbortSignal.timeout(2000) })
      return (await answer.json()) as Record<string, unknown>
    } catch {
      return undefined
    }
  }

  /** It has caught up with the others: streams and consumers too. */
  async isCurrent(): Promise<boolean> {
    if (!this.running || (await this.ask('/healthz'))?.['status'] !== 'ok') return false
    const meta = (await this.ask('/jsz'))?.['meta_cluster'] as { leader?: string; cluster_size?: number } | undefined
    return meta?.leader !== undefined && meta.leader !== '' && meta.cluster_size === size
  }
}

/** A real cluster of three nats-servers with JetStream, on loopback, each with its MQTT port. */
export class NatsCluster {
  readonly nodes: readonly NatsNode[]
  readonly #path: string

  private constructor(nodes: readonly NatsNode[], path: string) {
    this.nodes = nodes
    this.#path = path
  }

  /** Resolves when MQTT clients are served: the first of an account makes the streams, and waits for it. */
  static async start(options: NatsOptions = {}): Promise<NatsCluster> {
    for (let left = tries; ; left -= 1) {
      const cluster = await NatsCluster.#create(options)
      try {
        for (const node of cluster.nodes) node.start()
        await cluster.settled()
        await cluster.#serves()
        return cluster
      } catch (error) {
        const wasTaken = cluster.nodes.some(({ running }) => !running)
        await cluster.stop()
        if (!wasTaken || left === 1) throw error
      }
    }
  }

  static async #create({ more = '', mqtt = '' }: NatsOptions): Promise<NatsCluster> {
    const path = folder()
    const free = await freePorts(size * 4)
    const ports = Array.from({ length: size }, (_, index): Ports => {
      const [client = 0, route = 0, monitor = 0, own = 0] = free.slice(index * 4)
      return { client, route, monitor, mqtt: own }
    })
    const routes = ports.map(({ route }) => `nats-route://127.0.0.1:${route}`).join(', ')
    const nodes = ports.map((own, index) => {
      const name = `n${index + 1}`
      const store = join(path, name)
      mkdirSync(store)
      const lines = [
        `server_name: ${name}`,
        `listen: "127.0.0.1:${own.client}"`,
        `http: "127.0.0.1:${own.monitor}"`,
        `log_file: "${join(path, `${name}.log`)}"`,
        `jetstream { store_dir: "${store}", max_mem: 256MB, max_file: 8GB }`,
        `cluster { name: labgate, listen: "127.0.0.1:${own.route}", routes: [ ${routes} ] }`,
        `mqtt { listen: "127.0.0.1:${own.mqtt}"\n${mqtt}\n}`,
        more
      ]
      return new NatsNode(name, own, write(join(path, `${name}.conf`), `${lines.join('\n')}\n`))
    })
    return new NatsCluster(nodes, path)
  }

  /** Where a node keeps its streams. */
  store(node: NatsNode): string {
    return join(this.#path, node.name)
  }

  log(node: NatsNode): string {
    return join(this.#path, `${node.name}.log`)
  }

  /** Resolves when every node runs and has caught up. */
  async settled(within = patience): Promise<void> {
    const end = performance.now() + within
    for (;;) {
      const current = await Promise.all(this.nodes.map((node) => node.isCurrent()))
      if (current.every(Boolean)) return
      const dead = this.nodes.filter(({ running }) => !running)
      if (dead.length > 0) throw new Error(`${dead.map(({ name }) => name).join(', ')} of the cluster ended; its log is in ${this.#path}`)
      if (performance.now() > end) throw new Error(`the cluster was not current within ${within} ms: ${JSON.stringify(current)}`)
      await sleep(100)
    }
  }

  /** The same; one that stays behind for half a minute is started anew, as NATS 2.9 now and then leaves one there for good. How many were. */
  async mended(): Promise<number> {
    for (let restarts = 0; ;) {
      try {
        await this.settled(restarts < 5 ? 30_000 : patience)
        return restarts
      } catch (error) {
        const behind = await Promise.all(this.nodes.map(async (node) => ((await node.isCurrent()) ? [] : [node])))
        if (restarts >= 5 || this.nodes.some(({ running }) => !running)) throw error
        for (const node of behind.flat()) {
          restarts += 1
          await node.kill()
          node.start()
        }
      }
    }
  }

  async #serves(): Promise<void> {
    const end = performance.now() + patience
    for (const [index, node] of this.nodes.entries())
      for (;;) {
        const isServed = await this.#tries(node, `first-${index}`)
        if (isServed) break
        if (performance.now() > end) throw new Error(`${node.name} serves no MQTT client after ${patience} ms`)
        await sleep(200)
      }
  }

  async #tries(node: NatsNode, clientId: string): Promise<boolean> {
    try {
      const client = await reach(node.ports.mqtt, { clientId, connectTimeout: 8000 })
      await client.publishAsync('first/here', node.name, { qos: 1 })
      await client.endAsync(true)
      return true
    } catch {
      return false
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()))
    rmSync(this.#path, { recursive: true, force: true })
  }
}

/** A connection that is not made again; rejects too when the other side just closes it, as NATS does while it cannot keep a session. */
export async function reach(port: number, options: IClientOptions): Promise<MqttClient> {
  const client = connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, connectTimeout: 8000, ...options })
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve())
      client.once('error', reject)
      client.once('close', () => reject(new Error('the connection was closed')))
    })
  } catch (error) {
    client.end(true)
    throw error
  } finally {
    client.on('error', () => {})
  }
  return client
}
