/** Which codenames a pull socket shows, under which names, in which order. */
import type { Host, Problem, Site } from '../../gateway/adapter.js'
import { refOf } from '../common/ref.js'
import { codenameRefusal } from '../common/codename-rules.js'
import type { Shown } from '../common/pull-socket.js'
import { jsonWnLength } from './codec.js'
import type { DataPullServerConfig } from './types.js'

/** The stock Python client reads 1024 bytes at a time and hangs on an answer that fills them (sections 9 and 10.5). */
const stockClientReads = 1024

/** Problems that the original would have raised an exception for, with its words, and what it would suffer from silently. */
export function channelProblems(config: DataPullServerConfig, site: Site): Problem[] {
  const { device, channels } = config
  const path = channels === undefined ? ['device'] : ['channels']
  const names = channels === undefined ? legacyNames(device as string, site) : [...channels.keys()]
  const problems = nameProblems({ device, channels }, site)
  const length = jsonWnLength(names)
  if (length >= stockClientReads)
    problems.push({
      path,
      rule: 'json-wn-length',
      warning: true,
      message: `the answer to json_wn can have ${length} bytes; the stock Python client hangs from ${stockClientReads} on: show fewer channels on this port`
    })
  return problems
}

/** What the instance refers to; the server and the client have it in common. */
export interface Referring {
  readonly device?: string | undefined
  readonly channels?: ReadonlyMap<string, string> | undefined
}

/** Old names that no socket can have. */
export function nameProblems({ device, channels }: Referring, site: Site): Problem[] {
  const names = channels === undefined ? legacyNames(device as string, site) : [...channels.keys()]
  return names.flatMap((name) => {
    const message = codenameRefusal(name)
    if (message === undefined) return []
    return [{ path: channels === undefined ? ['device'] : ['channels', name], rule: 'forbidden-character', message }]
  })
}

function legacyNames(device: string, site: Site): string[] {
  return [...(site.devices.get(device)?.codenames ?? [])].map(([codename, { original }]) => original ?? codename)
}

/** Those that the configuration names, in its order. */
export function shownChannels({ device, channels }: Referring, host: Host): Shown[] {
  if (channels !== undefined) return [...channels].map(([legacy, target]) => ({ legacy, ...refOf(target) }))
  const name = device as string
  return host
    .codenames(name)
    .declared.map((codename) => ({ legacy: host.meta(name, codename)?.original ?? codename, device: name, codename }))
}
