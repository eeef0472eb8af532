import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { isLoopback, mayLook } from './web-origin.js'
import { parseUrl } from './parse-url.js'

export interface Listened {
  /** As the operator wrote it. */
  readonly host: string
  /** Pages that may ask all the same, as `https://lab.example`; `*`: all. */
  readonly origins: readonly string[]
  /** The connection came in on loopback. */
  readonly local: boolean
  /** Names that lead here and that no page of elsewhere can have, see own-names; in lower case. */
  readonly names: ReadonlySet<string>
}

/**
 * Whether a web page of somebody else made a browser send this. Browsers let any page that somebody looks at send requests to
 * anywhere; here even a GET may move something. They tell it by `Origin`, `Referer` or `Sec-Fetch-Site`. On loopback a `Host` that is
 * not ours means that the page had its own name lead to this computer. Programs send none of these, bookmarks neither. `host`: it is
 * the Host; undefined: it is not foreign.
 */
export function foreignBy(headers: IncomingHttpHeaders, listened: Listened): 'host' | 'origin' | undefined {
  const { origins, local, names } = listened
  if (origins.includes('*')) return undefined
  if (local && !isOurs(headers.host, listened)) return 'host'
  const origin = headers.origin ?? originOf(headers.referer)
  if (origin !== undefined) {
    const page = hostnameOf(origin)
    if (local && page !== undefined && isOwn(page, names)) return undefined
    return mayLook({ ...headers, origin }, origins, local) ? undefined : 'origin'
  }
  const site = headers['sec-fetch-site']
  // Names of this computer belong to no site: the same site is the same host there, on another port.
  return site === 'cross-site' || (site === 'same-site' && !local) ? 'origin' : undefined
}

/** Who sends no Host is no browser. A page can only have a name of the Internet lead elsewhere: no address, and no name without a dot. */
function isOurs(host: string | undefined, { host: own, origins, names }: Listened): boolean {
  if (host === undefined || host === '') return true
  const name = hostnameOf(`http://${host}`)
  if (name === undefined) return false
  const known = [`http://${own}`, ...origins].some((url) => hostnameOf(url) === name)
  return known || isOwn(name, names) || !name.includes('.') || isIP(name) !== 0
}

/** Browsers look up `localhost`, and what ends with it, nowhere but here. */
function isOwn(name: string, names: ReadonlySet<string>): boolean {
  return isLoopback(name) || name.endsWith('.localhost') || names.has(name)
}

function originOf(referer: string | undefined): string | undefined {
  return referer === undefined ? undefined : parseUrl(referer)?.origin
}

/** In lower case; without the dot that ends a full name. */
function hostnameOf(url: string): string | undefined {
  return parseUrl(url)?.hostname.replace(/\.$/, '')
}
