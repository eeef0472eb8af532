/** Where the keys of a push go, and what is wrong with a configuration that sends them nowhere. */
import type { Device, Exact, Plan, Problem, Ref, Right, Site } from '../../gateway/adapter.js'
import { refOf } from '../common/ref.js'
import type { DataPushServerConfig } from './types.js'

/** The instance's own device: what the original's program reads from its socket object, and does with it. */
export const ownDevice: Device = {
  description: 'A push socket: what arrived last, and what has arrived in all',
  codenames: new Map([
    ['last', { description: 'The last push, as a dict' }],
    ['updated', { description: 'All pushes merged: each key with its last value' }],
    ['queue_length', { description: 'Pushes that wait to be carried out', schema: { type: 'integer', minimum: 0 } }],
    ['set_last_to_none', { description: 'Forgets the last push', callable: {} }],
    ['clear_updated', { description: 'Forgets all that was merged', callable: {} }],
    ['poke', { description: 'Marks the socket as active in status', callable: {} }]
  ])
}

/** The codename that a key of a push stands for; undefined when the channel map does not name it. */
export type Resolve = (key: string) => Ref | undefined

/** `original` names of the device's codenames come first. */
export function resolver(
  { device, channels }: DataPushServerConfig,
  codenames: Iterable<readonly [string, { readonly original?: string }]>
): Resolve {
  if (channels !== undefined) {
    const refs = new Map([...channels].map(([key, target]) => [key, refOf(target)]))
    return (key) => refs.get(key)
  }
  const name = device as string
  const originals = new Map<string, string>()
  for (const [codename, { original }] of codenames) if (original !== undefined) originals.set(original, codename)
  return (key) => ({ device: name, codename: originals.get(key) ?? key })
}

export function pushPlan(config: DataPushServerConfig, site: Site): Plan {
  const { id, host, port, accept } = config
  const own: Right = { device: id }
  const others = targetsOf(config)
  return {
    listens: [{ protocol: 'udp', host, port, path: ['port'] }],
    feeds: accept === 'commands' ? [own] : [own, ...others],
    asks: accept === 'commands' ? others : [],
    executes: ['set_last_to_none', 'clear_updated', 'poke'].map((codename) => ({ device: id, codename })),
    devices: new Map([[id, ownDevice]]),
    problems: [...actionProblems(config), ...(accept === 'commands' ? commandProblems(config, site) : [])]
  }
}

/** What a push may change, except the instance's own device. */
function targetsOf({ as, device, channels }: DataPushServerConfig): Right[] {
  if (typeof as === 'object') return ['call' in as ? refOf(as.call) : { device: as.device }]
  return channels === undefined ? [{ device: device as string }] : [...channels.values()].map(refOf)
}

function actionProblems({ accept, action }: DataPushServerConfig): Problem[] {
  if (action !== 'callback_direct' || accept === 'commands') return []
  return [
    {
      path: ['action'],
      rule: 'callback-direct',
      message: 'callback_direct answers with what a command returns, so it needs accept: commands'
    }
  ]
}

/** Commands only go to codenames that take them. */
function commandProblems({ as, device, channels }: DataPushServerConfig, site: Site): Problem[] {
  const problems: Problem[] = []
  const meta = (ref: Ref): { settable?: boolean; callable?: object } | undefined =>
    site.devices.get(ref.device)?.codenames.get(ref.codename)
  const settable = (path: string[], ref: Ref): void => {
    const known = meta(ref)
    if (known !== undefined && known.settable !== true)
      problems.push({
        path,
        rule: 'settable',
        message: `${ref.device}/${ref.codename} is not settable: write settable: true at the codename, or choose another`
      })
  }
  if (as === 'set' && channels !== undefined) for (const [key, target] of channels) settable(['channels', key], refOf(target))
  if (as === 'set' && device !== undefined && site.devices.has(device)) {
    const any = [...(site.devices.get(device)?.codenames.values() ?? [])].some((codename) => codename.settable === true)
    if (!any) problems.push({ path: ['device'], rule: 'settable', message: `no codename of ${device} is settable` })
  }
  if (typeof as === 'object' && 'call' in as) {
    const ref = refOf(as.call)
    const known = meta(ref)
    if (known !== undefined && known.callable === undefined)
      problems.push({
        path: ['as', 'call'],
        rule: 'callable',
        message: `${as.call} is not callable: describe its call at the codename, or choose another`
      })
  }
  return problems
}

/** A push as the arguments of commands: one set for each key, or one call. */
export interface Asked extends Ref {
  readonly op: 'set' | 'call'
  readonly value: Exact
}
