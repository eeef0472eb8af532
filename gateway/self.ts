import { memoryUsage } from 'node:process'
import type { Clock, Codename, Device, Exact, Logger, Plan, Watch } from './adapter.js'
import type { Access } from './access/access.js'
import type { Broker } from './broker/broker.js'
import { self } from './devices.js'
import type { Devices } from './devices.js'
import type { History } from './history/history.js'
import type { Latest } from './latest.js'
import { LoopDelay } from './loop-delay.js'
import type { Delays } from './loop-delay.js'
import type { Operation } from './operation.js'
import type { Runs } from './runs/runs.js'
import { startArguments } from './runs/start-arguments.js'
import type { States } from './states.js'
import { formatTime, parseTime } from './time.js'
import type { Certificates } from './tls/certificates.js'
import type { Kind } from './topic.js'
import type { Upstream } from './upstream/upstream.js'

/** Seconds between two looks at the gateway's own codenames. */
const period = 10

/** Seconds between two of its readings in the history: a bar of an hour in a plot. Objects and what hardly changes are there when they change. */
const history = 60

const count = (description: string): Codename => ({ description, maxAge: 3 * period, history, schema: { type: 'integer', minimum: 0 } })

/** The gateway is a device like any other; the name is reserved. */
export const selfDevice: Device = {
  description: 'The gateway itself',
  codenames: new Map<string, Codename>([
    ['name', { description: 'Name of this gateway', history: 'change', schema: { type: 'string' } }],
    ['version', { description: 'Version of labgate', history: 'change', schema: { type: 'string' } }],
    ['uptime', { description: 'Time since start', unit: 's', maxAge: 3 * period, history, schema: { type: 'number', minimum: 0 } }],
    ['clients', count('MQTT clients connected')],
    ['instances', { description: 'State of every instance, and why', history: 'change', schema: { type: 'object' } }],
    ['counters', { description: 'Messages by instance: received, answered, refused, dropped', history, schema: { type: 'object' } }],
    ['rejected_total', count('Messages refused since start; each is a dead letter')],
    ['shed_total', count('Readings and dead letters refused because the queue to the broker was full')],
    [
      'limits',
      {
        description: 'How often each limit of the broker was hit since start',
        maxAge: 3 * period,
        history: 'change',
        schema: { type: 'object' }
      }
    ],
    [
      'access',
      {
        description: 'How often somebody was refused since start, by reason, and how many users there are',
        maxAge: 3 * period,
        history: 'change',
        schema: { type: 'object' }
      }
    ],
    [
      'slow_clients',
      {
        description: 'Connected clients that read slowly, and the messages of QoS 0 that each missed',
        history: 'change',
        schema: { type: 'object' }
      }
    ],
    ['disk_failures', count('Times that writing to gateway.data failed since start, every try')],
    [
      'disk_queue',
      {
        description: 'What waits to be written to gateway.data',
        unit: 'B',
        maxAge: 3 * period,
        history,
        schema: { type: 'integer', minimum: 0 }
      }
    ],
    [
      'absent_clients',
      {
        description: 'Absent clients, and the messages that each lost because too many waited',
        history: 'change',
        schema: { type: 'object' }
      }
    ],
    ['queue_length', count('Messages of the gateway that wait for the broker')],
    ['undeclared', count('Devices and codenames taken in that nothing declares')],
    ['retained', count('Retained messages held')],
    ['runs', { description: 'Runs that are on', schema: { type: 'array' } }],
    [
      'run_start',
      {
        description: 'Begins a run: all readings and commands go to a folder until run_stop',
        callable: {
          timeout: 10,
          arguments: {
            type: 'object',
            additionalProperties: false,
            properties: {
              ...startArguments,
              exp_ref: {
                description:
                  'Of the experiment that it belongs to, and its name if none is given; null: it has none. One such run of one asker',
                type: ['string', 'null'],
                maxLength: 500
              }
            }
          }
        }
      }
    ],
    [
      'run_stop',
      {
        description:
          'Ends a run; its files are made after the answer. Without id and name: the only one that is on, of those of who asks if there are any',
        callable: {
          timeout: 10,
          arguments: {
            type: 'object',
            additionalProperties: false,
            properties: {
              name: { description: 'Of a run that is on', type: 'string' },
              exp_ref: { description: 'From a rig: its run, if it has one', type: ['string', 'null'] }
            },
            // Not among the properties: a rig would write the id of its message there, as it does for calls that know an `id`.
            patternProperties: { '^id$': { description: 'Of the run', type: 'string' } }
          }
        }
      }
    ],
    [
      'reload',
      {
        description: 'What came of the last reading of the configuration; a call reads it again, and applies it whole or not at all',
        history: 'change',
        schema: { type: 'object' },
        callable: {
          timeout: 60,
          arguments: {
            type: 'object',
            additionalProperties: false,
            properties: { check: { description: 'true: only tell what it would do', type: 'boolean' } }
          },
          returns: { type: 'object' }
        }
      }
    ],
    ['history_state', { description: 'Whether readings are kept, and if not, why not', history: 'change', schema: { type: 'object' } }],
    ['history_waiting', count('Readings that wait to be written to the history')],
    ['history_dropped_total', count('Readings lost to the history since start')],
    [
      'history_bytes',
      { description: 'What the history takes', unit: 'B', maxAge: 3 * period, history, schema: { type: 'integer', minimum: 0 } }
    ],
    [
      'certificates',
      {
        description: 'Certificates of the listeners with TLS: whose, and how long they last',
        history: 'change',
        schema: { type: 'object' }
      }
    ],
    [
      'certificate_days',
      {
        description: 'Whole days until the first of them expires; below zero: it has expired',
        unit: 'd',
        history: 'change',
        schema: { type: 'integer' }
      }
    ],
    [
      'clock',
      {
        description: 'Whether the clock of this computer is right, as far as it can tell; else readings are uncertain',
        history: 'change',
        schema: { type: 'object' }
      }
    ],
    [
      'upstream',
      {
        description: 'Bridges to other brokers: whether each is connected, what waits, and what became of the rest',
        history: 'change',
        schema: { type: 'object' }
      }
    ],
    ['memory', { description: 'Resident memory', unit: 'MiB', maxAge: 3 * period, history, schema: { type: 'number' } }],
    [
      'event_loop_delay',
      {
        description: 'How late the process came to what was due, 99 times of 100 no later',
        unit: 'ms',
        maxAge: 3 * period,
        history,
        schema: { type: 'number', minimum: 0 }
      }
    ]
  ])
}

