import type { AdapterType, Command, Endpoint, Exact, InstanceConfig, Plan } from './adapter.js'
import type { Checked } from './config.js'
import type { Sources } from '../schemas/types.js'
import { GatewayError } from './errors.js'
import { InstanceHost } from './host.js'
import type { Shared } from './host.js'
import type { Logger } from './adapter.js'
import { Supervisor } from './supervisor.js'
import type { Schedule } from './supervisor.js'

/** One entry of `adapters` in the configuration, with all that keeps it running. */
export interface Instance {
  readonly id: string
  readonly type: string
  readonly supervisor: Supervisor
  readonly host: InstanceHost
  readonly plan: Plan
}

export interface InstancesOptions {
  readonly checked: Checked
  readonly types: readonly AdapterType[]
  readonly schedule: Schedule | undefined
}

/** All instances of adapters, in the order of the configuration. */
export class Instances {
  #instances = new Map<string, Instance>()
  readonly #options: Omit<InstancesOptions, 'checked'>
  readonly #shared: Shared & { readonly log: Logger }
  #isStopped = false

  /** Opens nothing. Throws when the configuration was checked with other types. */
  constructor({ checked, ...options }: InstancesOptions, parts: Omit<Shared, 'endpoints'> & { readonly log: Logger }) {
    this.#options = options
    this.#shared = { ...parts, endpoints: () => this.endpoints() }
    this.replace(checked, this.make(checked))
  }

  /**
   * New instances of what the configuration names, of these ids alone. They are nobody's yet, and have opened nothing. Throws what an adapter
   * throws.
   */
  make(checked: Checked, ids?: ReadonlySet<string>): Instance[] {
    const { types, schedule } = this.#options
    const { log, states, clock } = this.#shared
    return checked.config.adapters.flatMap((config) => {
      const { id } = config
      if (ids?.has(id) === false) return []
      const type = types.find((candidate) => candidate.type === config.type)
      if (type === undefined)
        throw new GatewayError('Internal', `the configuration was checked with other adapter types: ${config.type} is not there`)
      const instanceLog = log.child({ instance: id })
      const host = new InstanceHost(
        config as InstanceConfig & Partial<Pick<Sources, 'readOnly'>>,
        this.#shared,
        instanceLog,
        () => supervisor
      )
      const supervisor: Supervisor = new Supervisor({
        id,
        clock,
        adapter: type.create(config, host),
        log: instanceLog,
        state: (state, reason, device) =>
          device === undefined ? states.instance(id, state, reason) : states.ofOne(id, device, state, reason),
        ...(schedule === undefined ? {} : { schedule })
      })
      return [{ id, type: config.type, supervisor, host, plan: checked.plans.get(id) ?? {} }]
    })
  }

  /** These, and those that stay, in the order of the configuration. Whom it names no more has been {@link halt halted}. */
  replace(checked: Checked, made: readonly Instance[]): void {
    const all = new Map([...this.#instances, ...made.map((instance) => [instance.id, instance] as const)])
    this.#instances = new Map(
      checked.config.adapters.flatMap(({ id }) => {
        const instance = all.get(id)
        return instance === undefined ? [] : [[id, instance] as const]
      })
    )
  }

  /** Stops some, all at once, each within its time; they can never start again. */
  async halt(ids: Iterable<string>, why: string): Promise<void> {
    const halted = [...ids].flatMap((id) => this.#instances.get(id) ?? [])
    await Promise.all(halted.map(({ supervisor }) => supervisor.stop(why)))
    for (const { host } of halted) host.close()
  }

  get(id: string): Instance | undefined {
    return this.#instances.get(id)
  }

  ids(): IterableIterator<string> {
    return this.#instances.keys()
  }

  values(): IterableIterator<Instance> {
    return this.#instances.values()
  }

  /** Seconds that the slowest stop may take. */
  get stopWithin(): number {
    return Math.max(0, ...[...this.#instances.values()].map(({ supervisor }) => supervisor.stopWithin))
  }

  /** The sockets of all running instances. */
  endpoints(): readonly Endpoint[] {
    const found: Endpoint[] = []
    for (const { supervisor } of this.#instances.values()) {
      const endpoint = supervisor.running ? supervisor.adapter.endpoint?.() : undefined
      if (endpoint !== undefined) found.push(endpoint)
    }
    return found
  }

  /** Starts those that bind sockets; each promise ends with the first attempt. */
  listen(ids?: ReadonlySet<string>): Promise<void>[] {
    return this.#some(ids)
      .filter(isListening)
      .map(({ supervisor }) => supervisor.start())
  }

  /** Starts the others. Whoever they dial may take its time. */
  dial(ids?: ReadonlySet<string>): void {
    for (const instance of this.#some(ids)) if (!isListening(instance)) void instance.supervisor.start()
  }

  async execute(instance: string, command: Command, signal: AbortSignal): Promise<Exact> {
    const found = this.#instances.get(instance)
    if (found === undefined) throw new GatewayError('Unreachable', `the instance ${instance} is not there`)
    return await found.supervisor.execute(command, signal)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all([...this.#instances.values()].map(({ supervisor }) => supervisor.stop()))
    for (const { host } of this.#instances.values()) host.close()
  }

  /** None once all were stopped. */
  #some(ids: ReadonlySet<string> | undefined): Instance[] {
    return this.#isStopped ? [] : [...this.#instances.values()].filter(({ id }) => ids?.has(id) !== false)
  }
}

/** It binds a socket, and so starts before anything is dialled. */
function isListening({ plan }: Instance): boolean {
  return (plan.listens ?? []).length > 0
}
