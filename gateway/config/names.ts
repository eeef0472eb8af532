/** Names of devices and instances: each means one thing. */
import type { Finding, Path } from './problem.js'
import type { Planned } from './rights.js'

/** The gateway is a device like any other, and this is its name. */
const RESERVED = 'gateway'

export function checkDeviceNames(names: readonly string[]): Finding[] {
  const findings: Finding[] = []
  const seen = new Map<string, string>()
  for (const name of names) {
    const say = (rule: string, message: string): Finding => ({ path: ['devices', name], at: 'key', rule, message })
    if (name === RESERVED) findings.push(say('reserved', `${RESERVED} is the gateway itself; choose another name`))
    const other = seen.get(name.toLowerCase())
    if (other !== undefined) findings.push({ ...say('case', `differs from ${other} only by upper and lower case`), warning: true })
    else seen.set(name.toLowerCase(), name)
  }
  return findings
}

/** `ids`: in the order of the file, undefined where there is none. */
export function checkIds(ids: readonly (string | undefined)[], devices: ReadonlySet<string>): Finding[] {
  return ids.flatMap((id, index) => {
    if (id === undefined) return []
    const say = (rule: string, message: string): Finding[] => [{ path: ['adapters', index, 'id'], at: 'value', rule, message }]
    const first = ids.indexOf(id)
    if (first < index) return say('duplicate-id', `${id} is the id of adapters[${first}] already`)
    if (id === RESERVED) return say('reserved', `${RESERVED} is the gateway itself; choose another id`)
    return devices.has(id) ? say('name-taken', `${id} is the name of a device already; choose another id`) : []
  })
}

/** Devices that instances bring along must not be there already. `entries`: the configuration of each instance by its id. */
export function checkBroughtDevices(
  instances: readonly Planned[],
  declared: ReadonlySet<string>,
  entries: ReadonlyMap<string, object>
): Finding[] {
  const owners = new Map<string, string>()
  return instances.flatMap(({ id, path, plan }) =>
    [...(plan.devices?.keys() ?? [])].flatMap((name): Finding[] => {
      const owner = owners.get(name)
      owners.set(name, owner ?? id)
      // That the id is a device was told already.
      if (name === id && declared.has(name)) return []
      const place = { path: [...path, ...(findKey(entries.get(id), name) ?? [])], at: 'key' as const }
      if (name === RESERVED)
        return name === id ? [] : [{ ...place, rule: 'reserved', message: `${RESERVED} is the gateway itself; choose another name` }]
      if (declared.has(name))
        return [{ ...place, rule: 'name-taken', message: `the device ${name} stands under devices already; this instance brings its own` }]
      return owner === undefined ? [] : [{ ...place, rule: 'name-taken', message: `the instance ${owner} brings a device ${name} already` }]
    })
  )
}

/** Where a key of this name stands, to point at it. */
function findKey(value: unknown, name: string): Path | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const members: Iterable<[string, unknown]> = value instanceof Map ? value : Object.entries(value)
  for (const [key, member] of members) {
    if (key === name) return [key]
    const below = findKey(member, name)
    if (below !== undefined) return [key, ...below]
  }
  return undefined
}
