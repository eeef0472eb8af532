/** The rows of the table: what is compared with what, and what is wanted (the ratios are those of the design). */
import { compare } from './compare.js'
import type { Rounds } from './compare.js'
import { durability } from './durability.js'
import { historyYear } from './history-year.js'
import { history } from './history.js'
import * as labs from './labs.js'
import { lineOf } from './lines.js'
import type { Job, Result } from './load/job.js'
import { Loader } from './load/loader.js'
import { cpuSeconds, residentMiB } from './processes.js'
import { nats } from './nats.js'
import { Missing, flask, labgate, mosquitto, nodePeer, nodeRed, pullSockets, pythonPeer, websockets } from './sides.js'
import type { Side } from './sides.js'
import { slowComputer } from './slow-computer.js'
import { figure, median } from './table.js'
import { wear } from './wear.js'

export interface Options extends Rounds {
  /** Another checkout that is built, compared as one side more. */
  readonly against: string | undefined
  /** Options of Node.js for the gateway of this checkout. */
  readonly nodeOptions: readonly string[]
}

/** A line of the table: row, side, and the figures as text. */
export type Line = readonly string[]

export interface Row {
  readonly name: string
  readonly says: string
  run(options: Options, missing: (reason: string) => void): Promise<Line[]>
}

/** A row that compares rates under load. `reach` by name of the peer. */
function rate(
  name: string,
  says: string,
  peers: readonly (readonly [start: () => Promise<Side>, reach: string])[],
  job: (side: Side, seconds: number) => Job,
  prepare: (side: Side) => Promise<void> = async () => {},
  yaml = labs.laboratory
): Row {
  const run: Row['run'] = async (options, missing) => {
    const { against, nodeOptions } = options
    const sides: Side[] = []
    const reaches: string[] = ['']
    try {
      sides.push(await labgate(yaml, { nodeOptions }))
      if (against !== undefined) {
        sides.push(await labgate(yaml, { name: 'labgate, the other', root: against }))
        reaches.push('')
      }
      for (const side of sides) await prepare(side)
      for (const [start, reach] of peers) {
        try {
          sides.push(await start())
          reaches.push(reach)
        } catch (error) {
          if (!(error instanceof Missing)) throw error
          missing(`${name}: ${error.message}`)
        }
      }
      const measured = await compare(sides, job, options)
      return measured.map((each, i) => lineOf(name, each, i === 0 ? undefined : measured[0], reaches[i] ?? ''))
    } finally {
      await Promise.all(sides.map((side) => side.stop()))
    }
  }
  return { name, says, run }
}

const bareAedes = (): Promise<Side> => nodePeer('bare Aedes', 'bare-aedes')
const mqttRow = (qos: 0 | 1, reach: string): Row =>
  rate(
    `mqtt${qos}`,
    `4 MQTT publishers to 1 subscriber, readings under the root with the contract on, QoS ${qos}, window ${qos === 0 ? 256 : 100} each`,
    [
      [bareAedes, reach],
      [() => mosquitto(), '']
    ],
    ({ ports }, seconds) => ({ kind: 'mqtt', mqtt: ports.mqtt, qos, seconds })
  )

const httpRow = (name: string, who: string, connection: 'close' | 'keep-alive', reach: string): Row =>
  rate(
    name,
    `HTTP /idn from the last reading, ${who}`,
    [[flask, reach]],
    ({ ports }, seconds) => ({ kind: 'get', http: ports.routes, path: '/idn', connection, seconds }),
    ({ ports }) => publishAll(ports.mqtt, ['lab/scope/idn'], 'TEKTRONIX,TDS 1002B,C108011,CF:91.1CT FV:v22.11')
  )

const wsRow = (name: string, clients: number): Row =>
  rate(
    name,
    `WebSocket JSON echo, ${clients} clients in lock-step; ours publishes each message on MQTT too, the bare one reads no JSON`,
    [
      [websockets, '3 x'],
      [() => nodePeer('bare ws in Node', 'ws-echo'), '']
    ],
    ({ ports }, seconds) => ({ kind: 'ws', ws: ports.ws, clients, seconds }),
    undefined,
    labs.classroom
  )

/** Echoes whose latencies are taken, at rest and under load. */
const echoes = 100_000

/** Experiment computers at the same time. */
const controllers = 8

const rigRate = rate(
  'rig',
  `rig messages over UDP, ${controllers} controllers in lock-step, echo only; ours makes each a reading on MQTT too. Then ${echoes.toLocaleString('en')} ` +
    'echoes beside a broker at rest, and beside one at full load (row mqtt0)',
  [[() => nodePeer('bare Node UDP echo', 'udp-echo'), '']],
  ({ ports }, seconds) => ({ kind: 'rig', port: ports.rig, controllers, seconds }),
  undefined,
  labs.rig
)

/** How late echoes are, in a process of its own, while another keeps the broker busy. */
async function echoLatencies({ nodeOptions }: Options): Promise<Line[]> {
  const side = await labgate(labs.rig, { nodeOptions })
  const [asker, publisher] = [new Loader(), new Loader()]
  try {
    const { rig: port, mqtt } = side.ports
    await asker.run({ kind: 'rig', port, controllers, seconds: 1 })
    const job: Job = { kind: 'rig', port, controllers, seconds: Infinity, messages: echoes }
    const atRest = await asker.run(job)
    let isOver = false
    const load = (async () => {
      const rates: number[] = []
      while (!isOver) rates.push((await publisher.run({ kind: 'mqtt', mqtt, qos: 0, seconds: 5 })).rate)
      return median(rates)
    })()
    await pause(1)
    const loaded = await asker.run(job)
    isOver = true
    const passed = figure(await load)
    return [...echoLines('at rest', atRest, ['', '']), ...echoLines(`broker at ${passed} messages/s`, loaded, ['p99 50 ms', '500 ms'])]
  } finally {
    asker.stop()
    publisher.stop()
    await side.stop()
  }
}

