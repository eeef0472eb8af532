import type { Clock } from './adapter.js'
import type { Publish } from './broker/queue.js'
import type { Devices } from './devices.js'
import { self } from './devices.js'
import { json } from './payload.js'
import { formatTime } from './time.js'
import type { Topics } from './topic.js'

export type State = 'online' | 'degraded' | 'offline' | 'disabled'

const unheard = 'nothing heard from it yet'

/** Worst last. */
const order: readonly State[] = ['online', 'degraded', 'disabled', 'offline']

export interface InstanceState {
  readonly state: State
  readonly reason: string
  readonly since: number
}

interface DeviceState extends InstanceState {
  readonly via: string
}

export interface StatesOptions {
  readonly clock: Clock
  readonly devices: Devices
  readonly topics: Topics
  readonly publish: Publish
  /** A device is offline: whatever readings it has are old. Told with every report, since some may have come in between. */
  readonly isOffline: (device: string) => void
  /** The state of an instance is another now. */
  readonly changed: () => void
  /** The state of a device is another now, see {@link States.told}. */
  readonly toldOf: (device: string) => void
}

/**
 * Which devices can be reached, and why not. The state of a device is the worst of the instances that hold rights on it;
 * a native device says it itself, or is online from its first reading on.
 */
export class States {
  readonly #options: StatesOptions
  readonly #instances = new Map<string, InstanceState>()
  readonly #devices = new Map<string, DeviceState>()
  /** What instances say of single devices of theirs, by device, then by instance. */
  readonly #ofOne = new Map<string, Map<string, { readonly state: State; readonly reason: string }>>()
  /** Of the gateway itself, by what is in trouble. */
  readonly #troubles = new Map<string, string>()
  readonly #began: number

  constructor(options: StatesOptions) {
    this.#options = options
    this.#began = options.clock.now()
  }

