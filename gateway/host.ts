import type { Clock, Codename, Endpoint, Exact, Host, Latest as LatestReading, Logger, Reading, Request, Right, Watch } from './adapter.js'
import type { Broker } from './broker/broker.js'
import { deadLetter } from './broker/dead-letter.js'
import type { Commands } from './commands.js'
import { self } from './devices.js'
import type { Devices, Entry } from './devices.js'
import { GatewayError, asGatewayError } from './errors.js'
import { isValue } from './latest.js'
import type { Latest } from './latest.js'
import type { Self } from './self.js'
import type { States } from './states.js'
import type { Supervisor } from './supervisor.js'
import type { Topics } from './topic.js'
import { conform } from './validators.js'
import type { Validators } from './validators.js'

/** The parts of the gateway that hosts share. */
export interface Shared {
  readonly clock: Clock
  readonly broker: Broker
  readonly topics: Topics
  readonly devices: Devices
  readonly validators: Validators
  readonly latest: Latest
  readonly commands: Commands
  readonly states: States
  readonly self: Self
  /** Keeps a dead letter for people who look. */
  readonly dead: (letter: string) => void
  readonly endpoints: () => readonly Endpoint[]
}

/** What a host asks of the supervisor of its instance. */
type Supervising = Pick<Supervisor, 'failed' | 'report' | 'isActive'>

/** What one instance sees of the gateway. */
export class InstanceHost implements Host {
  readonly log: Logger
  readonly clock: Clock
  readonly #id: string
  /** Nothing of the old side is done, and nothing that it pushes is taken. */
  readonly #readOnly: boolean
  readonly #shared: Shared
  readonly #supervisor: () => Supervising | undefined
  readonly #watches = new Set<Watch>()
  /** Begins the names of its notes; `command:` begins others. */
  readonly #noted: string
  /** Another instance has its id now, or none: one that did not stop in its time changes nothing any more. */
  #isClosed = false

  constructor(
    { id, readOnly }: { readonly id: string; readonly readOnly?: boolean | undefined },
    shared: Shared,
    log: Logger,
    supervisor: () => Supervising | undefined
  ) {
    this.#id = id
    this.#readOnly = readOnly === true
    this.#noted = notesOf(id)
    this.#shared = shared
    this.log = log
    this.clock = shared.clock
    this.#supervisor = supervisor
  }