function echoLines(
  name: string,
  { rate: perSecond, p50, p99, max = NaN, lost }: Result,
  [p99Reach, maxReach]: readonly [string, string]
): Line[] {
  const longest = `${figure(max)} ms`
  return [
    ['rig', `labgate, ${name}`, figure(perSecond), figure(p50), figure(p99), '', '', String(lost), '', '', p99Reach],
    ['rig', `labgate, ${name}: the longest`, longest, '', '', '', '', '', '', '', maxReach]
  ]
}

/** A row of figures without rate. */
function single(
  name: string,
  says: string,
  measure: (options: Options) => Promise<readonly (readonly [what: string, value: string, reach: string])[]>
): Row {
  const run: Row['run'] = async (options) =>
    (await measure(options)).map(([what, value, reach]) => [name, what, value, '', '', '', '', '', '', '', reach])
  return { name, says, run }
}

const start = single('start', 'from the start of the process to all listeners open', async (options) => {
  const taken: number[] = []
  for (let i = 0; i < options.rounds; i++) {
    const side = await labgate(labs.laboratory)
    taken.push(side.startedIn)
    await side.stop()
  }
  return [['labgate', `${Math.round(median(taken))} ms`, '600 ms']]
})

const memory = single('memory', 'resident memory with so many codenames of 20 distinct schemas, each with a reading', async () => {
  const [few, many] = [1000, 100_000]
  const [small, large] = [await resident(few), await resident(many)]
  const more = ((large - small) * 1024) / (many - few)
  return [
    [`labgate, ${few} codenames`, `${Math.round(small)} MiB`, '120 MiB'],
    [`labgate, ${many} codenames`, `${Math.round(large)} MiB`, ''],
    ['each more', `${more.toFixed(1)} KiB`, '2 KiB']
  ]
})

async function resident(count: number): Promise<number> {
  const side = await labgate(labs.codenames(count))
  await fill(side, labs.topics(count))
  await pause(5)
  const found = residentMiB(side.pids)
  await side.stop()
  return found
}

const idle = single('idle', 'processor time of 100 devices whose pull sockets, of 2 channels each, are asked once a second', async () => {
  const sockets = await pullSockets(100)
  const side = await labgate(labs.polled(sockets.ports))
  // Compilers work for a while on what runs a hundred times a second.
  await pause(25)
  const [before, begun] = [cpuSeconds(side.pids), performance.now()]
  await pause(10)
  const part = (cpuSeconds(side.pids) - before) / ((performance.now() - begun) / 1000)
  await side.stop()
  await sockets.stop()
  return [['labgate', `${(part * 100).toFixed(1)} %`, '2 %']]
})

async function fill({ ports }: Side, topics: readonly string[]): Promise<void> {
  await publishAll(ports.mqtt, topics, '21.5')
}

async function publishAll(mqtt: number, topics: readonly string[], payload: string): Promise<void> {
  const loader = new Loader()
  await loader.run({ kind: 'fill', mqtt, topics, payload })
  loader.stop()
}

async function pause(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}

export const rows: readonly Row[] = [
  rate(
    'pull',
    'UDP json_wn of 2 channels, 4 sockets with 16 questions under way each',
    [
      [() => nodePeer('bare Node UDP echo', 'udp-echo'), '0.8 x'],
      [pythonPeer, '1.3 x']
    ],
    ({ ports }, seconds) => ({ kind: 'pull', port: ports.pull, question: 'json_wn', seconds }),
    (side) => fill(side, labs.pulled)
  ),
  rate(
    'push',
    'UDP json_wn of 1 key, validated, and delivered to an MQTT subscriber, 64 under way; peers do not validate',
    [
      [nodeRed, '2 x, CPU 0.5 x'],
      [() => nodePeer('the flow in plain Node', 'push-flow'), '']
    ],
    ({ ports }, seconds) => ({ kind: 'push', port: ports.push, mqtt: ports.mqtt, seconds })
  ),
  httpRow('http', '8 clients that keep their connection where the server does (Flask closes it)', 'keep-alive', '10 x'),
  httpRow('http-close', '8 clients, a connection for each request as requests.get makes it', 'close', ''),
  rate(
    'uuserver',
    'HTTP /Trigger and /Read until it is done, 8 clients with a device each; ours is a command with its reply on MQTT',
    [[flask, '']],
    ({ ports }, seconds) => ({ kind: 'trigger', http: ports.uu, devices: labs.chambers, method: 'vent', seconds })
  ),
  wsRow('ws', 8),
  wsRow('ws-64', 64),
  { ...rigRate, run: async (options, missing) => [...(await rigRate.run(options, missing)), ...(await echoLatencies(options))] },
  mqttRow(0, '0.8 x'),
  mqttRow(1, '0.7 x'),
  start,
  memory,
  idle,
  durability,
  wear,
  slowComputer,
  history,
  historyYear,
  nats
]
