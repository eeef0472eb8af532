import type { Clock, Codename } from '../adapter.js'
import type { Broker } from '../broker/broker.js'
import type { Publish } from '../broker/queue.js'
import type { Commands } from '../commands.js'
import type { Checked } from '../config.js'
import type { Current } from '../current.js'
import { declaredDevices, grants } from '../declare.js'
import type { Devices, Entry } from '../devices.js'
import { forgetNotes } from '../host.js'
import type { Instances } from '../instances.js'
import { isValue } from '../latest.js'
import type { Latest } from '../latest.js'
import type { Self } from '../self.js'
import type { States } from '../states.js'
import type { Validators } from '../validators.js'
import type { Topics } from '../topic.js'
import type { ReloadPlan } from './plan.js'

/** What a reload changes. */
export interface Changing {
  readonly clock: Clock
  readonly current: Current
  readonly devices: Devices
  readonly instances: Instances
  readonly states: States
  readonly latest: Latest
  readonly commands: Commands
  readonly validators: Validators
  readonly self: Self
  readonly publish: Publish
  readonly topics: Topics
  readonly broker: Pick<Broker, 'isPresent' | 'keep'>
}

/** Seconds that a reload waits until instances that listen have opened their sockets; they go on trying by themselves. */
const openWithin = 5

/**
 * Applies a plan without anything to restart: what is gone or changed stops, then all of the new configuration is in force at once, then what is
 * new or changed starts. Instances that the plan does not name are not touched. Rejects before anything has happened, or never.
 */
export async function applyReload(next: Checked, plan: ReloadPlan, parts: Changing, signal: AbortSignal): Promise<void> {
  const { instances, states, devices } = parts
  const declared = declaredDevices(next)
  // Whoever found a device that is declared now has to do without it: an instance that names it feeds it.
  const robbed = [...devices.claims].flatMap(([device, id]) => (declared.has(device) ? [id] : []))
  const gone = new Set(plan.instances.removed)
  const anew = new Set([...plan.instances.changed, ...robbed].filter((id) => !gone.has(id)))
  const starting = new Set([...plan.instances.added, ...anew])
  const made = instances.make(next, starting)
  for (const id of anew) states.instance(id, 'offline', 'it is started anew, as the configuration has changed')
  for (const id of gone) states.instance(id, 'offline', 'the configuration does not name it any more')
  await instances.halt([...gone, ...anew], 'the configuration has changed')
  if (signal.aborted) return
  // Nothing is awaited from here on until all is as the new file says.
  const { isOther, isGone } = differences(plan)
  const isStopped = (id: string | undefined): boolean => id !== undefined && (gone.has(id) || anew.has(id))
  parts.commands.giveUp(
    'the configuration was changed meanwhile; it may have been carried out',
    ({ entry, executor }) => isGone(entry) || isStopped(executor)
  )
  forgetBrought(gone, parts)
  for (const [device, id] of devices.claims) if (isStopped(id) || declared.has(device)) release(device, id, parts)
  const clients = clientsOf(devices)
  const redeclared = devices.redeclare(declared, grants(next), isOther)
  // Whoever carried it out until now must not answer for another.
  parts.commands.giveUp(
    'somebody else carries it out since the configuration was changed; it may have been carried out',
    ({ entry: { device, codename }, executor }) => executor !== devices.executor(device, codename)
  )
  for (const entry of redeclared.gone) forget(entry, parts)
  for (const { entry, before } of redeclared.changed) redescribe(entry, before, parts)
  instances.replace(next, made)
  states.rearrange(instances.ids())
  entrust(clients, parts)
  parts.current.replace(next)
  const opened = instances.listen(starting)
  instances.dial(starting)
  await patiently(opened, parts.clock, signal)
}

/** What these instances found, fed and noted at run time goes with them. */
function forgetBrought(gone: ReadonlySet<string>, parts: Changing): void {
  const { devices, self, broker } = parts
  for (const device of devices.names())
    for (const entry of devices.codenames(device))
      if (gone.has(devices.feeder(device, entry.codename) ?? '') && devices.forget(entry)) forget(entry, parts)
  for (const id of gone) {
    self.forget(id)
    forgetNotes(broker.keep, id)
  }
}

function clientsOf(devices: Devices): ReadonlyMap<string, string | undefined> {
  return new Map(Array.from(devices.names(), (name) => [name, devices.options(name)?.client]))
}

/** Native devices for which another client speaks than before. A device that comes waits for its own, as after a start. */
function entrust(before: ReadonlyMap<string, string | undefined>, { devices, states, topics, broker }: Changing): void {
  for (const [name, was] of before) {
    const client = devices.options(name)?.client
    if (client === was || !devices.has(name) || devices.holders(name).size > 0) continue
    states.entrusted(name, client, client !== undefined && broker.isPresent(client, topics.state(name) ?? ''))
  }
}

/** As if the instance had done it itself. */
function release(device: string, id: string, { devices, states }: Changing): void {
  devices.release(id, device)
  states.released(device, id)
  devices.leave(device)
}

/** Its retained reading goes; its description went with it. The history keeps what it has. */
function forget(entry: Entry, { latest, publish }: Changing): void {
  const isShown = latest.held(entry) !== undefined
  latest.forget(entry)
  if (isShown) publish(entry.topic, '', 'reading', { sure: true })
}

/** A value that the schema does not allow any more must not stand there as if it did. */
function redescribe(entry: Entry, before: Codename, parts: Changing): void {
  const { latest, validators } = parts
  const { schema } = entry.meta
  const held = latest.held(entry)
  const isWrong =
    schema !== undefined &&
    held !== undefined &&
    isValue(held.value) &&
    validators.checkReading(schema, held.value, entry.codename) !== undefined
  if (isWrong) forget(entry, parts)
  latest.redescribed(entry, before)
}

interface Differences {
  readonly isOther: (device: string, codename: string) => boolean
  readonly isGone: (entry: Entry) => boolean
}

function differences({ codenames, vanishing }: ReloadPlan): Differences {
  const key = (device: string, codename: string): string => `${device}/${codename}`
  const other = new Set([...codenames.changed, ...codenames.added].map(({ device, codename }) => key(device, codename)))
  const gone = new Set(vanishing.map(({ device, codename }) => key(device, codename)))
  return {
    isOther: (device, codename) => other.has(key(device, codename)),
    isGone: ({ device, codename }) => gone.has(key(device, codename))
  }
}

async function patiently(work: readonly Promise<void>[], clock: Clock, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(openWithin, end)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    void Promise.all(work).then(end)
  })
}
