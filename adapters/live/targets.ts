/** Where host and codename of the old side go, and what of other devices the pages see under which names. */
import type { Plan, Problem, Ref, Right, Site } from '../../gateway/adapter.js'
import { isLoopback } from '../common/web-origin.js'
import { loadHost } from './load.js'
import type { LiveServerConfig } from './types.js'

/** `channels` or `show`, taken apart: whole hosts, and single codenames of hosts. */
export interface Mapping {
  /** Host to device. */
  readonly hosts: ReadonlyMap<string, string>
  /** Host, then codename. */
  readonly channels: ReadonlyMap<string, ReadonlyMap<string, Ref>>
}

export function readMapping(written: ReadonlyMap<string, string>): Mapping {
  const hosts = new Map<string, string>()
  const channels = new Map<string, Map<string, Ref>>()
  for (const [key, target] of written) {
    const colon = key.indexOf(':')
    if (colon < 0) {
      hosts.set(key, target)
      continue
    }
    const host = key.slice(0, colon)
    const slash = target.indexOf('/')
    const codenames = channels.get(host) ?? new Map<string, Ref>()
    channels.set(host, codenames)
    codenames.set(key.slice(colon + 1), { device: target.slice(0, slash), codename: target.slice(slash + 1) })
  }
  return { hosts, channels }
}

export function livePlan({ host, port, web, channels, show }: LiveServerConfig, _site: Site): Plan {
  const wrong = [...formProblems('channels', channels), ...formProblems('show', show)]
  const listens = [
    { protocol: 'udp', host, port, path: ['port'] },
    { protocol: 'tcp', host: web.host, port: web.port, path: ['web', 'port'] }
  ] as const
  if (wrong.length > 0) return { listens, problems: wrong }
  const feeds = rightsOf(readMapping(channels))
  return { listens, feeds, problems: [...shownProblems(show, feeds), ...nameProblems(channels, show), ...originProblems(web)] }
}

function rightsOf({ hosts, channels }: Mapping): Right[] {
  return [...[...hosts.values()].map((device) => ({ device })), ...[...channels.values()].flatMap((codenames) => [...codenames.values()])]
}

/** A host goes with a device, a codename of a host with a codename of a device. */
function formProblems(path: 'channels' | 'show', written: ReadonlyMap<string, string>): Problem[] {
  return [...written].flatMap(([key, target]) => {
    const [colons, slashes] = [key.split(':').length - 1, target.split('/').length - 1]
    if (colons === slashes && colons <= 1) return []
    const message =
      colons > 1
        ? 'a name of the old side is host, or host:codename with one colon'
        : colons === 0
          ? `a whole host goes with a whole device: write host:codename in front of ${target}, or only the device behind ${key}`
          : `one codename of a host goes with device/codename, and ${target} is a device`
    return [{ path: [path, key], rule: 'mapping', message }]
  })
}

function shownProblems(show: ReadonlyMap<string, string>, feeds: readonly Right[]): Problem[] {
  return [...show].flatMap(([key, target]): Problem[] => {
    const path = ['show', key]
    const [device, codename] = target.split('/')
    const own = feeds.some((right) => right.device === device && (right.codename === undefined || right.codename === codename))
    if (own)
      return [
        { path, rule: 'loop', message: `${target} comes from a LiveSocket host already, and the pages see it under that host's name` }
      ]
    if (key.split(':')[0] !== loadHost) return []
    return [{ path, rule: 'reserved', message: `${loadHost} is the name under which the proxy shows its own load` }]
  })
}

/** Points of a host are refused under a name that is shown. One codename of a mapped host may be shown instead of what the host sends. */
function nameProblems(channels: ReadonlyMap<string, string>, show: ReadonlyMap<string, string>): Problem[] {
  const hosts = new Set([...channels.keys()].map((key) => key.split(':')[0]))
  return [...show.keys()].flatMap((key): Problem[] => {
    const what = hosts.has(key) ? 'a host' : channels.has(key) ? "a host's codename" : undefined
    if (what === undefined) return []
    const message = `${key} is ${what} under channels, whose points would be refused: show the other device under another name`
    return [{ path: ['show', key], rule: 'duplicate-name', message }]
  })
}

/** Pages of other hosts, which is what live pages mostly are, would stay red without a word. */
function originProblems({ host, origins }: LiveServerConfig['web']): Problem[] {
  if (isLoopback(host) || origins.length > 0) return []
  const message =
    "pages of other web servers are sent away: list these servers under origins, as https://lab.example, or write '*' to let all in"
  return [{ path: ['web', 'host'], rule: 'origins', message, warning: true }]
}
