import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** Characters; X.509 allows 64. */
const longest = 200

interface Shown {
  readonly raw?: Buffer
  readonly subject?: { readonly CN?: unknown } | null
}

/**
 * The common name of the certificate that the other side has shown, if it was verified: who it is. Undefined: it has shown none, or the
 * socket is plain. Empty: the name is none (missing, several, or with characters that nobody sees), and so that of no user.
 */
export function certificateName(socket: Duplex): string | undefined {
  const { encrypted, authorized } = socket as Partial<TLSSocket>
  if (encrypted !== true || authorized !== true) return undefined
  // Nothing is in it when none was shown.
  const { raw, subject } = (socket as TLSSocket).getPeerCertificate() as Shown
  if (raw === undefined) return undefined
  const name = subject?.CN
  return typeof name === 'string' && name !== '' && name.length <= longest && !/\p{C}/u.test(name) ? name : ''
}
