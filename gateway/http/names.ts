import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { parseUrl } from '../../adapters/common/parse-url.js'

/** In lower case; without the dot that ends a full name. */
function hostnameOf(url: string): string | undefined {
  return parseUrl(url)?.hostname.replace(/\.$/, '')
}

/**
 * Whether a browser that asks for this Host means this listener. A web page can have a name of its own lead here (DNS rebinding), and
 * would then count as the same site; but only a name of the Internet: no address, none without a dot, and none of the local network
 * (RFC 6762). Who sends no Host is no browser. `known`: names and pages of the configuration.
 */
export function isOurs(host: string | undefined, known: readonly string[]): boolean {
  if (host === undefined || host === '' || known.includes('*')) return true
  const name = hostnameOf(`http://${host}`)
  if (name === undefined) return false
  if (!name.includes('.') || /\.(localhost|local)$/.test(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true
  return name === hostname().toLowerCase() || known.some((one) => hostnameOf(one.includes('://') ? one : `http://${one}`) === name)
}
