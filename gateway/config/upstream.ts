/** Bridges: what is wrong with them before they connect. */
import { overlaps } from '../access/filter.js'
import { ruleFault } from '../access/rules.js'
import { isLoopback } from './listeners.js'
import type { Finding, Path } from './problem.js'
import { quote } from './words.js'

type Part = Readonly<Record<string, unknown>>

/** What a filter below the root may be meant for, by its last level. */
const commands = ['set', 'get', 'call', 'history'].map((op) => ['+', '+', op])
const told = [['+'], ['+', '+'], ...['value', 'meta', 'reply'].map((kind) => ['+', '+', kind])]

/** `data`: the file, as far as it is right. `isFilledIn`: whether a variable stands at the path. */
export function checkUpstream(data: Part, isFilledIn: (path: Path) => boolean): Finding[] {
  const bridges = list(data['upstream']).map(object)
  const own = object(object(data['broker'])['tcp'])
  return bridges.flatMap((bridge, index) => {
    const path = ['upstream', index]
    return [
      ...checkId(bridges, index),
      ...checkFilters(bridge['up'], [...path, 'up'], told, 'commands never go up, and below the root there are at most three levels'),
      ...checkFilters(bridge['down'], [...path, 'down'], commands, 'only commands come down, as furnace/+/set'),
      ...checkSecrets(bridge, path, isFilledIn),
      ...checkTls(object(bridge['tls']), [...path, 'tls']),
      ...checkServers(bridge, path, own['port']),
      ...checkTwins(bridges, index)
    ]
  })
}

function checkId(bridges: readonly Part[], index: number): Finding[] {
  const id = bridges[index]?.['id']
  const first = bridges.findIndex((other) => other['id'] === id)
  if (typeof id !== 'string' || first === index) return []
  return [{ path: ['upstream', index, 'id'], at: 'value', rule: 'duplicate-id', message: `${id} is the id of upstream[${first}] already` }]
}

function checkFilters(given: unknown, path: Path, kinds: readonly string[][], help: string): Finding[] {
  return list(given).flatMap((filter, index): Finding[] => {
    if (typeof filter !== 'string') return []
    const place = { path: [...path, index], at: 'value' as const, rule: 'filter' }
    const fault = ruleFault(filter)
    if (fault !== undefined) return [{ ...place, message: `${quote(filter)} is no topic filter: ${fault}` }]
    const levels = filter.replace(/^!/, '').split('/')
    if (kinds.some((kind) => overlaps(kind, levels))) return []
    return [{ ...place, message: `${quote(filter)} matches nothing here: ${help}` }]
  })
}

function checkSecrets(bridge: Part, path: Path, isFilledIn: (path: Path) => boolean): Finding[] {
  const { user, password, tls } = bridge
  if (typeof password !== 'string') return []
  const place = { path: [...path, 'password'], at: 'value' as const }
  if (user === undefined) return [{ ...place, rule: 'no-user', message: 'a password needs the user beside it' }]
  const findings: Finding[] = []
  if (!isFilledIn(place.path))
    findings.push({
      ...place,
      rule: 'plain-secret',
      message: 'whoever reads this file has the password; write ${NAME}, and keep it in the environment',
      warning: true
    })
  const hosts = list(bridge['servers']).map((server) => object(server)['host'])
  const open = hosts.filter((host) => typeof host === 'string').find((host) => !isLoopback(host))
  if (tls === undefined && open !== undefined)
    findings.push({
      ...place,
      rule: 'plain-passwords',
      message: `the password can be read on its way to ${open}; encrypt the connection with tls: {}`,
      warning: true
    })
  return findings
}

function checkTls({ cert, key }: Part, path: Path): Finding[] {
  if ((cert === undefined) === (key === undefined)) return []
  const [there, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key']
  return [{ path: [...path, there], at: 'value', rule: 'no-key', message: `${there} needs ${missing} beside it: they are used together` }]
}

/** A bridge to this very gateway would send everything in a circle. */
function checkServers(bridge: Part, path: Path, port: unknown): Finding[] {
  return list(bridge['servers']).flatMap((given, index): Finding[] => {
    const server = object(given)
    const isOwn = typeof server['host'] === 'string' && isLoopback(server['host']) && port !== 0 && (server['port'] ?? 1883) === port
    if (!isOwn || bridge['tls'] !== undefined) return []
    return [
      {
        path: [...path, 'servers', index],
        at: 'value',
        rule: 'loop',
        message: 'this is broker.tcp of the gateway itself; name another broker'
      }
    ]
  })
}

/** Both would write the same topics there. */
function checkTwins(bridges: readonly Part[], index: number): Finding[] {
  const targets = (bridge: Part | undefined): string[] =>
    list(bridge?.['servers']).map((given) => {
      const { host, port } = object(given)
      return JSON.stringify([String(host).toLowerCase(), port, bridge?.['topic']])
    })
  const mine = targets(bridges[index])
  const twin = bridges.slice(0, index).find((other) => targets(other).some((target) => mine.includes(target)))
  if (twin === undefined) return []
  return [
    {
      path: ['upstream', index],
      at: 'value',
      rule: 'same-target',
      message: `${quote(String(twin['id']))} writes to the same server with the same topic: what both send arrives twice`,
      warning: true
    }
  ]
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function object(value: unknown): Part {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Part) : {}
}
