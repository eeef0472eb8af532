/** A server as the recordings describe it, as the entries of a configuration that serve the same. */
import { isExactList } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { dumps, str } from '../../adapters/common/python-text.js'
import { callbackOf } from './callbacks.js'
import type { Callback } from './callbacks.js'
import { translateLive } from './live.js'
import { call } from './scripted.js'
import { PythonError, Unreachable } from './unreachable.js'
import { decodeValue } from './values.js'

export type Kind = 'date' | 'data' | 'push' | 'live'

/** One legacy socket and the device behind it. */
export interface Socket {
  /** Id of the instance. */
  readonly id: string
  readonly kind: Kind
  readonly device: string
  /** YAML of the device, below `devices`, and of the instance, below `adapters`. */
  readonly deviceYaml: string
  readonly adapterYaml: string
  /** The codename of the device behind a legacy one; undefined where the socket cannot show it. */
  readonly codename: (legacy: string) => string | undefined
  /** Push sockets: what is called. */
  readonly callback: Callback | undefined
  /** Push sockets: keeps a queue that a program would take from. */
  readonly queues: boolean
  /** It has no socket that could be asked. */
  readonly isSilent?: boolean
}

/** Throws {@link Unreachable} for what no configuration can say. */
export function translate(server: ExactMap, index: number, port: number, now: () => number): Socket {
  const kind = str(server.get('kind') ?? '')
  const place: Place = { server, id: `socket${index}`, device: `device${index}`, port, now }
  if (kind === 'date' || kind === 'data') return translatePull(kind, place)
  if (kind === 'push') return translatePush(place)
  if (kind === 'live') return translateLive(place)
  throw new Unreachable(`sockets of kind ${kind} are served in a later release`)
}

/** The whole file. Everything is in memory, and MQTT on a free port. */
export function configYaml(sockets: readonly Socket[]): string {
  const feeds = sockets.filter(({ kind }) => kind !== 'push')
  const executes = sockets.filter(({ callback }) => callback !== undefined)
  const names = (some: readonly Socket[]): string => some.map(({ device }) => device).join(', ')
  return [
    'gateway: { name: vectors }',
    'broker: { tcp: { host: 127.0.0.1, port: 0 } }',
    'devices:',
    ...sockets.map(({ deviceYaml }) => deviceYaml),
    'adapters:',
    `  - { id: script, type: scripted, feeds: [${names(feeds)}], executes: [${names(executes)}] }`,
    ...sockets.map(({ adapterYaml }) => adapterYaml),
    ''
  ].join('\n')
}

export interface Place {
  readonly server: ExactMap
  readonly id: string
  readonly device: string
  readonly port: number
  readonly now: () => number
}

/** A name that the configuration takes as it is. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

function translatePull(kind: 'date' | 'data', { server, id, device, port, now }: Place): Socket {
  if (server.get('poke_on_set') === false) throw new Unreachable('every reading is activity of the sockets that show it')
  const given = server.get('codenames') ?? []
  const legacy = isExactList(given) ? given.map(str) : []
  const ages = timeouts(server.get('timeouts') ?? null, legacy.length, now())
  const unset = [unsetPart(server, 'default_x', now()), unsetPart(server, 'default_y', now())]
  // With `device` the socket also shows codenames that were never declared.
  const { plain, codenames, yaml, codename } = channelsYaml(legacy, device)
  const options: [string, string][] = [['kind', kind], ['unset', `[${unset.map(number).join(', ')}]`], ...activity(server, now())]
  const shown = plain ? [`    device: ${device}`] : yaml
  return {
    id,
    kind,
    device,
    deviceYaml: deviceYaml(
      device,
      codenames.map((name, i) => [name, ages[i] === undefined ? '{}' : `{ maxAge: ${number(ages[i])} }`])
    ),
    adapterYaml: [...instance(`data-pull-server`, id, server, port, options), ...shown].join('\n'),
    codename,
    callback: undefined,
    queues: false
  }
}

/** The codenames of the device behind these channels, and `channels`, without which no name can be any text. */
export function channelsYaml(
  legacy: readonly string[],
  device: string
): {
  readonly plain: boolean
  readonly codenames: readonly string[]
  readonly yaml: readonly string[]
  readonly codename: Socket['codename']
} {
  const plain = legacy.every((name) => plainName.test(name)) && new Set(legacy).size === legacy.length
  const codenames = plain ? legacy : legacy.map((_, i) => `c${i}`)
  const channels = legacy.map((name, i): [string, string] => [name, `${device}/c${i}`])
  return {
    plain,
    codenames,
    yaml: ['    channels:', ...mapping(channels, 6)],
    codename: (name) => (plain ? name : codenames[legacy.lastIndexOf(name)])
  }
}

