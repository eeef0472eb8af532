/** Addresses to listen at: who may reach them, and do two of them clash? */
import type { Path, Finding } from './problem.js'

export interface Listener {
  readonly protocol: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
  readonly insecure: boolean
  /** Of the port; the host stands beside it. */
  readonly path: Path
  /** Who listens, and in which line of the file that stands. */
  readonly owner: string
  /** Who may be asked who he is. Left out: nobody, as old protocols have no login. */
  readonly login?: Login
}

export interface Login {
  /** There is a file of users. */
  readonly users: boolean
  readonly tls: boolean
  /** Nobody comes in without a certificate. */
  readonly certificates: boolean
  /** How it could be encrypted. */
  readonly how: string
}

export function checkListeners(listeners: readonly Listener[]): Finding[] {
  const findings: Finding[] = []
  for (const [index, listener] of listeners.entries()) {
    const { host, port, protocol, path } = listener
    if (!isLoopback(host)) findings.push(...checkExposed(listener))
    const other = listeners.slice(0, index).find((earlier) => clash(earlier, listener))
    if (other !== undefined)
      findings.push({
        path,
        at: 'value',
        rule: 'port-taken',
        message: `${protocol} ${host}:${port} is taken by ${other.owner}, which listens at ${other.host}`
      })
  }
  return findings
}

/** Of one that other computers can reach. */
function checkExposed({ host, insecure, path, login }: Listener): Finding[] {
  const place = { path: [...path.slice(0, -1), 'host'], at: 'value' as const }
  const isKnown = login !== undefined && (login.users || login.certificates)
  if (!insecure && !isKnown) {
    const ways = [
      ...(login === undefined ? [] : ['name users with access.users']),
      ...(login?.tls === true ? ['let in only who has a certificate with tls.clients: required'] : []),
      'listen at 127.0.0.1'
    ]
    return [
      {
        ...place,
        rule: 'exposed',
        message: `${host} can be reached from other computers, by anybody; ${ways.join(', ')}, or write insecure: true beside it`
      }
    ]
  }
  if (login?.users !== true || login.tls) return []
  const message = `passwords can be read on their way to ${host}; ${login.how}`
  return [{ ...place, rule: 'plain-passwords', message, warning: true }]
}

function clash(a: Listener, b: Listener): boolean {
  if (a.protocol !== b.protocol || a.port !== b.port || a.port === 0) return false
  const [left, right] = [addresses(a.host), addresses(b.host)]
  return [left, right].some((one) => one.some(isWildcard)) || left.some((address) => right.includes(address))
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

/** Does only this computer reach it? */
export function isLoopback(host: string): boolean {
  return addresses(host).every((address) => address === '::1' || /^127\.[0-9]+\.[0-9]+\.[0-9]+$/.test(address))
}

/** What a host means, in one spelling each. Names are not resolved, but for localhost. */
function addresses(host: string): string[] {
  const name = host.toLowerCase()
  if (name === 'localhost') return ['127.0.0.1', '::1']
  try {
    const { hostname } = new URL(`http://${name.includes(':') ? `[${name}]` : name}`)
    return [hostname.replace(/^\[|\]$/g, '')]
  } catch {
    return [name]
  }
}