  async publish(...readings: readonly Reading[]): Promise<void> {
    const { broker, devices, latest } = this.#shared
    if (this.#supervisor()?.isActive !== true)
      throw new GatewayError('Unreachable', `the instance ${this.#id} is not running: it cannot publish`)
    if (this.#readOnly && readings.some(({ source }) => source === 'push')) throw readOnlyRefusal(this.#id, 'pushed')
    const accepted = this.#accept(readings)
    // A reading and its mirror; a codename that is new gets its description too.
    const news = accepted.filter(({ device, codename }) => devices.find(device, codename) === undefined).length
    const places = accepted.length * 2 + news
    if (places > broker.maxQueue)
      throw new GatewayError(
        'RateLimited',
        `${accepted.length} readings at once never fit into broker.limits.maxQueue (${broker.maxQueue}): raise it`,
        {
          rule: 'maxQueue'
        }
      )
    if (broker.room < places) throw new GatewayError('RateLimited', 'the queue to the broker is full', { rule: 'maxQueue' })
    for (const reading of accepted) {
      const entry = devices.admit(reading.device, reading.codename)
      latest.put(entry, latest.weigh(entry, reading), true)
    }
  }

  kept(within: number): Promise<boolean> {
    const { broker, clock } = this.#shared
    return new Promise((resolve) => {
      let timer: Watch | undefined
      // Let go when time is up: a disk that stands still would hold all of it.
      let settle: ((isKept: boolean) => void) | undefined = (isKept) => {
        settle = undefined
        timer?.cancel()
        resolve(isKept)
      }
      if (!broker.whenKept(() => settle?.(true))) settle(false)
      else if (settle !== undefined) timer = clock.after(within, () => settle?.(false))
    })
  }

  note(name: string, text: string | undefined): void {
    if (this.#isClosed) return
    this.#shared.broker.keep.note(this.#noted + name, text === undefined ? undefined : Buffer.from(text))
  }

  notes(): ReadonlyMap<string, string> {
    const own = [...this.#shared.broker.keep.notes()].filter(([name]) => name.startsWith(this.#noted))
    return new Map(own.map(([name, content]) => [name.slice(this.#noted.length), content.toString()]))
  }

  check(...readings: readonly Reading[]): Error | undefined {
    try {
      this.#accept(readings)
      return undefined
    } catch (error) {
      return asGatewayError(error)
    }
  }

  latest(device: string, codename: string): LatestReading | undefined {
    return this.#shared.latest.get(device, codename)
  }

  devices(): readonly string[] {
    return [...this.#shared.devices.names()].filter((name) => name !== self)
  }

  isOffline(device: string): boolean {
    return this.#shared.states.whyOffline(device) !== undefined
  }

  codenames(device: string): { declared: string[]; undeclared: string[]; found: string[] } {
    const entries = this.#shared.devices.codenames(device)
    const names = (is: (entry: Entry) => boolean): string[] => entries.filter(is).map(({ codename }) => codename)
    return {
      declared: names(({ declared }) => declared),
      undeclared: names(({ declared }) => !declared),
      found: names(({ found }) => found)
    }
  }

  meta(device: string, codename: string): Codename | undefined {
    return this.#shared.devices.find(device, codename)?.meta
  }

  watch(filter: Right, run: (reading: LatestReading) => void): Watch {
    if (this.#isClosed) return { cancel: () => {} }
    const { devices, latest } = this.#shared
    const watch = latest.watch(filter, (reading) => {
      if (devices.feeder(reading.device, reading.codename) !== this.#id) run(reading)
    })
    const own: Watch = {
      cancel: () => {
        watch.cancel()
        this.#watches.delete(own)
      }
    }
    this.#watches.add(own)
    return own
  }

  async request(request: Request): Promise<Exact> {
    this.#expectOpen()
    const refused = this.#refusal(request)
    if (refused !== undefined) throw refused
    return await this.#shared.commands.request(request, this.#id)
  }

  checkRequest(request: Request): Error | undefined {
    return this.#refusal(request) ?? this.#shared.commands.check(request)
  }

  refused(request: Request, error: Error): void {
    this.#shared.commands.refused(request, this.#id, asGatewayError(error))
  }

  describe(device: string, codename: string, meta: Codename | undefined): void {
    const { devices, latest, broker } = this.#shared
    this.#expectOpen()
    if (devices.feeder(device, codename) !== this.#id)
      throw new GatewayError('Forbidden', `${this.#id} does not feed ${device}/${codename}`)
    if (meta !== undefined) return devices.describe(device, codename, meta)
    const entry = devices.find(device, codename)
    if (entry === undefined || !devices.forget(entry)) return
    const isShown = latest.held(entry) !== undefined
    latest.forget(entry)
    if (isShown) broker.publish(entry.topic, '', 'reading', { sure: true })
  }

  claim(device: string, { executes }: { readonly executes: boolean } = { executes: false }): void {
    this.#expectOpen()
    this.#shared.devices.claim(this.#id, device, executes)
    this.#shared.states.claimed(device)
  }

  release(device: string, reason?: string): void {
    const { devices, states } = this.#shared
    if (this.#isClosed || !devices.release(this.#id, device)) return
    states.released(device, this.#id, reason)
    devices.leave(device)
  }

  endpoints(): readonly Endpoint[] {
    return this.#shared.endpoints()
  }

  report(state: 'online' | 'degraded' | 'offline', reason = 'it works', device?: string): void {
    this.#supervisor()?.report(state, reason, device)
  }

  count(counter: 'received' | 'answered' | 'refused' | 'dropped', by = 1): void {
    this.#shared.self.count(this.#id, counter, by)
  }

  dead({ device, codename }: Right, detail: string, error: Error): void {
    const { topics, broker, clock, self } = this.#shared
    const topic = (codename === undefined ? undefined : topics.reading(device, codename)) ?? topics.state(device) ?? topics.root
    const refused = asGatewayError(error)
    self.refused()
    const payload = deadLetter({ topic, payload: Buffer.from(detail), client: this.#id, error: refused, now: clock.now() })
    this.#shared.dead(payload)
    broker.publish(topics.dead(topic), payload, 'dead')
  }

  failed(error: Error): void {
    this.#supervisor()?.failed(error)
  }

  /** Ends the watches that the adapter left, and whatever it may still do. */
  close(): void {
    this.#isClosed = true
    for (const watch of this.#watches) watch.cancel()
  }

  #expectOpen(): void {
    if (this.#isClosed) throw new GatewayError('Unreachable', `the instance ${this.#id} was stopped`)
  }

  #refusal({ op }: Request): GatewayError | undefined {
    return this.#readOnly && op !== 'get' ? readOnlyRefusal(this.#id, op === 'set' ? 'set' : 'called') : undefined
  }

  /** The readings with their values as the schemas want them; throws the first refusal. */
  #accept(readings: readonly Reading[]): Reading[] {
    const { devices, validators } = this.#shared
    const fresh = new Map<string, Set<string>>()
    return readings.map((reading) => {
      const { device, codename, value } = reading
      if (devices.feeder(device, codename) !== this.#id)
        throw new GatewayError('Forbidden', `the instance ${this.#id} does not feed ${device}/${codename}`, { rule: 'feeds' })
      const entry = devices.mayAdmit(device, codename, fresh)
      if (entry === undefined) fresh.set(device, (fresh.get(device) ?? new Set()).add(codename))
      const schema = entry?.meta.schema
      if (schema === undefined || !isValue(value)) return reading
      const refused = validators.checkReading(schema, value, codename)
      if (refused !== undefined) throw refused
      const conformed = conform(schema, value)
      return conformed === value ? reading : { ...reading, value: conformed }
    })
  }
}

function readOnlyRefusal(id: string, what: 'set' | 'called' | 'pushed'): GatewayError {
  return new GatewayError('Forbidden', `nothing is ${what} through ${id}: it is readOnly`, { rule: 'readOnly' })
}

function notesOf(id: string): string {
  return `instance:${id}:`
}

/** What an instance noted that is there no more is nothing for the next of its id, which may be of any type. */
export function forgetNotes(keep: Shared['broker']['keep'], id: string): void {
  for (const name of keep.notes().keys()) if (name.startsWith(notesOf(id))) keep.note(name, undefined)
}
