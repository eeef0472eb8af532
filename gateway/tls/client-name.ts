import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** Characters; X.509 allows 64. */
const longest = 200

/**
 * The common name of the certificate that the other side has shown, if it was verified: who it is. Undefined: it has shown none, the
 * socket is plain, or the name is none (missing, several, empty, or with characters that nobody sees).
 */
export function certificateName(socket: Duplex): string | undefined {
  const { encrypted, authorized } = socket as Partial<TLSSocket>
  if (encrypted !== true || authorized !== true) return undefined
  // Nothing is in it when none was shown.
  const { subject } = (socket as TLSSocket).getPeerCertificate() as { readonly subject?: { readonly CN?: unknown } }
  const name = subject?.CN
  return typeof name === 'string' && name !== '' && name.length <= longest && !/\p{C}/u.test(name) ? name : undefined
}
