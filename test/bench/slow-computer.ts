/** What is left of it all on a quarter of a core: start, rates, answers, memory. */
import * as labs from './labs.js'
import type { Result } from './load/job.js'
import { Loader } from './load/loader.js'
import { cpuSeconds, residentMiB } from './processes.js'
import { openQuota } from './quota.js'
import type { Quota } from './quota.js'
import type { Line, Row } from './rows.js'
import { Missing, labgate, pullSockets } from './sides.js'
import type { Side } from './sides.js'
import { figure, median } from './table.js'

const cores = 0.25
const devices = 100

/** Pushes a second that are tried, until some are lost or come late. */
const steps = [250, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000]

/** Milliseconds that 99 of 100 may take at a rate that is held: more, and it falls behind. */
const late = 1000

/** Seconds of each part. */
const seconds = Number(process.env['LABGATE_QUOTA_SECONDS'] ?? 20)

type Figure = readonly [what: string, value: string, reach?: string]

export const slowComputer: Row = {
  name: 'quota',
  says: `the gateway on ${cores} of a core (cgroup); ${devices} devices polled at 1 Hz, of 2 readings each, beside an MQTT subscriber; the loads have cores of their own`,
  run: async (options, missing) => {
    let quota: Quota
    try {
      quota = openQuota(cores)
    } catch (error) {
      if (!(error instanceof Missing)) throw error
      missing(`quota: ${error.message}`)
      return []
    }
    try {
      const figures = [...(await starts(quota, options.rounds)), ...(await pushes(quota)), ...(await polls(quota))]
      return figures.map(([what, value, reach = '']): Line => ['quota', what, value, '', '', '', '', '', '', '', reach])
    } finally {
      quota.remove()
    }
  }
}

async function starts(quota: Quota, rounds: number): Promise<Figure[]> {
  const taken: number[] = []
  for (let i = 0; i < rounds; i++) {
    const side = await labgate(labs.laboratory, { quota })
    taken.push(side.startedIn)
    await side.stop()
  }
  return [['start to all listeners', `${figure(median(taken) / 1000)} s`]]
}

async function pushes(quota: Quota): Promise<Figure[]> {
  const side = await labgate(labs.laboratory, { quota })
  const loader = new Loader()
  try {
    const { push: port, mqtt } = side.ports
    let held: Result | undefined
    // What is compiled when it is needed first does not count.
    await loader.run({ kind: 'paced', port, mqtt, hertz: 200, seconds: 5 })
    for (const hertz of steps) {
      const result = await loader.run({ kind: 'paced', port, mqtt, hertz, seconds: Math.max(5, seconds / 2) })
      if (result.lost > 0 || result.p99 > late) break
      held = result
    }
    if (held === undefined) return [['UDP pushes to an MQTT subscriber, none lost', `less than ${steps[0]}/s`]]
    return [
      ['UDP pushes to an MQTT subscriber, none lost', `${figure(held.rate)}/s`],
      ['  each on its way, p50 and p99', milliseconds(held)],
      ['  memory', memory(side)]
    ]
  } finally {
    loader.stop()
    await side.stop()
  }
}

async function polls(quota: Quota): Promise<Figure[]> {
  const sockets = await pullSockets(devices)
  const [counter, asker] = [new Loader(), new Loader()]
  let side: Side | undefined
  try {
    side = await labgate(labs.slow(sockets.ports), { quota })
    const { mqtt, pull: udp } = side.ports
    await new Promise((resolve) => setTimeout(resolve, 10_000))
    const [busy, waits] = [cpuSeconds(side.pids), quota.throttled()]
    const begun = performance.now()
    const [counted, commands] = await Promise.all([
      counter.run({ kind: 'count', mqtt, filter: 'lab/+/+', seconds }),
      asker.run({ kind: 'ask', way: { mqtt, topic: 'lab/chamber/vent', op: 'call' }, hertz: 10, seconds })
    ])
    const [recounted, questions] = await Promise.all([
      counter.run({ kind: 'count', mqtt, filter: 'lab/+/+', seconds }),
      asker.run({ kind: 'ask', way: { udp, question: 'json_wn' }, hertz: 20, seconds })
    ])
    const load = (cpuSeconds(side.pids) - busy) / ((performance.now() - begun) / 1000)
    const now = quota.throttled()
    return [
      [`${devices} devices at 1 Hz: readings to an MQTT subscriber`, `${figure((counted.rate + recounted.rate) / 2)}/s`, `${devices * 2}`],
      ['  UDP pull answers, p50 and p99', milliseconds(questions)],
      ['  MQTT command to its reply, p50 and p99', milliseconds(commands)],
      ['  unanswered', String(questions.lost + commands.lost), '0'],
      ['  processor', `${figure(load * 100)} % of a core`, `${cores * 100} %`],
      ['  periods in which it had to wait', `${figure(((now.waited - waits.waited) / (now.of - waits.of)) * 100)} %`],
      ['  memory', memory(side)]
    ]
  } finally {
    counter.stop()
    asker.stop()
    await side?.stop()
    await sockets.stop()
  }
}

function milliseconds({ p50, p99 }: Result): string {
  return `${figure(p50)} and ${figure(p99)} ms`
}

function memory({ pids }: Side): string {
  return `${Math.round(residentMiB(pids))} MiB`
}