  /** What a supervisor says of its instance. */
  instance(id: string, state: State, reason: string): void {
    const before = this.#instances.get(id)
    if (before?.state === state && before.reason === reason) {
      for (const device of this.#options.devices.heldBy(id)) this.#stillOffline(device)
      return
    }
    const since = before?.state === state ? before.since : this.#options.clock.now()
    this.#instances.set(id, { state, reason, since })
    for (const device of this.#options.devices.heldBy(id)) this.#derive(device)
    this.#deriveSelf()
    this.#options.changed()
  }

  /** What an instance says of one of its devices; `online`: nothing besides what holds for all of them. */
  ofOne(id: string, device: string, state: State, reason: string): void {
    if (!this.#options.devices.holders(device).has(id)) return
    const said = this.#ofOne.get(device) ?? new Map<string, { state: State; reason: string }>()
    if (state === 'online') said.delete(id)
    else said.set(id, { state, reason })
    if (said.size === 0) this.#ofOne.delete(device)
    else this.#ofOne.set(device, said)
    this.#derive(device)
  }

  /** An instance took the device over at run time. */
  claimed(device: string): void {
    this.#derive(device)
  }

  /** And gave it back: nobody speaks for it now. */
  released(device: string, id: string, reason = `released by the instance ${id}`): void {
    this.#ofOne.get(device)?.delete(id)
    if (this.#options.devices.holders(device).size > 0) this.#derive(device)
    else this.#set(device, 'offline', reason, id, true)
  }

  instances(): ReadonlyMap<string, InstanceState> {
    return this.#instances
  }

  /** What a native device says of itself, or its client's connection says of it. */
  native(device: string, state: State, reason: string, via: string, announce: boolean): void {
    this.#set(device, state, reason, via, announce)
  }

  /** The client that alone speaks for a native device came or went. What the device said of itself before it went stays said. */
  connection(device: string, client: string, present: boolean): void {
    const gone = `its client ${client} disconnected`
    const reason = this.#devices.get(device)?.reason
    if (present && (reason === gone || reason === absent(client)))
      this.#set(device, 'online', `its client ${client} is connected`, client, true)
    if (!present && !this.isOffline(device)) this.#set(device, 'offline', gone, client, true)
  }

  /**
   * Another client than before alone speaks for a native device: what was said by the other counts no more. `client` undefined: nobody in
   * particular does now, and one that is offline may be there after all.
   */
  entrusted(device: string, client: string | undefined, present: boolean): void {
    if (client !== undefined && present) this.#set(device, 'online', `its client ${client} is connected`, client, true)
    else if (client !== undefined) this.#set(device, 'offline', absent(client), client, true)
    else if (this.isOffline(device)) this.#set(device, 'offline', unheard, self, true)
  }

  /** A native device that gives readings is there. */
  heard(device: string, via: string): void {
    if (this.#options.devices.holders(device).size > 0) return
    const known = this.#devices.get(device)
    if (known === undefined || known.state === 'offline') this.#set(device, 'online', 'it gives readings', via, true)
  }

  /** Until it is heard again. */
  forget(device: string): void {
    this.#devices.delete(device)
    const topic = this.#options.topics.state(device)
    if (topic !== undefined) this.#options.publish(topic, '', 'state')
    this.#options.toldOf(device)
  }

  /** What is known of the state of a device. */
  of(device: string): InstanceState {
    return this.#devices.get(device) ?? { state: 'offline', reason: unheard, since: this.#began }
  }

  /** The state of a device as on MQTT, where it is not told of what nobody has heard from. */
  told(device: string): string {
    return statePayload(this.#devices.get(device) ?? { state: 'offline', reason: unheard, via: self, since: this.#began })
  }

  isOffline(device: string): boolean {
    const state = this.#devices.get(device)?.state
    return state === 'offline' || state === 'disabled'
  }

  /** As the device itself, its client's connection or who held it said so; undefined: it is there, or merely silent so far. */
  whyOffline(device: string): string | undefined {
    const state = this.#devices.get(device)
    return this.isOffline(device) && state?.via !== self ? state?.reason : undefined
  }

  /** First state of every declared device and of these instances, before anybody listens. */
  announceAll(instances: Iterable<string>): void {
    const since = this.#options.clock.now()
    for (const id of instances) this.#instances.set(id, { state: 'offline', reason: 'not started yet', since })
    for (const device of this.#options.devices.names()) {
      if (device === self) continue
      if (this.#options.devices.holders(device).size > 0) this.#derive(device)
      else if (!this.#devices.has(device)) this.#set(device, 'offline', unheard, self, true)
    }
    this.#deriveSelf()
  }

  /**
   * The configuration is another one: instances that it does not name say nothing any more, those that it names anew have not started yet,
   * and each device is as who holds it now says.
   */
  rearrange(instances: Iterable<string>): void {
    const { clock, devices } = this.#options
    const before = new Map(this.#instances)
    const fresh: InstanceState = { state: 'offline', reason: 'not started yet', since: clock.now() }
    this.#instances.clear()
    for (const id of instances) this.#instances.set(id, before.get(id) ?? fresh)
    for (const [device, said] of this.#ofOne) {
      const holders = devices.holders(device)
      for (const id of said.keys()) if (!holders.has(id)) said.delete(id)
      if (said.size === 0) this.#ofOne.delete(device)
    }
    for (const device of devices.names()) {
      if (device === self) continue
      const via = this.#devices.get(device)?.via
      if (devices.holders(device).size > 0) this.#derive(device)
      // Whoever spoke for it holds it no more.
      else if (via === undefined || before.has(via)) this.#set(device, 'offline', unheard, self, true)
    }
    this.#deriveSelf()
    this.#options.changed()
  }

  /** What is wrong with a part of the gateway itself, and what to do; undefined: nothing. */
  own(trouble: string | undefined, part = 'disk'): void {
    if (trouble === this.#troubles.get(part)) return
    if (trouble === undefined) this.#troubles.delete(part)
    else this.#troubles.set(part, trouble)
    this.#deriveSelf()
  }

  /** The gateway is about to stop. */
  leave(reason: string): void {
    this.#set(self, 'offline', reason, self, true)
  }

  #derive(device: string): void {
    const holders = [...this.#options.devices.holders(device)]
    let worst: { id: string; state: State; reason: string } | undefined
    for (const id of holders) {
      const whole = this.#instances.get(id) ?? { state: 'offline' as State, reason: 'not started yet' }
      const one = this.#ofOne.get(device)?.get(id)
      for (const { state, reason } of one === undefined ? [whole] : [whole, one])
        if (worst === undefined || order.indexOf(state) > order.indexOf(worst.state)) worst = { id, state, reason }
    }
    if (worst !== undefined) this.#set(device, worst.state, worst.reason, worst.id, true)
  }

  #deriveSelf(): void {
    const wrong = [...this.#instances].filter(([, { state }]) => state === 'offline' || state === 'degraded')
    const troubles = wrong.map(([id, { state, reason: why }]) => `${id} is ${state}: ${why}`)
    troubles.unshift(...this.#troubles.values())
    const reason = troubles.length === 0 ? 'all instances work' : troubles.join('; ')
    this.#set(self, troubles.length === 0 ? 'online' : 'degraded', reason, self, true)
  }

  #set(device: string, state: State, reason: string, via: string, announce: boolean): void {
    const before = this.#devices.get(device)
    if (before?.state === state && before.reason === reason && before.via === via) return this.#stillOffline(device)
    const since = before?.state === state ? before.since : this.#options.clock.now()
    const after: DeviceState = { state, reason, via, since }
    this.#devices.set(device, after)
    const topic = this.#options.topics.state(device)
    if (announce && topic !== undefined) this.#options.publish(topic, statePayload(after), 'state')
    this.#options.toldOf(device)
    this.#stillOffline(device)
  }

  #stillOffline(device: string): void {
    if (this.isOffline(device)) this.#options.isOffline(device)
  }
}

function statePayload({ state, reason, via, since }: DeviceState): string {
  return json({ state, reason, via, since: formatTime(since) })
}

function absent(client: string): string {
  return `its client ${client} is not connected`
}
