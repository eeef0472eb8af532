import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MqttClient } from 'mqtt'
import { Program, folder, main, write } from '../process/program.js'
import { freePorts } from '../support/free-ports.js'
import { Cable } from '../support/cable.js'
import { reach } from '../support/nats.js'
import type { NatsCluster } from '../support/nats.js'

const codenames = ['c0', 'c1', 'c2', 'c3']

/** So many readings of a codename come as fast as they are acknowledged, then so many milliseconds none. */
const [together, every] = [5, Number(process.env['LABGATE_EVERY'] ?? 1000)]

/** Milliseconds that a reading waits for its PUBACK, after which the connection is taken for dead. */
const acknowledgedWithin = 15_000

/** A reading that the gateway has acknowledged. */
export interface Sent {
  readonly number: number
  readonly time: string
}

/** How a way ends: connections break and none is let in; nothing passes any more until it goes on; or until all breaks. */
export const outages = ['cut', 'stalled', 'half-open'] as const

/** A gateway in a process of its own, a device that sends it numbers, and the way from it to the cluster. */
export class Sender {
  readonly name: string
  /** By codename, in order. */
  readonly accepted = new Map<string, Sent[]>(codenames.map((codename) => [codename, []]))
  readonly #cables: readonly Cable[]
  readonly #file: string
  readonly #data: string
  readonly #port: number
  #program: Program | undefined
  #isOver = false
  /** Some readings have been acknowledged. */
  #pausing: (() => void) | undefined
  #work: Promise<void>[] = []
  outages = 0
  kills = 0
  /** Bytes below the gateway's folder that are the bridge's, at most. */
  fullest = 0

  private constructor(name: string, cables: readonly Cable[], port: number) {
    this.name = name
    this.#cables = cables
    this.#port = port
    const files = folder()
    this.#data = join(files, 'data')
    const servers = cables.map((cable) => `{ host: 127.0.0.1, port: ${cable.port} }`).join(', ')
    this.#file = write(
      join(files, 'gateway.yaml'),
      `gateway: { name: ${name}, data: ${this.#data} }
broker: { tcp: { port: ${port} }, durability: fast }
devices: { counter.1: { codenames: { ${codenames.map((codename) => `${codename}: { schema: { type: integer } }`).join(', ')} } } }
upstream:
  - id: cluster
    servers: [ ${servers} ]
    topic: site/${name}
    dots: encode
`
    )
  }

  static async open(name: string, cluster: NatsCluster): Promise<Sender> {
    const cables = await Promise.all(cluster.nodes.map(({ ports }) => Cable.open(ports.mqtt)))
    const [port = 0] = await freePorts(1)
    return new Sender(name, cables, port)
  }

  get topic(): string {
    return `site/${this.name}/counter%2E1`
  }

  /** Ends by itself when the test has failed meanwhile. */
  get isOver(): boolean {
    return this.#isOver
  }

  async start(): Promise<void> {
    this.#program = new Program(process.execPath, [main, 'start', '--config', this.#file, '--log-format', 'json'])
    await this.#program.says(/"msg":"ready"/)
  }

  /** Sends until it is stopped, over everything that happens. */
  begin(): void {
    this.#work = codenames.map((codename) => this.#send(codename))
    this.#work.push(this.#measure())
  }

  /** Every reading that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#work)
  }

  /** kill -9 at the worst moment: when it has just acknowledged some at once. */
  async kill(): Promise<void> {
    this.kills += 1
    await new Promise<void>((resolve) => {
      this.#pausing = resolve
    })
    await this.#program?.gone()
    if (!this.#isOver) await this.start()
  }

  /** Of all its ways: it is one network. */
  async outage(kind: (typeof outages)[number], milliseconds: number): Promise<void> {
    this.outages += 1
    const each = (act: (cable: Cable) => void): void => {
      for (const cable of this.#cables) act(cable)
    }
    each((cable) => (kind === 'cut' ? cable.pull() : cable.freeze()))
    await sleep(milliseconds)
    if (kind === 'half-open') each((cable) => cable.pull())
    each((cable) => {
      cable.thaw()
      cable.plug()
    })
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#program?.gone()
    await Promise.all(this.#cables.map((cable) => cable.close()))
  }

  get said(): string {
    return `${this.#program?.stdout.slice(-3000) ?? ''}${this.#program?.stderr.slice(-1000) ?? ''}`
  }

  /** One at a time, so that the gateway's order is ours; what was not acknowledged is sent again with its time. */
  async #send(codename: string): Promise<void> {
    const accepted = this.accepted.get(codename) as Sent[]
    let client: MqttClient | undefined
    for (let number = 0; !this.#isOver; number += 1) {
      const time = new Date().toISOString()
      for (;;) {
        try {
          client ??= await this.#connect(codename)
          const sent = client.publishAsync(`lab/counter.1/${codename}`, JSON.stringify({ time, value: number }), { qos: 1 })
          await before(sent, acknowledgedWithin)
          break
        } catch {
          client?.end(true)
          client = undefined
          await sleep(100)
        }
      }
      accepted.push({ number, time })
      if (number % together < together - 1) continue
      if (codename === codenames[0]) this.#pausing?.()
      await sleep(every)
    }
    await client?.endAsync(true)
  }

  async #connect(codename: string): Promise<MqttClient> {
    return await reach(this.#port, { clientId: `counter-${codename}`, connectTimeout: 5000 })
  }

  async #measure(): Promise<void> {
    while (!this.#isOver) {
      this.fullest = Math.max(this.fullest, bytesBelow(join(this.#data, 'upstream')))
      await sleep(500)
    }
  }
}

/** The connection may have ended without its promise having been told. */
async function before(done: Promise<unknown>, milliseconds: number): Promise<void> {
  done.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no PUBACK')), milliseconds)
  })
  try {
    await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Files come and go meanwhile. */
function bytesBelow(path: string): number {
  if (!existsSync(path)) return 0
  let sum = 0
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const below = join(path, entry.name)
    try {
      sum += entry.isDirectory() ? bytesBelow(below) : statSync(below).size
    } catch {
      // Gone.
    }
  }
  return sum
}
