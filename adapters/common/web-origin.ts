import type { IncomingHttpHeaders } from 'node:http'
import { parseUrl } from './parse-url.js'

/** Addresses and names that lead nowhere but to this computer. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host)
}

/**
 * Whether a page may open a WebSocket: browsers let any page that somebody looks at connect to anywhere, and tell its `Origin`; who
 * tells none is no browser. Allowed are pages of this computer, pages of the host that is asked, whatever their port, and what the
 * list says. `local`: the socket is on loopback. Only pages of this computer belong there: any other can have its own name lead here.
 */
export function mayLook({ origin, host }: IncomingHttpHeaders, origins: readonly string[], local: boolean): boolean {
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true
  const [page, asked] = [parseUrl(origin), parseUrl(`http://${host ?? ''}`)]
  if (page === undefined || asked === undefined || page.hostname === '') return false
  if (isLoopback(page.hostname)) return true
  return !local && page.hostname === asked.hostname
}
