/** Which readings a live-client sends on, and what the proxy is told that they are called. */
import type { Host, Latest, Plan, Problem, Right, Site } from '../../gateway/adapter.js'
import { codenameRefusal } from '../common/codename-rules.js'
import type { Shown } from '../common/pull-socket.js'
import type { LiveClientConfig } from './types.js'

export interface Watched {
  readonly right: Right
  /** What a reading of it is called on the other side. */
  readonly nameOf: (reading: Latest) => string
}

export function watchedOf({ watch, channels }: LiveClientConfig, host: Host): Watched[] {
  const original = ({ device, codename }: Latest): string => host.meta(device, codename)?.original ?? codename
  return [
    ...(watch ?? []).map((target) => ({ right: rightOf(target), nameOf: original })),
    ...[...(channels ?? [])].map(([name, target]) => ({ right: rightOf(target), nameOf: () => name }))
  ]
}

/** What is declared, in order: the channels of the socket inside. */
export function declaredOf(config: LiveClientConfig, site: Names): Shown[] {
  const { watch, channels } = config
  const shown = (watch ?? []).flatMap((target): Shown[] => {
    const { device, codename } = rightOf(target)
    const codenames = codename === undefined ? site.codenames(device) : [codename]
    return codenames.map((one) => ({ legacy: site.original(device, one) ?? one, device, codename: one }))
  })
  const named = [...(channels ?? [])].map(([legacy, target]): Shown => {
    const { device, codename = '' } = rightOf(target)
    return { legacy, device, codename }
  })
  return [...shown, ...named]
}

/** What is known of codenames: of the configuration while it is checked, of the host later. */
interface Names {
  readonly codenames: (device: string) => readonly string[]
  readonly original: (device: string, codename: string) => string | undefined
}

export function namesOf(host: Host): Names {
  return { codenames: (device) => host.codenames(device).declared, original: (device, codename) => host.meta(device, codename)?.original }
}

export function clientPlan(config: LiveClientConfig, site: Site): Plan {
  const { pullSocket, host, port } = config
  return {
    ...(pullSocket === 'own' ? { listens: [{ protocol: 'udp', host, port, path: ['port'] }] } : {}),
    problems: problems(config, site)
  }
}

function problems(config: LiveClientConfig, { devices }: Site): Problem[] {
  const names: Names = {
    codenames: (device) => [...(devices.get(device)?.codenames.keys() ?? [])],
    original: (device, codename) => devices.get(device)?.codenames.get(codename)?.original
  }
  const found: Problem[] = []
  if (config.hostName?.includes(':') === true)
    found.push({ path: ['hostName'], rule: 'host-name', message: 'pages subscribe to host:codename, so a host name holds no colon' })
  const by = new Map<string, Shown>()
  for (const shown of declaredOf(config, names)) {
    const { legacy, device, codename } = shown
    const path = config.channels?.has(legacy) === true ? ['channels', legacy] : ['watch']
    const refusal = codenameRefusal(legacy)
    if (refusal !== undefined) found.push({ path, rule: 'forbidden-character', message: refusal })
    const other = by.get(legacy)
    by.set(legacy, shown)
    if (other === undefined) continue
    const message = `${other.device}/${other.codename} and ${device}/${codename} would both be sent as ${legacy}: name one of them under channels instead of watch`
    found.push({ path, rule: 'duplicate-name', message })
  }
  return found
}

function rightOf(target: string): Right {
  const [device = '', codename] = target.split('/')
  return codename === undefined ? { device } : { device, codename }
}
