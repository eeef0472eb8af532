/** What to do about what is wrong, in a sentence. */
import type { Check, InstanceView } from './answers.js'

const troubles: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/EADDRINUSE|in use/i, 'Another program has the port. End it, or give this instance another port in the configuration.'],
  [/EADDRNOTAVAIL/, 'This computer has no such address. Check host in the configuration.'],
  [/EACCES|EPERM|permission/i, 'The gateway may not do this. Ports below 1024 and files of others need rights; take another port or path.'],
  [
    /ENOTFOUND|EAI_AGAIN|no such host|getaddrinfo/i,
    'The name is not known in this network. Check target in the configuration, or name the address itself.'
  ],
  [/ECONNREFUSED|refused the connection/i, 'The computer is there, the program on it is not. Start it, or check the port in target.'],
  [/EHOSTUNREACH|ENETUNREACH|EHOSTDOWN/, 'There is no way to that computer. Is it on, is its cable in, is the address right?'],
  [/ECONNRESET|EPIPE|closed|hung up/i, 'The other side ended the connection. Its own log says why; the gateway goes on trying.'],
  [
    /timed? ?out|timeout|no answer|silent|did not answer|did not start/i,
    'Nothing comes back. Is the computer on, and does the program answer others?'
  ],
  [/ENOSPC|no space/i, 'The disk is full. Make room, or write elsewhere.']
]

/** Reasons of the gateway mostly say themselves what to do: ": start it there", "; free space". */
const saysIt =
  /[;:,] (?:then )?(?:add|allow|check|choose|connect|correct|end|free|give|let|look|make|mend|move|raise|read|remove|restart|see|send|set|start|stop|take|use|wait)\b/i

/** For an instance that is not well; undefined when nothing needs to be done, or its reason says what. */
export function instanceAdvice(
  instance: Pick<InstanceView, 'state' | 'reason' | 'lastError' | 'retryIn' | 'attempts'>
): string | undefined {
  if (instance.state === 'online') return undefined
  if (instance.state === 'disabled') return 'Somebody switched it off in the configuration.'
  if (saysIt.test(instance.reason)) return undefined
  const said = `${instance.reason} ${instance.lastError ?? ''}`
  const known = troubles.find(([pattern]) => pattern.test(said))?.[1]
  if (known !== undefined) return known
  if (instance.retryIn !== null) return 'It is started again by itself. The reason says what failed; the log has what came before.'
  return instance.state === 'degraded'
    ? 'It works in part. The reason says what does not.'
    : 'The reason says what failed; the log has what came before.'
}

const order = ['offline', 'degraded', 'disabled', 'online']

/** Those in trouble first, then by name. */
export function troubledFirst<T extends Pick<InstanceView, 'id' | 'state'>>(instances: readonly T[]): T[] {
  const rank = ({ state }: T): number => (order.includes(state) ? order.indexOf(state) : 0)
  return [...instances].sort((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id, 'en', { numeric: true }))
}

/** Seconds left of those that were left when the answer came. */
export function secondsLeft(retryIn: number, answered: number, now: number): number {
  return Math.max(0, retryIn - Math.max(0, now - answered))
}

const checks: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/instance|adapter/i, 'See the adapters: each says what it lacks and when it tries again.'],
  [/history/i, 'Readings go on, but not all are kept. Look at the space and the rights of gateway.data.'],
  [/runs?$|recording/i, 'See the runs. A run that failed says why; look at the space and the rights of its folder.'],
  [/disk|store|durable|data/i, 'Look at the space and the rights of gateway.data. Until it is mended nothing new is kept over a restart.'],
  [/load|loop|late/i, 'The computer has more to do than it can. See what else runs on it, and which client or instance sends most.'],
  [/queue|broker/i, 'More comes in than can be handed on. See which instance sends most, and which client reads slowly.'],
  [/memory/i, 'Something grows. See the retained messages, undeclared codenames and absent clients below.'],
  [/client/i, 'A client reads too slowly, or stays away while messages wait for it. Its name is below.']
]

export function checkAdvice({ name, status, reason }: Check): string | undefined {
  if (status === 'ok' || saysIt.test(reason)) return undefined
  return checks.find(([pattern]) => pattern.test(name))?.[1] ?? 'The log has what came before.'
}

/** One of the gateway's own codenames, as people ask for it. */
export interface Gauge {
  readonly codename: string
  readonly label: string
  /** Above zero something is wrong: what to do. Left out: it only tells. */
  readonly trouble?: string
}

/** Those that matter, in the order of a look at the gateway. What a gateway does not have is left out. */
export const gauges: readonly Gauge[] = [
  { codename: 'uptime', label: 'Running for' },
  { codename: 'clients', label: 'Clients connected' },
  { codename: 'memory', label: 'Memory' },
  { codename: 'event_loop_delay', label: 'Event loop, late by' },
  { codename: 'queue_length', label: 'Waiting for the broker' },
  { codename: 'retained', label: 'Retained messages' },
  { codename: 'disk_queue', label: 'Waiting for the disk' },
  { codename: 'disk_failures', label: 'Disk failures', trouble: 'Look at the space and the rights of gateway.data.' },
  { codename: 'rejected_total', label: 'Messages refused', trouble: 'Each is a dead letter that says how to mend it.' },
  { codename: 'shed_total', label: 'Messages shed', trouble: 'The queue to the broker was full: too much came at once.' },
  { codename: 'undeclared', label: 'Undeclared names', trouble: 'Declare them in the configuration, so that their values are checked.' }
]

/** How often something happened, by its name: limits that were hit, messages that a client lost. The most first. */
export function hits(value: unknown): { readonly name: string; readonly count: number }[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value)
    .map(([name, count]) => ({ name, count: Number(count) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
}
