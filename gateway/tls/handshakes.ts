import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock, Logger } from '../adapter.js'
import { addressOf } from '../broker/connections.js'
import type { Limit } from '../broker/limit-hits.js'
import { Throttle } from '../log.js'

/** Seconds between two log lines about the same failure from the same address. */
const toldEvery = 10

const unknown = 'it does not know the authority of this certificate: give it the file (--cafile)'

/** In words for people, by the code of the error. */
const reasons: readonly (readonly [code: string, reason: string])[] = [
  ['ERR_TLS_HANDSHAKE_TIMEOUT', 'the handshake took too long (broker.limits.connectTime)'],
  ['ECONNRESET', 'it hung up in the middle: does it know the authority of this certificate (--cafile), and its name?'],
  ['ERR_SSL_HTTP_REQUEST', 'it speaks plain HTTP: ask for https://'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS: use mqtts:// or https://'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'its TLS is older than 1.2: update the client'],
  ['ERR_SSL_VERSION_TOO_LOW', 'its TLS is older than 1.2: update the client'],
  ['ERR_SSL_NO_APPLICATION_PROTOCOL', 'it offers only protocols that are not spoken here (ALPN)'],
  ['ERR_SSL_NO_SHARED_CIPHER', 'no cipher is known to both: update the client'],
  ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'it shows no certificate, and this listener has tls.clients: required'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', unknown],
  // It knows another one of the same name.
  ['ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', unknown],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'it does not believe this certificate: do name and authority fit?'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'to it this certificate has expired: renew it, or set its clock']
]

/** Counts and tells handshakes that failed. */
export class Handshakes {
  readonly #log: Logger
  readonly #hit: (limit: Limit) => void
  readonly #throttle: Throttle

  constructor(options: { clock: Clock; log: Logger; hit: (limit: Limit) => void }) {
    this.#log = options.log
    this.#hit = options.hit
    this.#throttle = new Throttle(toldEvery, () => options.clock.monotonic())
  }

  failed(listener: string, socket: TLSSocket, error: NodeJS.ErrnoException): void {
    this.#hit('handshake')
    // The encrypted socket has forgotten where it comes from once it is closed; the one below it has not.
    const below = (socket as unknown as { readonly _parent?: Socket })._parent ?? socket
    // Of Node's types only what is verified has it; of a failed one it says why.
    const why = socket.authorizationError as Error | string | null | undefined
    const wrong = why === null || why === undefined ? undefined : `its certificate is not believed (${String(why)})`
    const { code = '', message } = error
    const reason = wrong ?? reasons.find(([known]) => known === code)?.[1] ?? (error as { reason?: string }).reason ?? message
    const address = addressOf(below)
    const held = this.#throttle.pass(`${listener} ${address} ${reason}`)
    if (held === undefined) return
    // Who looks whether the port is open says nothing.
    const quiet = code === 'ECONNRESET' && wrong === undefined && below.bytesRead === 0
    const more = held > 0 ? { alike: held } : {}
    this.#log[quiet ? 'debug' : 'info']({ listener, address, reason, ...more }, 'a TLS handshake failed')
  }
}
