/** A TCP server of Node while it listens, with the sockets that are open on it: what our listeners of HTTP and of WebSocket share. */
import type { AddressInfo, Server, Socket } from 'node:net'
import { isScarce, mostDescriptors } from '../../gateway/descriptors.js'
import { listenError } from './listen-error.js'
import type { Sources } from './sources.js'

/** One address may hold so much of all connections, but for this computer where no rate is written. */
const share = 0.5

export interface ListeningOptions {
  readonly host: string
  readonly port: number
  /** The server cannot take a connection (no file descriptor is left, say); it goes on. */
  readonly onError: (error: Error) => void
  /** Who may come; left out: everybody. */
  readonly sources?: Pick<Sources, 'mayCome' | 'isFree' | 'scarce'> | undefined
  /** One address has too many connections: this one was closed. Left out: nobody looks. */
  readonly crowded?: (address: string) => void
  /** Connections that may be open in all. */
  readonly maxConnections?: number
}

export class Listening {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Open connections by address. */
  readonly #counts = new Map<string, number>()
  readonly #options: ListeningOptions
  /** Descriptors beyond are for files. */
  readonly #most = mostDescriptors()

  private constructor(server: Server, options: ListeningOptions) {
    this.#server = server
    this.#options = options
    // Whoever takes connections gets those that may come, and never sees the others.
    const takers = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => {})
      const address = plainAddress(socket.remoteAddress)
      if (!this.#mayStay(socket, address)) return void socket.destroy()
      this.#sockets.add(socket)
      this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1)
      socket.once('close', () => this.#closed(socket, address))
      for (const take of takers) take.call(server, socket)
    })
  }

  #mayStay(socket: Socket, address: string): boolean {
    const { sources, crowded, maxConnections = Infinity } = this.#options
    if (isScarce(socket, this.#most)) return sources?.scarce(address) ?? false
    if (sources?.mayCome(address) === false) return false
    if (crowded === undefined || sources?.isFree(address) !== false) return true
    if ((this.#counts.get(address) ?? 0) < Math.max(1, Math.ceil(maxConnections * share))) return true
    crowded(address)
    return false
  }

  #closed(socket: Socket, address: string): void {
    this.#sockets.delete(socket)
    const left = (this.#counts.get(address) ?? 1) - 1
    if (left > 0) this.#counts.set(address, left)
    else this.#counts.delete(address)
  }

  /** Rejects when the address is taken or not ours. The signal ends the wait for a name. */
  static async open(server: Server, options: ListeningOptions, signal: AbortSignal): Promise<Listening> {
    const { host, port, onError } = options
    signal.throwIfAborted()
    const listening = new Listening(server, options)
    try {
      await new Promise<void>((resolve, reject) => {
        const aborted = (): void => reject(new Error('stopped while opening'))
        const done = (run: () => void): void => {
          signal.removeEventListener('abort', aborted)
          run()
        }
        signal.addEventListener('abort', aborted, { once: true })
        server.once('error', (error) => done(() => reject(listenError('tcp', host, port, error))))
        server.listen({ host, port, exclusive: true }, () => done(resolve))
      })
    } catch (error) {
      // It may come up later, when a name has been resolved.
      server.once('listening', () => server.close())
      server.close()
      throw error
    }
    server.removeAllListeners('error')
    server.on('error', onError)
    return listening
  }

  get port(): number | undefined {
    return (this.#server.address() as AddressInfo | null)?.port
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      for (const socket of this.#sockets) socket.destroy()
    })
  }
}

/** IPv4 in IPv6's clothes is the same address. */
export function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:/, '') ?? ''
}