/** What the gateway carries out itself. */
export const selfPlan: Plan = { executes: ['run_start', 'run_stop', 'reload'].map((codename) => ({ device: self, codename })) }

export interface SelfOptions {
  readonly clock: Clock
  readonly name: string
  readonly version: string
  readonly log: Logger
}

export interface Sources {
  readonly devices: Devices
  readonly latest: Latest
  readonly states: States
  readonly access: Access
  readonly broker: Broker
  readonly runs: Runs
  readonly history: History
  readonly certificates: Certificates
  readonly operation: Operation
  readonly upstream: Upstream
}

type Counter = 'received' | 'answered' | 'refused' | 'dropped'

/** What the gateway says of itself under lab/gateway: nothing is dropped uncounted. */
export class Self {
  readonly #options: SelfOptions
  readonly #loop = new LoopDelay()
  readonly #counters = new Map<string, Map<string, bigint>>()
  #rejected = 0n
  #shed = 0n
  #diskFailures = 0n
  #timer: Watch | undefined
  #sources: Sources | undefined
  #started = 0

  constructor(options: SelfOptions) {
    this.#options = options
  }

  start(sources: Sources): void {
    this.#sources = sources
    this.#loop.start()
    this.#started = this.#options.clock.monotonic()
    this.#look()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#loop.stop()
    this.#sources = undefined
  }

  count(instance: string, counter: Counter, by: number): void {
    const counters = this.#counters.get(instance) ?? new Map<string, bigint>()
    counters.set(counter, (counters.get(counter) ?? 0n) + BigInt(by))
    this.#counters.set(instance, counters)
  }

  counters(instance: string): Record<Counter, number> {
    const counters = this.#counters.get(instance)
    const of = (counter: Counter): number => Number(counters?.get(counter) ?? 0n)
    return { received: of('received'), answered: of('answered'), refused: of('refused'), dropped: of('dropped') }
  }

  /** The instance is there no more. */
  forget(instance: string): void {
    this.#counters.delete(instance)
  }

