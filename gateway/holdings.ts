import type { Plan, Right } from './adapter.js'

/** Instance ids that hold a right, by codename; `all` is the whole device. */
interface Holders {
  readonly one: Map<string, string>
  all?: string
}

/** Which instance feeds which codenames, and carries out their commands. */
export class Holdings {
  #feeds = new Map<string, Holders>()
  #executes = new Map<string, Holders>()
  /** Instances that may carry out commands of devices that they found. */
  readonly #finders = new Set<string>()
  /** Found devices, and the instances that claimed them. */
  readonly #claimed = new Map<string, string>()

  /** Notes the rights that an instance's plan takes. The configuration check has made sure that none is held twice. */
  grant(instance: string, plan: Plan): void {
    for (const right of plan.feeds ?? []) hold(this.#feeds, right, instance)
    for (const right of plan.executes ?? []) hold(this.#executes, right, instance)
    if (plan.executesFound === true) this.#finders.add(instance)
  }

  /** Those of other plans in place of all that were granted; what was claimed stays so. */
  regrant(plans: Iterable<readonly [instance: string, plan: Plan]>): void {
    const claims = [...this.#claimed].map(([device, instance]) => ({
      device,
      instance,
      executes: this.#executes.get(device)?.all === instance
    }))
    this.#feeds = new Map()
    this.#executes = new Map()
    this.#finders.clear()
    for (const [instance, plan] of plans) this.grant(instance, plan)
    for (const { device, instance, executes } of claims) this.claim(instance, device, executes)
  }

  isFinder(instance: string): boolean {
    return this.#finders.has(instance)
  }

  /** Of a device found at run time, as a whole. Whether that is right its caller knows. */
  claim(instance: string, device: string, executes: boolean): void {
    this.#claimed.set(device, instance)
    hold(this.#feeds, { device }, instance)
    if (executes) hold(this.#executes, { device }, instance)
  }

  /** False: the instance has not claimed it. */
  release(instance: string, device: string): boolean {
    if (this.#claimed.get(device) !== instance) return false
    this.#claimed.delete(device)
    for (const rights of [this.#feeds, this.#executes]) delete rights.get(device)?.all
    return true
  }

  /** Devices that were claimed, and by whom. */
  get claims(): ReadonlyMap<string, string> {
    return this.#claimed
  }

  feeder(device: string, codename: string): string | undefined {
    return holder(this.#feeds, device, codename)
  }

  executor(device: string, codename: string): string | undefined {
    return holder(this.#executes, device, codename)
  }

  /** Instances that hold any right on the device. */
  of(device: string): Set<string> {
    const found = new Set<string>()
    for (const rights of [this.#feeds.get(device), this.#executes.get(device)]) {
      if (rights?.all !== undefined) found.add(rights.all)
      for (const instance of rights?.one.values() ?? []) found.add(instance)
    }
    return found
  }

  /** Devices on which the instance holds a right. */
  by(instance: string): Set<string> {
    const found = new Set<string>()
    for (const rights of [this.#feeds, this.#executes])
      for (const [device, { one, all }] of rights) if (all === instance || [...one.values()].includes(instance)) found.add(device)
    return found
  }
}

function hold(rights: Map<string, Holders>, { device, codename }: Right, instance: string): void {
  const holders: Holders = rights.get(device) ?? { one: new Map() }
  if (codename === undefined) holders.all = instance
  else holders.one.set(codename, instance)
  rights.set(device, holders)
}

function holder(rights: Map<string, Holders>, device: string, codename: string): string | undefined {
  const holders = rights.get(device)
  return holders?.one.get(codename) ?? holders?.all
}
