import type { Socket } from 'node:net'
import type * as Tls from 'node:tls'
import { contextOf } from './credentials.js'
import type { Credentials, TlsFiles } from './credentials.js'

export interface SecureOptions {
  readonly credentials: Credentials
  readonly clients: TlsFiles['clients']
  /** As it is told in the handshake (ALPN). Who offers only others is refused; who offers none is welcome. */
  readonly protocol: 'mqtt' | 'http/1.1'
  /** Seconds for the handshake. */
  readonly within: number
  readonly failed: (socket: Tls.TLSSocket, error: Error) => void
}

/** TLS between a listener and those who take its connections. It listens nowhere itself. */
export class Secure {
  readonly #options: SecureOptions
  readonly #server: Tls.Server
  #done: (socket: Tls.TLSSocket) => void = (socket) => socket.destroy()

  private constructor(options: SecureOptions, { createServer }: Pick<typeof Tls, 'createServer'>) {
    const { credentials, clients, protocol, within, failed } = options
    this.#options = options
    this.#server = createServer({
      ...contextOf(credentials),
      requestCert: clients !== 'none',
      rejectUnauthorized: clients === 'required',
      ALPNProtocols: [protocol],
      handshakeTimeout: within * 1000
    })
    this.#server.on('secureConnection', (socket) => this.#came(socket))
    this.#server.on('tlsClientError', (error, socket) => {
      failed(socket, error)
      // After a handshake that takes too long Node leaves it open.
      socket.destroy()
    })
  }

  /** Who has no TLS in the configuration never loads it. */
  static async create(options: SecureOptions): Promise<Secure> {
    return new Secure(options, await import('node:tls'))
  }

  /** Who gets the connections. To be called before {@link wrap}. */
  onConnection(done: (socket: Tls.TLSSocket) => void): void {
    this.#done = done
  }

  /** Begins the handshake on a new connection. */
  wrap(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  /** For handshakes from now on; open connections stay as they are. */
  renew(credentials: Credentials): void {
    this.#server.setSecureContext(contextOf(credentials))
  }

  #came(socket: Tls.TLSSocket): void {
    socket.on('error', () => {})
    // With clients: optional, Node lets everybody in. Who shows none is nobody; who shows a wrong one is somebody to be wary of.
    if (this.#options.clients === 'optional' && !socket.authorized && socket.getPeerX509Certificate() !== undefined) {
      this.#options.failed(socket, new Error('its certificate is not believed'))
      socket.destroy()
    } else this.#done(socket)
  }
}
