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

/** All instances of adapters, in the order of the configuration. */
export class Instances {
  readonly #instances = new Map<string, Instance>()

  /** Opens nothing. Throws when the configuration was checked with other types. */
  constructor(
    options: { readonly checked: Checked; readonly types: readonly AdapterType[]; readonly schedule: Schedule | undefined },
    parts: Omit<Shared, 'endpoints' | 'isActive'> & { readonly log: Logger }
  ) {
    const { checked, types, schedule } = options
    const { log, states, clock } = parts
    const shared: Shared = {
      ...parts,
      endpoints: () => this.endpoints(),
      isActive: (id) => this.#instances.get(id)?.supervisor.isActive ?? false
    }
    for (const config of checked.config.adapters) {
      const { id } = config
      const type = types.find((candidate) => candidate.type === config.type)
      if (type === undefined)
        throw new GatewayError('Internal', `the configuration was checked with other adapter types: ${config.type} is not there`)
      const instanceLog = log.child({ instance: id })
      const host = new InstanceHost(
        config as InstanceConfig & Partial<Pick<Sources, 'readOnly'>>,
        shared,
        instanceLog,
        () => this.#instances.get(id)?.supervisor
      )
      const supervisor = new Supervisor({
        id,
        clock,
        adapter: type.create(config, host),
        log: instanceLog,
        state: (state, reason, device) =>
          device === undefined ? states.instance(id, state, reason) : states.ofOne(id, device, state, reason),
        ...(schedule === undefined ? {} : { schedule })
      })
      this.#instances.set(id, { id, type: config.type, supervisor, host, plan: checked.plans.get(id) ?? {} })
    }
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
  listen(): Promise<void>[] {
    return [...this.#instances.values()].filter(isListening).map(({ supervisor }) => supervisor.start())
  }

  /** Starts the others. Whoever they dial may take its time. */
  dial(): void {
    for (const instance of this.#instances.values()) if (!isListening(instance)) void instance.supervisor.start()
  }

  async execute(instance: string, command: Command, signal: AbortSignal): Promise<Exact> {
    const found = this.#instances.get(instance)
    if (found === undefined) throw new GatewayError('Unreachable', `the instance ${instance} is not there`)
    return await found.supervisor.execute(command, signal)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#instances.values()].map(({ supervisor }) => supervisor.stop()))
    for (const { host } of this.#instances.values()) host.close()
  }
}

/** It binds a socket, and so starts before anything is dialled. */
function isListening({ plan }: Instance): boolean {
  return (plan.listens ?? []).length > 0
}
