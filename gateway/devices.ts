import type { Codename, Device, Plan, Ref, Right } from './adapter.js'
import { GatewayError } from './errors.js'
import { nearest } from './config/nearest.js'
import type { Topics } from './topic.js'

/** A codename as the gateway knows it: declared in the configuration or by an instance, or met at run time. */
export interface Entry extends Ref {
  /** Topic of the reading; everything else hangs below it. */
  readonly topic: string
  declared: boolean
  /** An instance found it at run time, and no configuration or plan names it: after a restart it is undeclared until it is found again. */
  found: boolean
  meta: Codename
}

export interface DeviceOptions {
  /** MQTT client id that alone may write the readings of a native device. */
  readonly client?: string | undefined
  readonly undeclared: 'accept' | 'refuse'
  /** For people. */
  readonly description?: string | undefined
  /** What the history keeps of its codenames, unless one of them says otherwise. */
  readonly history?: Codename['history']
}

export interface DevicesOptions {
  readonly topics: Topics
  readonly undeclared: 'accept' | 'refuse'
  /** Undeclared codenames a device may gather, and undeclared devices there may be. */
  readonly maxUndeclared: number
  /** Called once for each codename that becomes known after start, and when its description changes. */
  readonly described: (entry: Entry) => void
  /** An undeclared codename is no longer known. */
  readonly forgotten: (entry: Entry) => void
  /** Nothing is left of an undeclared device. */
  readonly left: (device: string) => void
}

/** Names that one message would bring along, by device. */
export type Fresh = ReadonlyMap<string, ReadonlySet<string>>

interface Held {
  readonly options: DeviceOptions
  readonly codenames: Map<string, Entry>
  undeclared: number
  /** Codenames that an instance declares now, as it found them. */
  found: number
  readonly declared: boolean
}

/** Instance ids that hold a right, by codename; the empty key of `all` is the whole device. */
interface Holders {
  readonly one: Map<string, string>
  all?: string
}

/** So many times `maxUndeclared` codenames may be undeclared or found on all devices together. */
const together = 10

/** The gateway's own device; nobody else may have the name. */
export const self = 'gateway'

/** All devices and codenames, and who holds the rights on them. */
export class Devices {
  readonly #options: DevicesOptions
  readonly #devices = new Map<string, Held>()
  readonly #feeds = new Map<string, Holders>()
  readonly #executes = new Map<string, Holders>()
  /** Instances that may carry out commands of devices that they found. */
  readonly #finders = new Set<string>()
  /** Found devices, and the instances that claimed them. */
  readonly #claimed = new Map<string, string>()
  #undeclaredDevices = 0
  /** Codenames that are undeclared, or found on a device that was found. */
  #strangers = 0

  constructor(options: DevicesOptions) {
    this.#options = options
  }