function translatePush({ server, id, device, port, now }: Place): Socket {
  const action = str(server.get('action') ?? 'store_last')
  const returnFormat = str(server.get('return_format') ?? 'json')
  const spec = server.get('callback') ?? null
  const queue = server.get('queue') ?? null
  if (queue !== null && action !== 'enqueue') {
    const refusal = new PythonError('ValueError', "The 'queue' argument can only be used when the action is 'enqueue'")
    throw new Unreachable('the queue belongs to the socket; nobody can hand one in', refusal)
  }
  const callback = action === 'callback_direct' || action === 'callback_async' ? callbackOf(spec, returnFormat, now) : undefined
  const options: [string, string][] = [
    ['action', quoted(action)],
    ['returnFormat', quoted(returnFormat)],
    ['accept', callback === undefined ? 'readings' : 'commands'],
    callback === undefined ? ['device', device] : ['as', `{ call: ${device}/${call} }`],
    // More than any callback takes.
    ['answerWithin', '30'],
    ...activity(server, now())
  ]
  return {
    id,
    kind: 'push',
    device,
    deviceYaml: deviceYaml(device, callback === undefined ? [] : [[call, '{ callable: { timeout: 30 } }']]),
    adapterYaml: instance('data-push-server', id, server, port, options).join('\n'),
    codename: () => undefined,
    callback,
    queues: action === 'enqueue'
  }
}

/** Of each codename, undefined for never old. */
function timeouts(written: Exact, count: number, now: number): (number | undefined)[] {
  const value = decodeValue(written, now)
  if (isExactList(value) && value.length !== count) {
    const refusal = 'If a list of timeouts is supplied, it must have as many items as there are in codenames'
    throw new Unreachable('a time-out is the maxAge of a codename', new PythonError('ValueError', refusal))
  }
  return Array.from({ length: count }, (_, i) => {
    const one = (isExactList(value) ? value[i] : value) ?? null
    if (one === null) return undefined
    if (typeof one !== 'number' && typeof one !== 'bigint') throw new Unreachable('a maxAge is a number')
    // No age is greater than these.
    return Number.isNaN(Number(one)) || Number(one) === Infinity ? undefined : Number(one)
  })
}

function unsetPart(server: ExactMap, key: string, now: number): number {
  const value = decodeValue(server.get(key) ?? 0, now)
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Unreachable('unset is a point of two floats')
  return value
}

export function activity(server: ExactMap, now: number): [string, string][] {
  const check = server.get('check_activity')
  const timeout = decodeValue(server.get('activity_timeout') ?? null, now)
  return [
    ...(typeof check === 'boolean' ? [['checkActivity', String(check)] as [string, string]] : []),
    ...(timeout === null ? [] : [['activityTimeout', number(Number(timeout))] as [string, string]])
  ]
}

export function instance(type: string, id: string, server: ExactMap, port: number, options: readonly [string, string][]): string[] {
  const name = quoted(str(server.get('name') ?? ''))
  const all: [string, string][] = [['type', type], ['name', name], ['host', '127.0.0.1'], ['port', String(port)], ...options]
  return [`  - id: ${id}`, ...all.map(([key, value]) => `    ${key}: ${value}`)]
}

export function deviceYaml(device: string, codenames: readonly [string, string][]): string {
  const body = codenames.length === 0 ? ['    codenames: {}'] : ['    codenames:', ...mapping(codenames, 6)]
  return [`  ${device}:`, '    undeclared: accept', ...body].join('\n')
}

/** Explicit keys, as others may have no more than 1024 characters. `members` may name a key twice. */
export function mapping(members: readonly [string, string][], indent: number): string[] {
  return members.flatMap(([key, value]) => [`? ${dumps(key)}`, `: ${value}`]).map((line) => ' '.repeat(indent) + line)
}

/** A text on one line, in ASCII, that is not filled in. */
export function quoted(text: string): string {
  return dumps(text).replaceAll('${', () => '$${')
}

function number(value: number): string {
  return Object.is(value, -0) ? '-0.0' : String(value)
}
