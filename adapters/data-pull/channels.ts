/** Which codenames a pull socket shows, under which names, in which order. */
import type { Host, Problem, Site } from '../../gateway/adapter.js'
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
  const problems: Problem[] = []
  for (const name of names) {
    const message = codenameRefusal(name)
    if (message !== undefined)
      problems.push({ path: channels === undefined ? path : [...path, name], rule: 'forbidden-character', message })
  }
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

function legacyNames(device: string, site: Site): string[] {
  return [...(site.devices.get(device)?.codenames ?? [])].map(([codename, { original }]) => original ?? codename)
}

export function shownChannels({ device, channels }: DataPullServerConfig, host: Host): Shown[] {
  if (channels !== undefined)
    return [...channels].map(([legacy, target]) => {
      const slash = target.indexOf('/')
      return { legacy, device: target.slice(0, slash), codename: target.slice(slash + 1) }
    })
  const name = device as string
  return host
    .codenames(name)
    .declared.map((codename) => ({ legacy: host.meta(name, codename)?.original ?? codename, device: name, codename }))
}
