/** What the gateway tells of itself at a scrape: read where it is counted anyway. */
import { readdir } from 'node:fs/promises'
import { cpuUsage, memoryUsage, uptime } from 'node:process'
import type { Parts } from '../http/parts.js'
import type { State } from '../states.js'
import type { BridgeStatus } from '../upstream/parts.js'
import { counter, gauge, histogram, states } from './family.js'
import type { Family } from './family.js'

type Labels = Readonly<Record<string, string>>

const allStates: readonly State[] = ['online', 'degraded', 'offline', 'disabled']
const historyStates = ['on', 'off', 'degraded'] as const
const clockStates = ['synchronised', 'trusted', 'doubtful'] as const

/** Members of the folder are the open files and sockets, where there is one. */
const descriptors = '/proc/self/fd'

export async function gatewayFamilies(parts: Parts): Promise<Family[]> {
  const { version } = parts
  return [
    gauge('labgate_info', 'Version of labgate; always 1.', [[{ version, gateway: parts.config.gateway.name }, 1]]),
    ...brokerFamilies(parts),
    ...instanceFamilies(parts),
    ...commandFamilies(parts),
    ...keptFamilies(parts),
    ...(await processFamilies(parts)),
    ...upstreamFamilies(parts)
  ]
}

/** None where there are no bridges. */
function upstreamFamilies({ upstream }: Parts): Family[] {
  const bridges = [...upstream.status()]
  if (bridges.length === 0) return []
  const of = (tell: (status: BridgeStatus) => number): [Labels, number][] => bridges.map(([bridge, status]) => [{ bridge }, tell(status)])
  return [
    gauge(
      'labgate_upstream_connected',
      '1: the bridge is connected to its broker.',
      of(({ state }) => (state === 'connected' ? 1 : 0))
    ),
    gauge(
      'labgate_upstream_waiting',
      'Messages that wait to go up.',
      of(({ waiting }) => waiting)
    ),
    gauge(
      'labgate_upstream_waiting_bytes',
      'What they take.',
      of(({ bytes }) => bytes)
    ),
    counter(
      'labgate_upstream_forwarded_total',
      'Messages that the broker acknowledged.',
      of(({ forwarded }) => forwarded)
    ),
    counter(
      'labgate_upstream_duplicates_total',
      'Messages sent once more; they may have arrived twice.',
      of(({ duplicates }) => duplicates)
    ),
    counter(
      'labgate_upstream_unsent_total',
      'Messages that did not go up, by the reason.',
      bridges.flatMap(([bridge, { dropped, damaged, looped, outdated }]) =>
        Object.entries({ dropped, damaged, looped, outdated }).map(([reason, count]): [Labels, number] => [{ bridge, reason }, count])
      )
    ),
    gauge(
      'labgate_upstream_put_aside',
      'Messages at each of which the broker ends the connection.',
      of(({ unsendable }) => unsendable)
    ),
    counter(
      'labgate_upstream_commands_total',
      'Commands that came down where a filter allows it.',
      of(({ commands }) => commands)
    ),
    counter(
      'labgate_upstream_refused_total',
      'Commands that came down and were refused.',
      of(({ refused }) => refused)
    )
  ]
}

function brokerFamilies({ broker, access, self, devices }: Parts): Family[] {
  const { traffic, sessions } = broker
  const { rejected, shed, diskFailures } = self.totals
  const byQos = (counts: readonly number[]): [Labels, number][] => counts.map((count, qos) => [{ qos: String(qos) }, count])
  return [
    gauge('labgate_broker_clients', 'MQTT clients connected.', broker.clientCount),
    gauge('labgate_broker_connections', 'Connections to MQTT and HTTP.', broker.openConnections),
    counter('labgate_broker_messages_received_total', 'Messages of MQTT clients, by the QoS that they came with.', byQos(traffic.received)),
    counter('labgate_broker_messages_sent_total', 'Messages handed to MQTT clients, by the QoS that they left with.', byQos(traffic.sent)),
    gauge('labgate_broker_retained', 'Retained messages.', broker.retainedCount),
    gauge('labgate_broker_sessions', 'Sessions that are kept.', sessions.sessions),
    gauge('labgate_broker_session_messages', 'Messages that wait in sessions.', sessions.queued),
    gauge('labgate_broker_queue', 'Messages of the gateway that wait for the broker.', broker.queueLength),
    gauge('labgate_broker_queue_limit', 'How many may: broker.limits.maxQueue.', broker.maxQueue),
    gauge('labgate_broker_disk_queue_bytes', 'What waits to be written to gateway.data.', broker.diskQueue),
    gauge('labgate_broker_disk_up', '0: the disk refuses, and nothing is acknowledged.', broker.diskFailure === undefined ? 1 : 0),
    counter('labgate_broker_disk_failures_total', 'Times that writing to gateway.data failed.', diskFailures),
    counter('labgate_limits_total', 'How often each limit was hit.', labelled(broker.limitHits, 'limit')),
    counter(
      'labgate_refusals_total',
      'How often somebody was not let in, or refused what he may not do.',
      labelled(access.refusals, 'reason')
    ),
    counter('labgate_dead_letters_total', 'Messages refused; each is a dead letter, but for those of who has had too many.', rejected),
    counter('labgate_shed_total', 'Readings and dead letters dropped as the queue to the broker was full.', shed),
    gauge('labgate_undeclared', 'Devices and codenames taken in that nothing declares.', devices.undeclaredCount),
    histogram('labgate_publish_seconds', 'From a message of the gateway to the broker having handed it to all subscribers.', [
      [{}, traffic.publishing]
    ]),
    histogram('labgate_commit_seconds', 'Batches written to gateway.data.', [[{}, traffic.committing]])
  ]
}

