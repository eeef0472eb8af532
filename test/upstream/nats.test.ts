import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { table } from '../bench/table.js'
import { NatsCluster } from '../support/nats.js'
import { patient } from '../support/patience.js'
import { needs } from '../support/peers.js'
import { Observer } from './nats-observer.js'
import { Sender, outages } from './nats-sender.js'
import { judge } from './nats-verdict.js'
import type { Verdict } from './nats-verdict.js'

const number = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)

/** The long form: `LABGATE_OUTAGES=100 LABGATE_KILLS=10 LABGATE_GATEWAYS=10 npx mocha -g "over a cluster"`. */
const [gateways, outageCount, gatewayKills] = [
  number('LABGATE_GATEWAYS', 3),
  number('LABGATE_OUTAGES', 5),
  number('LABGATE_UPSTREAM_KILLS', 1)
]

/** Kills of a node, one every so many milliseconds; in the long form as many as fit. */
const [nodeKills, nodeEvery] = [number('LABGATE_NODE_KILLS', 2), number('LABGATE_NODE_EVERY', 4000)]

/** Bytes that the bridge may have on disk; and what LevelDB adds until it has tidied up. */
const mostOnDisk = 2 * 64 * 1024 * 1024

/** Milliseconds until all that waited has arrived. */
const patience = patient(number('LABGATE_DRAIN', 40) * 1000)

describe('readings over a cluster of three NATS servers', function () {
  this.timeout(patience + 120_000 + nodeKills * (nodeEvery + 20_000) + outageCount * 5000)
  let cluster: NatsCluster
  let senders: Sender[] = []

  before(async function () {
    needs(this, 'nats-server')
    cluster = await NatsCluster.start()
  })

  after(async () => {
    await Promise.all(senders.map((sender) => sender.close()))
    await cluster?.stop()
  })

  it(`arrive at least once, in order, none younger than it is: ${outageCount} outages, ${gatewayKills} kill -9 of ${gateways} gateways, ${nodeKills} of a node`, async () => {
    const observer = new Observer(cluster, 'site')
    await observer.begin()
    senders = await Promise.all(Array.from({ length: gateways }, (_, index) => Sender.open(`lab-${index}`, cluster)))
    for (const sender of senders) await sender.start()
    for (const sender of senders) sender.begin()

    const nodes = killNodes(cluster)
    await Promise.all([nodes, trouble(senders)])
    await cluster.settled()
    await Promise.all(senders.map((sender) => sender.stop()))
    const verdicts = await drained(senders, observer)
    await observer.end()

    const rows = verdicts.map((verdict, index) => line(senders[index] as Sender, verdict))
    if (process.env['LABGATE_OUTAGES'] !== undefined) report(rows, await nodes)
    const bad = verdicts.filter(({ lost, disordered, wrong, young }) => lost + disordered + wrong + young > 0)
    const full = senders.filter(({ fullest }) => fullest > mostOnDisk)
    assert.deepEqual({ bad, full: full.map(({ name }) => name) }, { bad: [], full: [] }, `${table(head, rows)}\n${senders[0]?.said}`)
    for (const { accepted, arrived } of verdicts) assert.ok(accepted > 10 && arrived === accepted, 'there was something to send')
  })
})

/** A node after the other ends and comes back; how long each took to be current. */
async function killNodes(cluster: NatsCluster): Promise<readonly number[]> {
  const times: number[] = []
  for (let i = 0; i < nodeKills; i += 1) {
    const next = sleep(nodeEvery)
    const node = cluster.nodes[i % cluster.nodes.length]
    await node?.kill()
    await sleep(1000)
    const begun = performance.now()
    node?.start()
    // Two that are away would stop everything: the next one goes when this one is back.
    await cluster.settled()
    times.push(performance.now() - begun)
    await next
  }
  return times
}

/** Outages at random moments, and ends of gateways between them. */
async function trouble(senders: readonly Sender[]): Promise<void> {
  const share = (all: number, index: number): number => Math.floor(all / senders.length) + (index < all % senders.length ? 1 : 0)
  await Promise.all(
    senders.map(async (sender, index) => {
      const [mine, kills] = [share(outageCount, index), share(gatewayKills, senders.length - 1 - index)]
      const steps = [...Array.from({ length: mine }, (_, i) => outages[(i + index) % outages.length]), ...Array<undefined>(kills)]
      steps.sort(() => Math.random() - 0.5)
      for (const kind of steps) {
        await sleep(Math.random() * 2000)
        if (kind === undefined) await sender.kill()
        else await sender.outage(kind, 200 + Math.random() ** 2 * 8000)
      }
    })
  )
}

/** When all that was accepted has arrived, or the time is over. */
async function drained(senders: readonly Sender[], observer: Observer): Promise<readonly Verdict[]> {
  const end = performance.now() + patience
  for (;;) {
    const { all } = observer
    const verdicts = senders.map((sender) => judge(sender, all))
    if (verdicts.every(({ lost }) => lost === 0) || performance.now() > end) return verdicts
    await sleep(500)
  }
}

const head = [
  'gateway',
  '',
  'accepted',
  'arrived',
  'lost',
  'disordered',
  'wrong',
  'too young',
  'duplicates',
  'told again',
  'history',
  'outages',
  'kills',
  'most KiB'
]

function line(sender: Sender, verdict: Verdict): string[] {
  const { accepted, arrived, lost, disordered, wrong, young, duplicates, told, history } = verdict
  const figures = [accepted, arrived, lost, disordered, wrong, young, duplicates, told, history, sender.outages, sender.kills]
  return [sender.name, '', ...figures.map(String), String(Math.round(sender.fullest / 1024))]
}

function report(rows: readonly (readonly string[])[], times: readonly number[]): void {
  const sums = head.map((_, column) => (column < 2 ? ['all', ''][column] : String(rows.reduce((sum, row) => sum + Number(row[column]), 0))))
  console.log(table(head, [...rows, sums as string[]]))
  const longest = Math.round(Math.max(0, ...times))
  console.log(`${times.length} kills of a NATS node, current again after at most ${longest} ms`)
  const ends = ['lost', 'disordered', 'wrong', 'too young'].map((name) => `${name} ${sums[head.indexOf(name)]}`)
  console.log(`verdict: ${ends.join(', ')}`)
}
