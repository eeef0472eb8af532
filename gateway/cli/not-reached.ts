/** Why no answer came, and what to do about it. */
import type { Place } from './where.js'

type Told = (error: NodeJS.ErrnoException, place: Place) => string

const isUnsafe: Told = ({ message }, { url }) =>
  `${url} shows a certificate that nobody here believes (${message}): give --ca FILE with the authority that signed it, or its own certificate`

const table: Readonly<Record<string, Told>> = {
  ECONNREFUSED: (_error, { url, because, start }) =>
    `no gateway answers at ${url} (nobody listens there; looked there because of: ${because}). Start one: ${start}; or say where it is: --url http://HOST:PORT`,
  ENOTFOUND: (_error, { url }) => `there is no computer of the name in ${url}, or the name server does not know it`,
  EAI_AGAIN: (_error, { url }) => `the name in ${url} cannot be looked up: the name server does not answer; give an address in its place`,
  EHOSTUNREACH: (_error, { url }) => `no way leads to ${url}: is the network up, and the computer on?`,
  ENETUNREACH: (_error, { url }) => `no way leads to ${url}: is the network up?`,
  ETIMEDOUT: (_error, { url }) => `${url} does not answer: is the computer on, and does no firewall stand between?`,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ message }, { url }) =>
    `the certificate of ${url} is for other names (${message}): use one of these in --url`,
  CERT_HAS_EXPIRED: (_error, { url }) => `the certificate of ${url} has expired: renew it there, or set the clock here`,
  CERT_NOT_YET_VALID: (_error, { url }) => `the certificate of ${url} is not valid yet: is the clock right, here and there?`,
  DEPTH_ZERO_SELF_SIGNED_CERT: isUnsafe,
  SELF_SIGNED_CERT_IN_CHAIN: isUnsafe,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: isUnsafe,
  UNABLE_TO_GET_ISSUER_CERT: isUnsafe,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: isUnsafe,
  EPROTO: (_error, { url }) => `${url} does not speak TLS: write http:// in place of https://`,
  ERR_SSL_WRONG_VERSION_NUMBER: (_error, { url }) => `${url} does not speak TLS: write http:// in place of https://`,
  ECONNRESET: (_error, { url }) =>
    `${url} broke off: the gateway ended or was started again${url.startsWith('http:') ? '; or it speaks TLS there, and wants https://' : ''}`
}

export function notReached(error: NodeJS.ErrnoException, place: Place): string {
  // A name with two addresses: each failed.
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error
  const told = table[first.code ?? '']
  if (told !== undefined) return told(first, place)
  if (/^HPE_|Parse Error/.test(`${first.code ?? ''} ${first.message}`))
    return `what ${place.url} answers is no HTTP: something else listens there`
  return `${place.url} cannot be asked: ${first.message}`
}