  /** Adds a device of the configuration or of an instance's plan. */
  declare(name: string, device: Device, options: Partial<DeviceOptions> = {}): void {
    const undeclared = options.undeclared ?? this.#options.undeclared
    const { description } = device
    this.#devices.set(name, {
      options: { ...options, undeclared, description },
      codenames: new Map(),
      undeclared: 0,
      found: 0,
      declared: true
    })
    for (const [codename, meta] of device.codenames) this.#add(name, codename, meta, true)
  }

  /** Notes the rights that an instance's plan takes. The configuration check has made sure that none is held twice. */
  grant(instance: string, plan: Plan): void {
    for (const right of plan.feeds ?? []) hold(this.#feeds, right, instance)
    for (const right of plan.executes ?? []) hold(this.#executes, right, instance)
    if (plan.executesFound === true) this.#finders.add(instance)
  }

  /**
   * Takes the feeding right on a whole device found at run time, perhaps with the executing right: one that nothing declares, as far as
   * there is room for it. It is met by that (counted, capped), as its state is retained from now on, also when no reading of it is ever accepted.
   */
  claim(instance: string, device: string, executes = false): void {
    if (device === self) throw new GatewayError('Forbidden', 'the gateway speaks for itself')
    if (this.#devices.get(device)?.declared === true)
      throw new GatewayError('Forbidden', `the device ${device} is declared; only an instance that names it in its configuration feeds it`)
    if (executes && !this.#finders.has(instance))
      throw new GatewayError('Forbidden', `the plan of ${instance} does not say that it carries out commands of devices that it finds`)
    this.mayMeet(device)
    const other = [...this.holders(device)].find((holder) => holder !== instance)
    if (other !== undefined) throw new GatewayError('Forbidden', `${device} is held by the instance ${other}`)
    this.meet(device)
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

  feeder(device: string, codename: string): string | undefined {
    return holder(this.#feeds, device, codename)
  }

  executor(device: string, codename: string): string | undefined {
    return holder(this.#executes, device, codename)
  }

  /** Instances that hold any right on the device. */
  holders(device: string): Set<string> {
    const found = new Set<string>()
    for (const rights of [this.#feeds.get(device), this.#executes.get(device)]) {
      if (rights?.all !== undefined) found.add(rights.all)
      for (const instance of rights?.one.values() ?? []) found.add(instance)
    }
    return found
  }

  /** Devices on which the instance holds a right. */
  heldBy(instance: string): Set<string> {
    const found = new Set<string>()
    for (const rights of [this.#feeds, this.#executes])
      for (const [device, { one, all }] of rights) if (all === instance || [...one.values()].includes(instance)) found.add(device)
    return found
  }

  has(device: string): boolean {
    return this.#devices.has(device)
  }

  names(): IterableIterator<string> {
    return this.#devices.keys()
  }

  options(device: string): DeviceOptions | undefined {
    return this.#devices.get(device)?.options
  }

  find(device: string, codename: string): Entry | undefined {
    return this.#devices.get(device)?.codenames.get(codename)
  }

  /** Declared codenames first, in the order of the configuration; then the others as they came. */
  codenames(device: string): Entry[] {
    return [...(this.#devices.get(device)?.codenames.values() ?? [])]
  }

  get undeclaredCount(): number {
    let count = this.#undeclaredDevices
    for (const device of this.#devices.values()) count += device.undeclared
    return count
  }

  /** Would {@link meet} take it? Throws the same errors, changes nothing. */
  mayMeet(device: string, fresh?: Fresh): void {
    if (this.#devices.has(device)) return
    if (this.#options.undeclared === 'refuse')
      throw new GatewayError('UnknownDevice', this.#unknown('device', device, this.#devices.keys()), { rule: 'undeclared' })
    const max = this.#options.maxUndeclared
    const others = [...(fresh?.keys() ?? [])].filter((other) => other !== device && !this.#devices.has(other)).length
    if (this.#undeclaredDevices + others >= max)
      throw new GatewayError('RateLimited', `already ${max} undeclared devices; declare the ones you need`, { rule: 'maxUndeclared' })
    if (this.#options.topics.state(device) === undefined) throw unwritable(device)
  }

  /** A device that something came from: known, or taken in as undeclared (counted, capped) where that is allowed. */
  meet(device: string): void {
    this.mayMeet(device)
    if (this.#devices.has(device)) return
    const options = { undeclared: this.#options.undeclared }
    this.#devices.set(device, { options, codenames: new Map(), undeclared: 0, found: 0, declared: false })
    this.#undeclaredDevices += 1
  }

  /** Would {@link admit} take it, after those that are `fresh`? Throws the same errors, changes nothing. */
  mayAdmit(device: string, codename: string, fresh?: Fresh): Entry | undefined {
    const held = this.#devices.get(device)
    const known = held?.codenames.get(codename)
    if (known !== undefined) return known
    this.mayMeet(device, fresh)
    if ((held?.options.undeclared ?? this.#options.undeclared) === 'refuse')
      throw new GatewayError('UnknownCodename', this.#unknown(`codename of ${device}`, codename, held?.codenames.keys() ?? []), {
        rule: 'undeclared'
      })
    const max = this.#options.maxUndeclared
    const names = fresh?.get(device)
    const others = names === undefined ? 0 : names.size - (names.has(codename) ? 1 : 0)
    if ((held?.undeclared ?? 0) + others >= max)
      throw new GatewayError('RateLimited', `${device} already has ${max} undeclared codenames; declare the ones you need`, {
        rule: 'maxUndeclared'
      })
    this.#mayBeMore([...(fresh?.values() ?? [])].reduce((sum, { size }) => sum + size, names?.has(codename) === true ? -1 : 0))
    if (this.#options.topics.reading(device, codename) === undefined) throw unwritable(codename)
    return undefined
  }

  /** One that says a thousand names for each of a thousand devices must not fill the memory. */
  #mayBeMore(others = 0): void {
    const max = this.#options.maxUndeclared * together
    if (this.#strangers + others >= max)
      throw new GatewayError('RateLimited', `already ${max} codenames that nothing declares; declare the ones you need`, {
        rule: 'maxUndeclared'
      })
  }

  /** The codename for a reading: known, or taken in as undeclared (counted, capped) where that is allowed. `found`: in an earlier run. */
  admit(device: string, codename: string, found = false): Entry {
    const known = this.mayAdmit(device, codename)
    if (known !== undefined) return known
    this.meet(device)
    return this.#add(device, codename, {}, false, found)
  }

  /** Throws when there is no such device. */
  expectDevice(device: string): void {
    if (!this.#devices.has(device)) throw new GatewayError('UnknownDevice', this.#unknown('device', device, this.#devices.keys()))
  }

  /** The codename, declared or not, for who wants to see it; throws when there is none. */
  expectAny(device: string, codename: string): Entry {
    this.expectDevice(device)
    const found = this.find(device, codename)
    if (found !== undefined) return found
    const known = this.#devices.get(device)?.codenames.keys() ?? []
    throw new GatewayError('UnknownCodename', this.#unknown(`codename of ${device}`, codename, known))
  }

  /** The codename for a command. Commands only ever go to declared ones. */
  expect(device: string, codename: string): Entry {
    this.expectDevice(device)
    const held = this.#devices.get(device)
    const entry = held?.codenames.get(codename)
    if (entry?.declared) return entry
    const declared = [...(held?.codenames.values() ?? [])].filter((other) => other.declared).map((other) => other.codename)
    const hint =
      entry === undefined
        ? this.#unknown(`codename of ${device}`, codename, declared)
        : `${device}/${codename} is not declared, so it takes no commands`
    throw new GatewayError('UnknownCodename', hint)
  }

  /**
   * Adds or replaces the description of a codename found at run time. Those of a device that was found itself are capped; of one that
   * is declared they are the matter of the instance that holds it.
   */
  describe(device: string, codename: string, meta: Codename): void {
    // A device found at run time stays one, whatever is told of its codenames.
    this.meet(device)
    const known = this.find(device, codename)
    if (known?.declared === true && known.meta === meta) return
    const held = this.#devices.get(device)
    const max = this.#options.maxUndeclared
    if (known?.declared !== true && held?.declared === false && held.found >= max)
      throw new GatewayError('RateLimited', `${device} already has ${max} codenames that were found; declare the ones you need`, {
        rule: 'maxUndeclared'
      })
    if (known === undefined) {
      if (held?.declared === false) this.#mayBeMore()
      this.#add(device, codename, meta, true, true)
      return
    }
    if (!known.declared && held !== undefined) {
      if (held.declared) this.#strangers -= 1
      held.undeclared -= 1
      held.found += 1
      known.found = true
    }
    known.declared = true
    known.meta = meta
    this.#options.described(known)
  }

  /**
   * Forgets a codename that neither configuration nor plan declares: an empty retained message was published to its topic, or the instance
   * that found it finds it no more. False: it stays.
   */
  forget(entry: Entry): boolean {
    const held = this.#devices.get(entry.device)
    if (held === undefined || (entry.declared && !entry.found) || !held.codenames.delete(entry.codename)) return false
    if (!entry.declared || !held.declared) this.#strangers -= 1
    if (entry.declared) held.found -= 1
    else held.undeclared -= 1
    this.#options.forgotten(entry)
    this.leave(entry.device)
    return true
  }

  /** Forgets an undeclared device of which nothing is left, and that nobody holds. */
  leave(device: string): void {
    const held = this.#devices.get(device)
    if (held === undefined || held.declared || held.codenames.size > 0 || this.holders(device).size > 0) return
    this.#devices.delete(device)
    this.#undeclaredDevices -= 1
    this.#options.left(device)
  }

  #add(device: string, codename: string, meta: Codename, declared: boolean, found = false): Entry {
    const topic = this.#options.topics.reading(device, codename)
    if (topic === undefined) throw unwritable(codename)
    let held = this.#devices.get(device)
    if (held === undefined) {
      held = { options: { undeclared: this.#options.undeclared }, codenames: new Map(), undeclared: 0, found: 0, declared: true }
      this.#devices.set(device, held)
    }
    const entry: Entry = { device, codename, topic, declared, found, meta }
    held.codenames.set(codename, entry)
    if (!declared) held.undeclared += 1
    else if (found) held.found += 1
    if (!declared || (found && !held.declared)) this.#strangers += 1
    this.#options.described(entry)
    return entry
  }

  #unknown(what: string, name: string, known: Iterable<string>): string {
    const close = nearest(name, known)
    const shown = JSON.stringify(name.length > 60 ? name.slice(0, 60) + '…' : name)
    return `no ${what} is called ${shown}${close === undefined ? '' : `; did you mean ${JSON.stringify(close)}?`}`
  }
}

function unwritable(name: string): GatewayError {
  return new GatewayError('BadPayload', `the name ${JSON.stringify(name.slice(0, 60))} cannot be written as a topic`, { rule: 'name' })
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
