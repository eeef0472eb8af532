/** Where controllers reach a rig: one port, over UDP and TCP. Bytes only; it knows no event and no device. */
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { Listening, plainAddress } from '../common/listening.js'
import { UdpServer } from '../common/udp-server.js'

export interface RigPortsOptions {
  readonly host: string
  readonly port: number
  readonly transports: readonly ('udp' | 'tcp')[]
  /** TCP connections that may be open at once; the system refuses further ones. */
  readonly maxConnections: number
  /** `answer` sends back to where it came from. */
  readonly onDatagram: (datagram: Buffer, answer: (bytes: Buffer) => void, sender: string) => void
  /** Must set a listener for `error`. */
  readonly onConnection: (socket: Socket) => void
  readonly onRefused: (who: string) => void
  /** The UDP socket broke, and with it the rig. */
  readonly onBroken: (error: Error) => void
  /** A datagram was not sent, or a connection could not be taken. */
  readonly onLost: (error: Error) => void
}

/** A port that the system chooses for the one transport may be taken on the other. */
const tries = 8

export class RigPorts {
  readonly #options: RigPortsOptions
  readonly #udp: UdpServer | undefined
  #udpOn: number | undefined
  #tcp: Listening | undefined

  constructor(options: RigPortsOptions) {
    this.#options = options
    if (options.transports.includes('udp')) this.#udp = this.#server(options.port)
  }

  /** Where it is bound; undefined while closed. */
  get port(): number | undefined {
    return this.#udpOn ?? this.#tcp?.port
  }
}
