import type { IncomingHttpHeaders } from 'node:http'
import { parseUrl } from '../../adapters/common/parse-url.js'

/** Addresses and names that lead nowhere but to this computer. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host)
}

/** Who does not say who he is may come in here, see Entrance. */
export function isOpen({ host, insecure }: { readonly host: string; readonly insecure?: boolean }): boolean {
  return insecure === true || isLoopback(host)
}

/**
 * Whether a WebSocket may be opened: browsers let any page that somebody looks at connect to anywhere, and tell its `Origin`; who tells
 * none is no browser. Allowed are pages of this computer, pages from the very host that is asked, and what the list says.
 * `local`: the socket is on loopback. The host asked for must then be this computer too: a page can have its own name lead here.
 * `secure`: the socket is encrypted. A page of the same host that is not may be anybody's who sits in between.
 */
export function mayConnect({ origin, host }: IncomingHttpHeaders, origins: readonly string[], local: boolean, secure: boolean): boolean {
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true
  // A page of a plain listener may have come through a proxy with TLS.
  const page = parseUrl(origin)
  const asked = parseUrl(`${page?.protocol === 'https:' ? 'https' : 'http'}://${host ?? ''}`)
  if (page === undefined || asked === undefined || page.host === '') return false
  if (isLoopback(page.hostname)) return true
  return !local && page.host === asked.host && (!secure || page.protocol === 'https:')
}

/**
 * Whether what is asked comes from a page of the very host that is asked, or from one of the list (`*` lists none): only there the login of
 * a browser counts. Who tells no origin is no page, or asks for what it may only look at.
 */
export function pageOf({ origin, host }: IncomingHttpHeaders, origins: readonly string[]): boolean {
  return (
    origin === undefined || origins.includes(origin) || (parseUrl(origin)?.host ?? '') === (parseUrl(`http://${host ?? ''}`)?.host ?? ' ')
  )
}
