/** We are the experiment computer: rigs are told what to do, one by one or in groups, and what they say are readings. */
import type { Adapter, AdapterType, Command, Exact, Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { clientPlan } from './client-plan.js'
import schema from './config.schema.json' with { type: 'json' }
import { Group } from './group.js'
import { rigCodenames } from './rig-codenames.js'
import { RigDevice, drainWithin } from './rig-device.js'
import { ownWithin, readEntries } from './rig-entry.js'
import { Logins } from './rig-logins.js'
import { Runs } from './runs.js'
import type { RigClientConfig } from './types.js'

export const rigClient: AdapterType<RigClientConfig> = {
  type: 'rig-client',
  configSchema: schema.$defs['rig-client'],
  plan: clientPlan,
  create: (config, host) => new RigClient(config, host)
}

/** What is there between a start and a stop. */
interface Life {
  /** By device. */
  readonly rigs: ReadonlyMap<string, RigDevice>
  readonly groups: ReadonlyMap<string, Group>
  readonly logins: Logins | undefined
}

class RigClient implements Adapter {
  readonly stopWithin = drainWithin + 1
  readonly #config: RigClientConfig
  readonly #host: Host
  #life: Life | undefined

  constructor(config: RigClientConfig, host: Host) {
    this.#config = config
    this.#host = host
  }

  /** That a rig is not there is a state, and no failure to start. */
  start(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error)
    const life = this.#begin()
    this.#life = life
    this.#describe(life)
    for (const rig of life.rigs.values()) rig.start()
    for (const group of life.groups.values()) group.open()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    const life = this.#life
    this.#life = undefined
    if (life === undefined) return
    life.logins?.forget()
    await Promise.all(
      [...life.groups.values(), ...[...life.rigs.values()].map((rig) => ({ close: () => rig.stop() }))].map((one) => one.close())
    )
  }

  async execute(command: Command, signal: AbortSignal): Promise<Exact> {
    const { device, codename } = command
    const life = this.#life
    if (life === undefined) throw new GatewayError('Unreachable', 'the instance is stopped; nothing was sent', { code: 'closed' })
    const group = life.groups.get(device)
    if (group !== undefined) return await group.execute(command, signal)
    const rig = life.rigs.get(device)
    if (rig === undefined) throw new GatewayError('UnknownDevice', `${this.#config.id} has no rig or group ${device}`)
    if (!rigCodenames.has(codename)) throw new GatewayError('UnknownCodename', `${device} has no call ${codename}`)
    return await rig.execute(command, signal)
  }

  #begin(): Life {
    const { id, groups, alyx, maxRate } = this.#config
    const host = this.#host
    const { entries } = readEntries(this.#config)
    const runs = new Runs(
      host,
      entries.map(({ name }) => name)
    )
    let logins: Logins | undefined
    const byName = new Map(
      entries.map((entry): [string, RigDevice] => [
        entry.name,
        new RigDevice({
          entry,
          host,
          id,
          maxRate,
          runs,
          onLogin: (rig, elements) => logins?.heard(rig, elements)
        })
      ])
    )
    const rigOf = (name: string): RigDevice => byName.get(name) as RigDevice
    if (alyx !== null)
      logins = new Logins({
        host,
        from: rigOf(alyx.from).rig,
        to: alyx.to.map((name) => rigOf(name).rig),
        answerWithin: this.#config.answerWithin
      })
    return {
      rigs: new Map(entries.map(({ name, device }) => [device, rigOf(name)])),
      groups: new Map(
        Object.entries(groups).map(([name, { rigs, ...group }]) => [
          name,
          new Group({ ...group, name, rigs: rigs.map((member) => rigOf(member).rig), ownWithin: ownWithin(this.#config), host, runs })
        ])
      ),
      logins
    }
  }

  /** Of rigs that are declared without their codenames. */
  #describe({ rigs }: Life): void {
    for (const device of rigs.keys()) {
      const { declared } = this.#host.codenames(device)
      for (const [codename, meta] of rigCodenames) if (!declared.includes(codename)) this.#host.describe(device, codename, meta)
    }
  }
}
