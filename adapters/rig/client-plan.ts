/** What a client of rigs holds and brings along: a device for each rig, and one for each group. */
import type { Device, Plan, Problem, Right, Site } from '../../gateway/adapter.js'
import { groupCodenames } from './group-codenames.js'
import { alyx, rigCalls, rigCodenames, rigReadings, send } from './rig-codenames.js'
import { readEntries } from './rig-entry.js'
import type { RigEntry } from './rig-entry.js'
import type { RigClientConfig } from './types.js'

/** For a rig that is not declared. */
const brought: Device = { description: 'A rig (iblutil messages)', codenames: rigCodenames }

export function clientPlan(config: RigClientConfig, site: Site): Plan {
  const { entries, bad } = readEntries(config)
  const groups = Object.entries(config.groups).map(([device, { rigs }]) => {
    const codenames = groupCodenames(rigs.length)
    const calls = [...codenames].flatMap(([name, { callable }]) => (callable === undefined ? [] : [name]))
    const readings = [...codenames.keys()].filter((name) => !calls.includes(name))
    return { device, calls, readings, brings: { description: `The rigs ${rigs.join(', ')} together`, codenames } satisfies Device }
  })
  const isOurs = ({ device }: RigEntry): boolean => {
    const declared = site.devices.get(device)
    // Plans are made a second time, with the devices that the first brought.
    return declared === undefined || declared === brought
  }
  const rights = (device: string, codenames: Iterable<string>): Right[] => [...codenames].map((codename) => ({ device, codename }))
  return {
    feeds: [
      ...entries.flatMap(({ device }) => rights(device, rigCodenames.keys())),
      ...groups.flatMap(({ device, readings }) => rights(device, readings))
    ],
    executes: [
      ...entries.flatMap(({ device }) => rights(device, rigCalls)),
      ...groups.flatMap(({ device, calls }) => rights(device, calls))
    ],
    dials: entries.map(({ transport: protocol, host, port }) => ({ protocol, host, port })),
    devices: new Map([
      ...entries.filter(isOurs).map(({ device }): [string, Device] => [device, brought]),
      ...groups.map(({ device, brings }): [string, Device] => [device, brings])
    ]),
    problems: [
      ...bad.map(({ path, message }): Problem => ({ path, rule: 'uri', message })),
      ...deviceProblems(config, entries),
      ...declaredProblems(
        entries.filter((entry) => !isOurs(entry)),
        site
      ),
      ...entries.filter((entry) => !isOurs(entry)).flatMap((entry) => shortProblems(entry, site)),
      ...nameProblems(config),
      ...addressProblems(entries)
    ]
  }
}

/** A device is one rig, or one group. */
function deviceProblems({ groups }: RigClientConfig, entries: readonly RigEntry[]): Problem[] {
  const owners = new Map<string, string>()
  const twice = entries.flatMap(({ name, device }): Problem[] => {
    const owner = owners.get(device)
    owners.set(device, owner ?? name)
    return owner === undefined
      ? []
      : [{ path: ['rigs', name], rule: 'name-taken', message: `the rig ${owner} is the device ${device} already` }]
  })
  const same = Object.keys(groups).flatMap((name): Problem[] => {
    const owner = owners.get(name)
    if (owner === undefined) return []
    return [
      {
        path: ['groups', name],
        rule: 'name-taken',
        message: `the rig ${owner} is the device ${name} already; choose another name for the group`
      }
    ]
  })
  return [...twice, ...same]
}

function declaredProblems(entries: readonly RigEntry[], site: Site): Problem[] {
  return entries.flatMap(({ name, device }) => {
    const known = site.devices.get(device)?.codenames
    const not = rigCalls.filter(
      (codename) => isCall(codename) && known?.has(codename) === true && known.get(codename)?.callable === undefined
    )
    return not.map((codename): Problem => ({
      path: ['rigs', name],
      rule: 'not-callable',
      message: `its codename ${codename} is not callable: write callable, or leave it out`
    }))
  })
}

/** Who calls is told that it failed, while the rig is still at it. */
function shortProblems({ name, device, echoWithin, answerWithin }: RigEntry, site: Site): Problem[] {
  const known = site.devices.get(device)?.codenames
  const within = echoWithin + answerWithin
  const short = rigCalls.filter((codename) => (isEvent(codename) ? (known?.get(codename)?.callable?.timeout ?? within) : within) < within)
  if (short.length === 0) return []
  const message = `${short.join(', ')} of ${device} end sooner than the rig, which has ${within} s for its echo and its answer: give each callable: { timeout: ${within} }, or more where others use the rig too`
  return [{ path: ['rigs', name], rule: 'short-timeout', message, warning: true }]
}

function isEvent(codename: string): boolean {
  return codename !== alyx && codename !== send && codename !== 'await'
}

/** And nothing else. */
function isCall(codename: string): boolean {
  return codename !== alyx && !rigReadings.has(codename)
}

/** Rigs that groups and logins name. */
function nameProblems({ rigs, groups, alyx }: RigClientConfig): Problem[] {
  const named: [readonly (string | number)[], string][] = [
    ...Object.entries(groups).flatMap(([group, { rigs: members }]) =>
      members.map((name, at): [(string | number)[], string] => [['groups', group, 'rigs', at], name])
    ),
    ...(alyx === null ? [] : [[['alyx', 'from'], alyx.from] as [string[], string]]),
    ...(alyx === null ? [] : alyx.to.map((name, at): [(string | number)[], string] => [['alyx', 'to', at], name]))
  ]
  return named.flatMap(([path, name]): Problem[] => {
    if (!Object.hasOwn(rigs, name))
      return [{ path, rule: 'unknown-rig', message: `there is no rig ${name}; there are ${Object.keys(rigs).join(', ')}` }]
    return path[1] === 'to' && name === alyx?.from ? [{ path, rule: 'same-rig', message: `${name} has that login already` }] : []
  })
}

/** A rig on TCP hears its newest connection alone (section 7). */
function addressProblems(entries: readonly RigEntry[]): Problem[] {
  const owners = new Map<string, string>()
  return entries.flatMap(({ name, uri }): Problem[] => {
    const owner = owners.get(uri)
    owners.set(uri, owner ?? name)
    return owner === undefined
      ? []
      : [{ path: ['rigs', name], rule: 'same-address', message: `${uri} is the rig ${owner} already`, warning: true }]
  })
}
