/** A plan in words, for the log, for people who ask first, and for who wonders afterwards. */
import type { Ref } from '../adapter.js'
import { Topics } from '../topic.js'
import type { ReloadPlan } from './plan.js'

/** Names of one kind that are told. */
const most = 20

/** What is to be done, one line for each kind; nothing: there is nothing to do. */
export function inWords({ instances, why, devices, codenames, vanishing }: ReloadPlan, root: string): string[] {
  const named = ({ device, codename }: Ref): string => `${device}/${codename}`
  const topics = new Topics(root)
  return [
    line('instances that start', instances.added),
    line(
      'instances that start anew',
      instances.changed.map((id) => `${id} (${why.get(id) ?? ''})`)
    ),
    line('instances that stop', instances.removed),
    line('devices that come', devices.added),
    line('devices that change', devices.changed),
    line('devices that go', devices.removed),
    line('codenames that come', codenames.added.map(named)),
    line('codenames that change', codenames.changed.map(named)),
    line(
      'topics that vanish',
      vanishing.map(({ device, codename }) => topics.reading(device, codename) ?? named({ device, codename }))
    )
  ].filter((text) => text !== undefined)
}

/** Why nothing of the file is applied. */
export function restartNeeded(keys: readonly string[]): string {
  return `restart the gateway to apply this: ${list(keys)} cannot change while it runs, so nothing of the file was applied`
}

function line(what: string, names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `${what}: ${list(names)}`
}

function list(names: readonly string[]): string {
  const more = names.length - most
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ')
}