function instanceFamilies({ instances, states: all, self }: Parts): Family[] {
  const now = all.instances()
  const each = [...instances.values()].map(({ id, type, supervisor }) => ({ labels: { instance: id, type }, id, supervisor }))
  return [
    gauge(
      'labgate_instance_state',
      'The state of an adapter instance: 1 for the present one.',
      each.flatMap(({ labels, id }) => [...states(allStates, now.get(id)?.state ?? 'offline', labels, 'state')])
    ),
    gauge(
      'labgate_instance_attempts',
      'Starts of an instance, begun anew when it has worked for a minute.',
      each.map(({ labels, supervisor }) => [labels, supervisor.details.attempts])
    ),
    counter(
      'labgate_instance_messages_total',
      'Messages of an instance, by what became of them.',
      each.flatMap(({ labels, id }) =>
        Object.entries(self.counters(id)).map(([name, count]): [Labels, number] => [{ ...labels, counter: name }, count])
      )
    )
  ]
}

function commandFamilies({ operation: { commands } }: Parts): Family[] {
  const counts = Array.from(commands.counts(), ({ op, result, errorClass, count }): [Labels, number] => [
    { op, result, class: errorClass },
    count
  ])
  return [
    counter('labgate_commands_total', 'Commands by their end, and the class of the error.', counts),
    histogram(
      'labgate_command_seconds',
      'From a command to its final reply, of old clients too.',
      [...commands.durations].map(([op, one]) => [{ op }, one] as const)
    )
  ]
}

function keptFamilies({ history, runs, certificates, operation: { clockSync }, clock }: Parts): Family[] {
  const { state, written, dropped, waiting, bytes } = history.status()
  return [
    gauge('labgate_history_state', 'Whether readings are kept: 1 for the present state.', states(historyStates, state, {}, 'state')),
    counter('labgate_history_readings_total', 'Readings written to the history.', written),
    counter('labgate_history_dropped_total', 'Readings lost to the history.', dropped),
    gauge('labgate_history_waiting', 'Readings that wait to be written.', waiting),
    gauge('labgate_history_bytes', 'What the history takes.', bytes),
    gauge('labgate_runs', 'Runs that are on.', (runs.shown() as readonly unknown[]).length),
    gauge('labgate_run_problems', 'Runs with which something is wrong.', runs.problems().length),
    gauge(
      'labgate_certificate_expiry_timestamp_seconds',
      'When the certificate of a listener ends.',
      certificates.states().map(({ file, expires }): [Labels, number] => [{ file }, expires])
    ),
    gauge(
      'labgate_clock_state',
      'Whether the clock can be believed: 1 for the present state.',
      states(clockStates, clockSync.status.state, {}, 'state')
    ),
    gauge('labgate_time_seconds', 'What it says.', clock.now())
  ]
}

async function processFamilies({ self, clock }: Parts): Promise<Family[]> {
  const { user, system } = cpuUsage()
  const { rss, heapUsed } = memoryUsage()
  const { delays } = self
  const late: [Labels, number][] =
    delays === undefined
      ? []
      : [
          [{ quantile: '0.5' }, delays.p50 / 1000],
          [{ quantile: '0.99' }, delays.p99 / 1000],
          [{ quantile: '1.0' }, delays.max / 1000]
        ]
  const open = await readdir(descriptors).catch(() => undefined)
  return [
    gauge('labgate_event_loop_delay_seconds', 'How late the process came to what was due, over the last ten seconds.', late),
    counter('process_cpu_seconds_total', 'Processor time used, all threads.', (user + system) / 1e6),
    gauge('process_resident_memory_bytes', 'Resident memory.', rss),
    gauge('process_heap_bytes', 'Memory of JavaScript in use.', heapUsed),
    gauge('process_start_time_seconds', 'When the process started.', clock.now() - uptime()),
    ...(open === undefined ? [] : [gauge('process_open_fds', 'Open files and sockets.', open.length)])
  ]
}

function* labelled(counts: ReadonlyMap<string, bigint>, name: string): Generator<[Labels, bigint]> {
  for (const [key, count] of counts) yield [{ [name]: key }, count]
}
