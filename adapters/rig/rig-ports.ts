/** Where controllers reach a rig: one port, over UDP and TCP. Bytes and sockets only; it knows no event and no device. */
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { Listening, plainAddress } from '../common/listening.js'
import type { Sources } from '../common/sources.js'
import { UdpServer } from '../common/udp-server.js'

export interface RigPortsOptions {
  readonly host: string
  /** 0: one that is free for all transports. */
  readonly port: number
  readonly transports: readonly ('udp' | 'tcp')[]
  /** TCP connections that may be open at once; further ones are closed at once. */
  readonly maxConnections: number
  /** `answer` sends back to where it came from. */
  readonly onDatagram: (datagram: Buffer, answer: (bytes: Buffer) => void, sender: string) => void
  /** Must set a listener for `error`. */
  readonly onConnection: (socket: Socket) => void
  /** Who may come. */
  readonly sources?: Sources
  /** There was no place for somebody. */
  readonly onRefused: (who: string) => void
  /** The UDP socket broke, and with it the rig. */
  readonly onBroken: (error: Error) => void
  /** A datagram was not sent, or a connection could not be taken; the rig goes on. */
  readonly onLost: (error: Error) => void
}

/** A port that the system chooses for the one transport may be taken on the other. */
const tries = 8

export class RigPorts {
  readonly #options: RigPortsOptions
  readonly #udp: UdpServer | undefined
  #tcp: Listening | undefined
  #closing: Promise<void> | undefined

  constructor(options: RigPortsOptions) {
    const { host, port, transports, onDatagram, onBroken, onLost, sources } = options
    this.#options = options
    if (transports.includes('udp'))
      this.#udp = new UdpServer({ host, port, onDatagram, onError: onBroken, onLost, ...(sources === undefined ? {} : { sources }) })
  }

  /** Where it is bound; undefined while closed. */
  get port(): number | undefined {
    return this.#udp?.port ?? this.#tcp?.port
  }

  /** Rejects when the address is not ours, or the port is taken; then nothing is open. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#closing
    this.#closing = undefined
    for (let attempt = 1; ; attempt += 1) {
      await this.#udp?.open(signal)
      try {
        return await this.#openTcp(signal)
      } catch (error) {
        await this.#udp?.close()
        const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
        const mayGo = this.#options.port === 0 && code === 'EADDRINUSE' && attempt < tries
        if (!mayGo) throw error
      }
    }
  }

  /** No handle is open when it resolves. */
  async close(): Promise<void> {
    this.#closing ??= Promise.all([this.#udp?.close(), this.#tcp?.close()]).then(() => undefined)
    this.#tcp = undefined
    await this.#closing
  }

  async #openTcp(signal: AbortSignal): Promise<void> {
    const { host, port, transports, onLost, onRefused, maxConnections, sources } = this.#options
    if (!transports.includes('tcp')) return
    const options = { host, port: this.#udp?.port ?? port, onError: onLost, sources, maxConnections, crowded: onRefused }
    this.#tcp = await Listening.open(this.#server(), options, signal)
  }

  #server(): Server {
    const { maxConnections, onConnection, onRefused } = this.#options
    const server = createServer({ noDelay: true })
    server.maxConnections = maxConnections
    server.on('drop', (drop) => onRefused(plainAddress(drop?.remoteAddress)))
    server.on('connection', onConnection)
    return server
  }
}
