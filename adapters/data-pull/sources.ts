/** Which channels of a real pull socket become which codenames. */
import type { Device, Host, Plan, Problem, Ref, Right, Site } from '../../gateway/adapter.js'
import { refOf } from '../common/ref.js'
import { nameProblems, shownChannels } from './channels.js'
import type { Shown } from '../common/pull-socket.js'
import type { DataPullClientConfig } from './types.js'

/** What is not declared is there because it is asked for. Its codenames come at run time. */
const brought: Device = { description: 'A pull socket that is asked', codenames: new Map() }

export function clientPlan(config: DataPullClientConfig, site: Site): Plan {
  const { device, channels } = config
  const declared = device === undefined ? undefined : site.devices.get(device)
  // Plans are made a second time, with the devices that the first brought.
  const devices = device === undefined || (declared !== undefined && declared !== brought) ? undefined : new Map([[device, brought]])
  const feeds: readonly Right[] = channels === undefined ? [{ device: device as string }] : [...channels.values()].map(refOf)
  return {
    feeds,
    dials: [{ protocol: 'udp', host: config.target.host, port: config.target.port }],
    ...(devices === undefined ? {} : { devices }),
    problems: [...nameProblems(config, site), ...targetProblems(config), ...askProblems(config)]
  }
}

/** The device that the socket stands for; of several the first. */
export function fedDevice({ device, channels }: DataPullClientConfig): string {
  return device ?? refOf([...(channels?.values() ?? [])][0] as string).device
}

/** Two channels that become one codename would each look like the news of the other. */
function targetProblems({ channels }: DataPullClientConfig): Problem[] {
  const first = new Map<string, string>()
  return [...(channels ?? [])].flatMap(([legacy, target]) => {
    const other = first.get(target)
    if (other === undefined) {
      first.set(target, legacy)
      return []
    }
    const message = `${target} is already fed by the channel ${JSON.stringify(other)}: one codename takes one channel`
    return [{ path: ['channels', legacy], rule: 'channel-target', message }]
  })
}

function askProblems({ ask, channels, period, timeout }: DataPullClientConfig): Problem[] {
  const problems: Problem[] = []
  // A question with any byte from 0x80 on gets no answer (section 1).
  // oxlint-disable-next-line no-control-regex -- ASCII begins there
  const foreign = ask === 'json_wn' ? [] : [...(channels?.keys() ?? [])].filter((legacy) => !/^[\x00-\x7f]*$/.test(legacy))
  for (const legacy of foreign)
    problems.push({
      path: ['channels', legacy],
      rule: 'ascii',
      message: `no socket answers a question that is not ASCII: use ask: json_wn, which names no channel`
    })
  if (timeout !== undefined && timeout > period)
    problems.push({
      path: ['timeout'],
      rule: 'timeout',
      warning: true,
      message: `longer than the period of ${period} s: while nobody answers, rounds are left out`
    })
  return problems
}

/** Seconds to wait for an answer. */
export function patience({ timeout, period }: DataPullClientConfig): number {
  return timeout ?? Math.min(period / 2, 1)
}

/** A channel that the configuration names. */
export interface Expected extends Shown {
  /** It is a fault when the socket does not have it. What is set or called need not be read on the same socket. */
  readonly isRequired: boolean
}

/** In the order of the configuration. What can only be called has no reading. */
export function expected(config: DataPullClientConfig, host: Host): Expected[] {
  const isListed = config.channels !== undefined
  return shownChannels(config, host).flatMap((shown) => {
    const { settable = false, callable } = host.meta(shown.device, shown.codename) ?? {}
    if (!isListed && callable !== undefined && !settable) return []
    return [{ ...shown, isRequired: isListed || !(settable || callable !== undefined) }]
  })
}

/** Where a channel goes that nobody named; undefined: nowhere, as the configuration lists others. */
export function unexpected({ device }: DataPullClientConfig, legacy: string): Ref | undefined {
  return device === undefined ? undefined : { device, codename: legacy }
}