  /** The last time of its own that an earlier run retained; Unix seconds. */
  lastTime({ broker, devices }: Pick<Sources, 'broker' | 'devices'>): number | undefined {
    const topic = devices.find(self, 'uptime')?.topic
    const found = /"time":"([^"]+)"/.exec((topic === undefined ? undefined : broker.retained(topic)) ?? '')?.[1]
    return found === undefined ? undefined : parseTime(found)
  }

  /** Since start: messages refused, messages shed as the queue to the broker was full, writes that failed. */
  get totals(): { readonly rejected: bigint; readonly shed: bigint; readonly diskFailures: bigint } {
    return { rejected: this.#rejected, shed: this.#shed, diskFailures: this.#diskFailures }
  }

  /** Of the last ten seconds. */
  get delays(): Delays | undefined {
    return this.#loop.last
  }

  refused(): void {
    this.#rejected += 1n
  }

  shed(kind: Kind | 'dead'): void {
    this.#shed += 1n
    if (this.#shed === 1n)
      this.#options.log.warn({ kind }, 'the queue to the broker is full: messages are shed; shed_total of the gateway device counts them')
  }

  diskFailed(): void {
    this.#diskFailures += 1n
    this.#put('disk_failures', this.#diskFailures)
  }

  /** An instance, a run, the history or a certificate changed its state. */
  changed(): void {
    if (this.#sources === undefined) return
    const { states, history, runs, certificates, operation, upstream } = this.#sources
    this.#certificates(certificates)
    this.#put('clock', new Map(Object.entries(operation.clockSync.status)))
    if (upstream.isWanted) this.#put('upstream', upstream.told())
    this.#put('runs', runs.shown())
    const { state, reason } = history.status()
    this.#put('history_state', new Map(Object.entries({ state, reason })))
    this.#put(
      'instances',
      new Map(
        [...states.instances()].map(([id, { state, reason }]) => [
          id,
          new Map([
            ['state', state],
            ['reason', reason]
          ])
        ])
      )
    )
  }

  /** Publishes now; `instances` also whenever one of them changes. */
  #look(): void {
    const sources = this.#sources
    if (sources === undefined) return
    const { access, broker, devices } = sources
    const { waiting, dropped, bytes } = sources.history.status()
    this.#put('name', this.#options.name)
    this.#put('version', this.#options.version)
    this.#put('uptime', Math.round((this.#options.clock.monotonic() - this.#started) * 10) / 10)
    this.#put('clients', BigInt(broker.clientCount))
    this.changed()
    this.#put('counters', new Map([...this.#counters].map(([id, counters]) => [id, new Map(counters)])))
    this.#put('rejected_total', this.#rejected)
    this.#put('shed_total', this.#shed)
    this.#put('limits', new Map(broker.limitHits))
    this.#put('access', told(access))
    this.#put('slow_clients', new Map(broker.missed))
    this.#put('absent_clients', new Map(broker.lost))
    this.#put('disk_failures', this.#diskFailures)
    this.#put('disk_queue', BigInt(broker.diskQueue))
    this.#put('queue_length', BigInt(broker.queueLength))
    this.#put('undeclared', BigInt(devices.undeclaredCount))
    this.#put('retained', BigInt(broker.retainedCount))
    this.#put('history_waiting', BigInt(waiting))
    this.#put('history_dropped_total', BigInt(dropped))
    this.#put('history_bytes', BigInt(bytes))
    this.#put('memory', Math.round(memoryUsage.rss() / 1_048_576))
    const delay = this.#loop.take()
    if (delay !== undefined) this.#put('event_loop_delay', delay)
    this.#timer = this.#options.clock.after(period, () => this.#look())
  }

  /** Nothing where there is no TLS. */
  #certificates(certificates: Certificates): void {
    const states = certificates.states()
    if (states.length === 0) return
    const shown = states.map(({ file, subject, issuer, expires, days }): [string, Exact] => [
      file,
      new Map<string, Exact>(Object.entries({ subject, issuer, expires: formatTime(expires), days: BigInt(days) }))
    ])
    this.#put('certificates', new Map(shown))
    this.#put('certificate_days', BigInt(Math.min(...states.map(({ days }) => days))))
  }

  #put(codename: string, value: Exact): void {
    const sources = this.#sources
    const entry = sources?.devices.find(self, codename)
    if (sources === undefined || entry === undefined) return
    const { latest } = sources
    // What has no maxAge is published when it changes.
    const before = latest.held(entry)
    if (entry.meta.maxAge === undefined && before !== undefined && text(before.value) === text(value)) return
    latest.put(entry, latest.weigh(entry, { device: self, codename, value }), true)
  }
}

function told({ refusals, userCount }: Access): Exact {
  return new Map<string, Exact>([
    ['refusals', new Map(refusals)],
    ['users', BigInt(userCount)]
  ])
}

function text(value: Exact): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member instanceof Map ? [...(member as Map<string, unknown>)] : typeof member === 'bigint' ? String(member) : member
  )
}
