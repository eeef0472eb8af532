/** The cookie of a login. */

/**
 * Browsers tell cookies apart by the name of the host, not by its port: two gateways of one computer must not take each other's for one that
 * has ended. Over TLS with the prefix by which browsers make sure that nobody but this very host has set it.
 */
export function cookieName(gateway: string, port: number, isSecure: boolean): string {
  return `${isSecure ? '__Host-' : ''}labgate-${gateway}-${port}`
}

/** As Set-Cookie wants it. No script sees it, and no page of another site brings it along; 0 seconds take it away. */
export function cookieOf(name: string, secret: string, seconds: number, isSecure: boolean): string {
  return `${name}=${secret}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
}

/** Undefined: it is not among them, or empty. Of several of one name the first counts. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=')
    if (at >= 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim() || undefined
  }
  return undefined
}
