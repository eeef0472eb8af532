/** A UDP socket of a legacy server: opens, limits, answers, closes. Bytes only; it knows no protocol and no device. */
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { lookup } from 'node:dns'
import type { LookupOneOptions } from 'node:dns'
import { isIP, isIPv6 } from 'node:net'
import { listenError } from './listen-error.js'
import type { Sources } from './sources.js'

export interface UdpServerOptions {
  readonly host: string
  readonly port: number
  /** One datagram; `answer` sends back to its sender and may be called later, or never. Must not throw. `sender`: address and port. */
  readonly onDatagram: (datagram: Buffer, answer: (reply: Buffer) => void, sender: string) => void
  /** Who may come; left out: everybody. */
  readonly sources?: Pick<Sources, 'mayCome' | 'answered'>
  /** The socket broke after it was open. */
  readonly onError: (error: Error) => void
  /** An answer could not be sent: the asker is gone, or the network is. */
  readonly onLost?: (error: Error) => void
}

/** Bytes of the kernel's queue asked for; it grants what it may. A burst finds place while the event loop is busy. */
const receiveBuffer = 1 << 20

/** Seconds for a name to resolve and the socket to open. */
const openWithin = 10

export class UdpServer {
  readonly #options: UdpServerOptions
  #socket: Socket | undefined

  constructor(options: UdpServerOptions) {
    this.#options = options
  }

  /** Where it is bound; undefined while closed. */
  get port(): number | undefined {
    return this.#socket?.address().port
  }

  /** Rejects when the address is taken or not ours. */
  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { host, port, onDatagram, onError, sources } = this.#options
    const socket = createSocket({
      type: isIPv6(host) ? 'udp6' : 'udp4',
      lookup: (...asked) => (this.#socket === undefined ? lookup : resolve)(...asked)
    })
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`udp ${host}:${port} did not open within ${openWithin} s`)), openWithin * 1000)
        const settle = (run: () => void): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', aborted)
          run()
        }
        const aborted = (): void => settle(() => reject(new Error('stopped while opening')))
        signal.addEventListener('abort', aborted, { once: true })
        socket.once('error', (error) => settle(() => reject(listenError('udp', host, port, error))))
        socket.bind({ address: host, port, exclusive: true }, () => settle(resolve))
      })
    } catch (error) {
      socket.close()
      throw error
    }
    socket.removeAllListeners('error')
    socket.on('error', onError)
    try {
      socket.setRecvBufferSize(receiveBuffer)
    } catch {
      // The system's default has to do.
    }
    this.#socket = socket
    socket.on('message', (datagram, from) => {
      if (sources?.mayCome(from.address, from.port) === false) return
      onDatagram(datagram, (reply) => this.#send(reply, from), `${from.address}:${from.port}`)
    })
  }

  async close(): Promise<void> {
    const socket = this.#socket
    if (socket === undefined) return
    this.#socket = undefined
    await new Promise<void>((resolve) => socket.close(() => resolve()))
  }

  #send(reply: Buffer, { address, port }: RemoteInfo): void {
    // Port 0 is nobody: such a datagram is forged, and sending there throws.
    if (this.#socket === undefined || port === 0) return
    this.#options.sources?.answered(address, reply.length)
    this.#socket.send(reply, port, address, (error) => {
      if (error !== null) this.#options.onLost?.(error)
    })
  }
}

/** Node asks for every answer that is sent; the address that a datagram came from needs no thought. */
const resolve: typeof lookup = ((name: string, options: LookupOneOptions | number, callback: Resolved) => {
  const family = typeof options === 'number' ? options : Number(options.family ?? 0)
  if (isIP(name) === 0) lookup(name, { family }, callback)
  else callback(null, name, family)
}) as unknown as typeof lookup

type Resolved = (error: NodeJS.ErrnoException | null, address: string, family: number) => void
