/** What a push client carries out and sends on, under which keys, and what is wrong with a configuration that cannot work. */
import type { Codename, Plan, Problem, Ref, Site } from '../../gateway/adapter.js'
import { refOf } from '../common/ref.js'
import type { DataPushClientConfig } from './types.js'

/** Characters that no name can have in the raw form. */
const separator = /[:;#]/

export function clientPlan(config: DataPushClientConfig, site: Site): Plan {
  const { target } = config
  const channels = channelsOf(config, site)
  return {
    executes: channels.map(({ ref }) => ref),
    dials: [{ protocol: 'udp', host: target.host, port: target.port }],
    forwards: [...forwardedOf(config).values()],
    problems: [
      ...channelProblems(config, site),
      ...channels.flatMap((channel) => waitProblems(config, channel)),
      ...forwardProblems(config, channels)
    ]
  }
}

/** Key on the legacy side to the codename whose readings it carries. */
export function forwardedOf({ forward }: DataPushClientConfig): ReadonlyMap<string, Ref> {
  return new Map(Array.from(forward ?? new Map<string, string>(), ([key, target]) => [key, refOf(target)]))
}

/** Key on the legacy side: that of the channel map, or the name that the codename had there. Undefined: not carried out here. */
export function keyOf({ device, channels }: DataPushClientConfig, ref: Ref, meta: Codename | undefined): string | undefined {
  if (device !== undefined) return ref.device === device && takesCommands(meta) ? (meta?.original ?? ref.codename) : undefined
  const wanted = `${ref.device}/${ref.codename}`
  return [...(channels ?? [])].find(([, target]) => target === wanted)?.[0]
}

interface Channel {
  readonly key: string
  readonly ref: Ref
  readonly meta: Codename | undefined
  /** Where it stands in the instance's configuration. */
  readonly path: readonly string[]
}

function channelsOf(config: DataPushClientConfig, site: Site): Channel[] {
  const { device, channels } = config
  if (device === undefined)
    return [...(channels ?? [])].map(([key, target]) => {
      const ref = refOf(target)
      return { key, ref, meta: site.devices.get(ref.device)?.codenames.get(ref.codename), path: ['channels', key] }
    })
  return [...(site.devices.get(device)?.codenames ?? [])].flatMap(([codename, meta]) => {
    const ref = { device, codename }
    const key = keyOf(config, ref, meta)
    return key === undefined ? [] : [{ key, ref, meta, path: ['device'] }]
  })
}

function takesCommands(meta: Codename | undefined): boolean {
  return meta?.settable === true || meta?.callable !== undefined
}

function channelProblems(config: DataPushClientConfig, site: Site): Problem[] {
  const { device, method, form } = config
  const channels = channelsOf(config, site)
  const problems: Problem[] = []
  if (device !== undefined && site.devices.has(device) && channels.length === 0)
    problems.push({
      path: ['device'],
      rule: 'executes',
      message: `no codename of ${device} is settable or callable: there is nothing to push`
    })
  const firsts = new Map<string, Ref>()
  for (const { key, ref, meta, path } of channels) {
    const what = `${ref.device}/${ref.codename}`
    const say = (rule: string, message: string): void => void problems.push({ path, rule, message })
    if (meta !== undefined && !takesCommands(meta))
      say('executes', `${what} takes no command: write settable: true or callable at the codename`)
    if (form === 'raw_wn' && separator.test(key))
      say('forbidden-character', `the raw form has no way to write the name ${JSON.stringify(key)}`)
    const other = firsts.get(key)
    if (other !== undefined) say('key-twice', `${what} would be sent under the same key as ${other.device}/${other.codename}`)
    firsts.set(key, other ?? ref)
  }
  const [first, second] = channels.filter(({ meta }) => meta?.callable !== undefined)
  if (first !== undefined && second !== undefined && method === undefined)
    problems.push({
      path: second.path,
      rule: 'method',
      message: `calls of ${first.ref.codename} and ${second.ref.codename} look alike on the wire: write method: KEY, unless their arguments tell them apart`,
      warning: true
    })
  return problems
}

/** The gateway's own limit must leave room for the answer. */
function waitProblems({ timeout }: DataPushClientConfig, { ref, meta, path }: Channel): Problem[] {
  const limits = [meta?.settable === true ? meta.timeout : undefined, meta?.callable?.timeout]
  const least = Math.min(...limits.filter((limit) => limit !== undefined))
  if (least > timeout) return []
  const message = `commands of ${ref.device}/${ref.codename} have ${least} s in all, which leaves none of the ${timeout} s that an answer may take: raise the timeout of the codename, or lower this one`
  return [{ path: [...path], rule: 'timeout', message, warning: true }]
}

/** A value that came from the target must not go back there (section 10.11): it would undo what was set meanwhile. */
function forwardProblems({ device, forward }: DataPushClientConfig, channels: readonly Channel[]): Problem[] {
  const own = new Set([...(device === undefined ? [] : [device]), ...channels.map(({ ref }) => ref.device)])
  return [...(forward ?? [])].flatMap(([key, target]) => {
    const name = refOf(target).device
    if (!own.has(name)) return []
    const message = `${name} is steered through this socket: its readings come from there, and must not be pushed back`
    return [{ path: ['forward', key], rule: 'loop', message }]
  })
}
