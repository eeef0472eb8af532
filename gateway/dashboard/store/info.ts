/** What the gateway says of itself, and of the page that it serves. */
import { api } from '../api.js'
import { after } from '../clock.js'

/** `GET /api`. */
export interface GatewayInfo {
  readonly name: string
  readonly version: string
  readonly root: string
  readonly time: string
  readonly since: string
  readonly mqtt: string
  readonly may: { readonly command: boolean }
  readonly history: boolean
  readonly runs: boolean
}

export interface Connection {
  readonly state: 'connecting' | 'connected' | 'lost'
  /** Unix seconds of the gateway. */
  readonly since: number
  /** For people; empty while connected. */
  readonly reason: string
}

/** Seconds for the answer. */
const within = 5

/** Rejects when there is no answer in time. */
export async function askInfo(): Promise<GatewayInfo> {
  const limit = new AbortController()
  const timer = after(within, () => limit.abort())
  try {
    return await api.get<GatewayInfo>('/api', limit.signal)
  } finally {
    timer.cancel()
  }
}

/** Is another page served than the one that is open? Undefined: nobody knows. */
export async function isOutdated(): Promise<boolean | undefined> {
  const own = document.querySelector('meta[name=labgate-build]')?.getAttribute('content')
  try {
    const text = await (await fetch('index.html', { cache: 'no-store' })).text()
    const served = /name="labgate-build" content="([^"]+)"/.exec(text)?.[1]
    return served !== undefined && own !== served
  } catch {
    return undefined
  }
}

/** Relative to the page, so that a reverse proxy may put everything under a prefix. */
export function mqttUrl(path = '/mqtt'): string {
  const url = new URL(path.replace(/^\//, ''), new URL('.', location.href))
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  return url.href
}
