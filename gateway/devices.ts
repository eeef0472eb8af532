import type { Codename, Device, Plan } from './adapter.js'
import type { Declared } from './declare.js'
import type { DeviceOptions, DevicesOptions, Entry, Fresh, Held, Redeclared } from './device-types.js'
import { GatewayError } from './errors.js'
import { nearest } from './config/nearest.js'
import { Holdings } from './holdings.js'

export type { DeviceOptions, DevicesOptions, Entry, Redeclared } from './device-types.js'

/** So many times `maxUndeclared` codenames may be undeclared or found on all devices together. */
const together = 10

/** The gateway's own device; nobody else may have the name. */
export const self = 'gateway'

/** All devices and codenames, and who holds the rights on them. */
export class Devices {
  readonly #options: DevicesOptions
  #devices = new Map<string, Held>()
  readonly #holdings = new Holdings()
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
    this.#holdings.grant(instance, plan)
  }

  /**
   * The configuration is another one: devices and codenames that it names no more go, unless something undeclared is left of them; those that
   * stay keep their place in memory. `isOther`: the configuration says something else of a codename that it has named before. Rights that were
   * claimed on what is declared now have been released before.
   */
  redeclare(
    declared: ReadonlyMap<string, Declared>,
    plans: Iterable<readonly [instance: string, plan: Plan]>,
    isOther: (device: string, codename: string) => boolean
  ): Redeclared {
    const before = this.#devices
    const gone: Entry[] = []
    const changed: { entry: Entry; before: Codename }[] = []
    this.#holdings.regrant(plans)
    for (const [name, held] of before) if (name !== self && held.declared && !declared.has(name)) this.#undeclare(name, held, gone)
    for (const [name, { device, options }] of declared) {
      const held = before.get(name)
      if (held === undefined) this.declare(name, device, options)
      else this.#redeclare(name, held, { device, options }, { gone, changed }, isOther)
    }
    const others = [...this.#devices.keys()].filter((name) => name !== self && !declared.has(name))
    const order = [self, ...declared.keys(), ...others]
    const held = this.#devices
    this.#devices = new Map()
    for (const name of order) {
      const each = held.get(name)
      if (each !== undefined) this.#devices.set(name, each)
    }
    return { gone, changed }
  }

  /**
   * Takes the feeding right on a whole device found at run time, perhaps with the executing right: one that nothing declares, as far as
   * there is room for it. It is met by that (counted, capped), as its state is retained from now on, also when no reading of it is ever accepted.
   */
  claim(instance: string, device: string, executes = false): void {
    if (device === self) throw new GatewayError('Forbidden', 'the gateway speaks for itself')
    if (this.#devices.get(device)?.declared === true)
      throw new GatewayError('Forbidden', `the device ${device} is declared; only an instance that names it in its configuration feeds it`)
    if (executes && !this.#holdings.isFinder(instance))
      throw new GatewayError('Forbidden', `the plan of ${instance} does not say that it carries out commands of devices that it finds`)
    this.mayMeet(device)
    const other = [...this.holders(device)].find((holder) => holder !== instance)
    if (other !== undefined) throw new GatewayError('Forbidden', `${device} is held by the instance ${other}`)
    this.meet(device)
    this.#holdings.claim(instance, device, executes)
  }

  /** False: the instance has not claimed it. */
  release(instance: string, device: string): boolean {
    return this.#holdings.release(instance, device)
  }

  /** Devices that were claimed, and by whom. */
  get claims(): ReadonlyMap<string, string> {
    return this.#holdings.claims
  }

  feeder(device: string, codename: string): string | undefined {
    return this.#holdings.feeder(device, codename)
  }

  executor(device: string, codename: string): string | undefined {
    return this.#holdings.executor(device, codename)
  }

  /** Instances that hold any right on the device. */
  holders(device: string): Set<string> {
    return this.#holdings.of(device)
  }

  /** Devices on which the instance holds a right. */
  heldBy(instance: string): Set<string> {
    return this.#holdings.by(instance)
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

  #redeclare(
    name: string,
    held: Held,
    { device, options }: Declared,
    { gone, changed }: { gone: Entry[]; changed: { entry: Entry; before: Codename }[] },
    isOther: (device: string, codename: string) => boolean
  ): void {
    const { history } = held.options
    const undeclared = options.undeclared ?? this.#options.undeclared
    held.options = { ...options, undeclared, description: device.description }
    if (!held.declared) {
      this.#undeclaredDevices -= 1
      this.#strangers -= held.found
      held.declared = true
    }
    const known = held.codenames
    for (const entry of known.values()) {
      if (device.codenames.has(entry.codename) || (entry.declared ? entry.found : undeclared === 'accept')) continue
      this.#drop(held, entry)
      this.#options.forgotten(entry)
      gone.push(entry)
    }
    held.codenames = new Map()
    for (const [codename, meta] of device.codenames) {
      const entry = known.get(codename)
      if (entry === undefined) {
        this.#add(name, codename, meta, true)
        continue
      }
      const isNew = !entry.declared || entry.found
      if (isNew) {
        this.#drop(held, entry)
        entry.declared = true
        entry.found = false
      }
      held.codenames.set(codename, entry)
      if (!isNew && !isOther(name, codename)) {
        // Whoever looks for another description sees one.
        if (history !== options.history) entry.meta = { ...entry.meta }
        continue
      }
      changed.push({ entry, before: entry.meta })
      entry.meta = meta
      this.#options.described(entry)
    }
    for (const [codename, entry] of known) {
      if (held.codenames.has(codename)) continue
      if (history !== options.history) entry.meta = { ...entry.meta }
      held.codenames.set(codename, entry)
    }
  }

  /** What nothing declares of it is as if it had been met. */
  #undeclare(name: string, held: Held, gone: Entry[]): void {
    const isLeft = this.#options.undeclared === 'accept' && this.#undeclaredDevices < this.#options.maxUndeclared
    for (const entry of held.codenames.values()) {
      if (!entry.declared && isLeft) {
        if (held.options.history !== undefined) entry.meta = { ...entry.meta }
        continue
      }
      this.#drop(held, entry)
      this.#options.forgotten(entry)
      gone.push(entry)
    }
    held.options = { undeclared: this.#options.undeclared }
    held.declared = false
    this.#undeclaredDevices += 1
    this.leave(name)
  }

  /** Counts it no more; `redeclare` of a device that was found has counted what was found on it before. */
  #drop(held: Held, entry: Entry): void {
    held.codenames.delete(entry.codename)
    if (!entry.declared) {
      held.undeclared -= 1
      this.#strangers -= 1
    } else if (entry.found) held.found -= 1
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
