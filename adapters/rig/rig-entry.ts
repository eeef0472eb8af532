/** Entries of the address book, with what holds for all rigs filled in. */
import type { RigClientConfig } from './types.js'
import { readUri, transportOf } from './uri.js'
import type { Transport } from './uri.js'

export interface RigEntry {
  readonly name: string
  readonly device: string
  /** For people, with the port. */
  readonly uri: string
  readonly transport: Transport
  readonly host: string
  readonly port: number
  /** Seconds. */
  readonly echoWithin: number
  /** Seconds. */
  readonly answerWithin: number
  readonly maxEchoBytes: number | null
  readonly int8: boolean
  /** Seconds. */
  readonly poll: number | null
}

/** What is wrong with a URI. */
export interface BadEntry {
  readonly name: string
  readonly path: readonly string[]
  readonly message: string
}

export function readEntries(config: RigClientConfig): { readonly entries: readonly RigEntry[]; readonly bad: readonly BadEntry[] } {
  const entries: RigEntry[] = []
  const bad: BadEntry[] = []
  for (const [name, rig] of Object.entries(config.rigs)) {
    const own = typeof rig === 'string' ? { uri: rig } : rig
    const path = typeof rig === 'string' ? ['rigs', name] : ['rigs', name, 'uri']
    const read = readUri(own.uri)
    const transport = read.ok ? transportOf(read.proc) : undefined
    if (!read.ok) bad.push({ name, path, message: `${read.message} in ${own.uri}: write udp://HOST:PORT or tcp://HOST:PORT` })
    else if (transport === undefined) bad.push({ name, path, message: `rigs speak udp and tcp (also as ws and wss), not ${read.proc}` })
    else entries.push(entryOf(config, name, own, { transport, host: read.host, port: read.port }))
  }
  return { entries, bad }
}

type Own = Exclude<RigClientConfig['rigs'][string], string>

function entryOf(config: RigClientConfig, name: string, own: Own, at: Pick<RigEntry, 'transport' | 'host' | 'port'>): RigEntry {
  const { device = name, echoWithin, answerWithin, maxEchoBytes = null, int8 = false, poll } = own
  return {
    name,
    device,
    uri: `${at.transport}://${at.host}:${at.port}`,
    ...at,
    echoWithin: echoWithin ?? config.echoWithin,
    answerWithin: answerWithin ?? config.answerWithin,
    maxEchoBytes,
    int8,
    poll: poll === undefined ? config.poll : poll
  }
}

/** Seconds for their answers, of rigs that have a limit of their own. */
export function ownWithin({ rigs }: RigClientConfig): ReadonlyMap<string, number> {
  const all = Object.entries(rigs).map(([name, rig]) => [name, typeof rig === 'string' ? undefined : rig.answerWithin] as const)
  return new Map(all.flatMap(([name, seconds]): [string, number][] => (seconds === undefined ? [] : [[name, seconds]])))
}
