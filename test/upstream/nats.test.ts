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
const isLong = process.env['LABGATE_OUTAGES'] !== undefined
const [gateways, outageCount] = [number('LABGATE_GATEWAYS', 3), number('LABGATE_OUTAGES', 5)]
const gatewayKills = isLong ? number('LABGATE_KILLS', 10) : 1

/** Seconds over which they are spread; a node is killed every so many seconds, at least so often. */
const seconds = number('LABGATE_SECONDS', isLong ? 240 : 5)
const [nodeKills, nodeEvery] = isLong ? [1, 10] : [2, 3]

/** Bytes that the bridge may have on disk; and what LevelDB adds until it has tidied up. */
const mostOnDisk = 2 * 64 * 1024 * 1024

/** Milliseconds until all that waited has arrived. */
const patience = patient(isLong ? 300_000 : 40_000)

describe('readings over a cluster of three NATS servers', function () {
  this.timeout(2 * patience + 120_000 + seconds * 3000)
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

  it(`arrive at least once, in order, none younger than it is: ${outageCount} outages, ${gatewayKills} kill -9 of ${gateways} gateways, a node killed every ${nodeEvery} s`, async () => {
    const observer = new Observer(cluster, 'site')
    await observer.begin()
    senders = await Promise.all(Array.from({ length: gateways }, (_, index) => Sender.open(`lab-${index}`, cluster)))
    for (const sender of senders) await sender.start()
    for (const sender of senders) sender.begin()

    let isOver = false
    // Both end before anything is closed, also when one of them fails.
    const [killed, troubled] = await Promise.allSettled([
      killNodes(cluster, () => isOver),
      trouble(senders).finally(() => {
        isOver = true
      })
    ])
    if (killed.status === 'rejected') throw killed.reason
    if (troubled.status === 'rejected') throw troubled.reason
    const times = killed.value
    await cluster.mended()
    await Promise.all(senders.map((sender) => sender.stop()))
    const verdicts = await drained(senders, observer)
    await observer.end()

    const rows = verdicts.map((verdict, index) => line(senders[index] as Sender, verdict))
    if (isLong) report(rows, times)
    const bad = verdicts.filter(({ lost, disordered, wrong, young }) => lost + disordered + wrong + young > 0)
    const full = senders.filter(({ fullest }) => fullest > mostOnDisk)
    assert.deepEqual({ bad, full: full.map(({ name }) => name) }, { bad: [], full: [] }, `${table(head, rows)}\n${senders[0]?.said}`)
    for (const { accepted, arrived } of verdicts) assert.ok(accepted > 10 && arrived === accepted, 'there was something to send')
  })
})

/** A node after the other ends and comes back; how long each took to be current. */
async function killNodes(cluster: NatsCluster, isOver: () => boolean): Promise<readonly number[]> {
  const times: number[] = []
  for (let i = 0; i < nodeKills || !isOver(); i += 1) {
    const next = sleep(nodeEvery * 1000)
    const node = cluster.nodes[i % cluster.nodes.length]
    await node?.kill()
    await sleep(1000)
    const begun = performance.now()
    node?.start()
    // Two that are away would stop everything: the next one goes when this one is back.
    const restarts = await cluster.mended()
    if (restarts > 0) console.log(`      ${restarts} times a node stayed behind and was started anew`)
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
        if (sender.isOver) return
        // What an outage takes itself is two or three seconds.
        await sleep(Math.max(0, (Math.random() * 2 * seconds) / steps.length - 2) * 1000)
        if (kind === undefined) await sender.kill()
        else await sender.outage(kind, 200 + Math.random() ** 2 * (isLong ? 8000 : 4000))
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
