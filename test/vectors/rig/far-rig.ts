/** A rig as a recording has it: a bare socket that says what it is told to, when it is told to. */
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { Connection, Datagrams } from './wire.js'
import type { Wire } from './wire.js'

export class FarRig {
  readonly port: number
  /** The controller, once it is known. */
  readonly wire: Promise<Wire>
  /** Says it to the controller from another port. */
  readonly sayElsewhere: (bytes: Buffer) => void
  readonly #close: () => void

  private constructor(port: number, wire: Promise<Wire>, elsewhere: (bytes: Buffer) => void, close: () => void) {
    this.port = port
    this.wire = wire
    this.sayElsewhere = elsewhere
    this.#close = close
  }

  static async open(transport: 'udp' | 'tcp'): Promise<FarRig> {
    return await (transport === 'udp' ? FarRig.#udp() : FarRig.#tcp())
  }

  close(): void {
    this.#close()
  }

  static async #udp(): Promise<FarRig> {
    const [socket, other] = [createSocket('udp4'), createSocket('udp4')]
    await bound(socket)
    await bound(other)
    let from: RemoteInfo | undefined
    socket.on('message', (_, sender) => {
      from = sender
    })
    const say = (through: UdpSocket) => (bytes: Buffer) => {
      if (from !== undefined) through.send(bytes, from.port, from.address)
    }
    const wire = Promise.resolve(new Datagrams(socket, say(socket)))
    return new FarRig(socket.address().port, wire, say(other), () => {
      socket.close()
      other.close()
    })
  }

  static async #tcp(): Promise<FarRig> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const wire = new Promise<Wire>((resolve) => server.once('connection', (socket) => resolve(new Connection(socket))))
    return new FarRig(
      (server.address() as AddressInfo).port,
      wire,
      () => undefined,
      () => closeAll(server, wire)
    )
  }
}

async function bound(socket: UdpSocket): Promise<void> {
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
}

function closeAll(server: Server, wire: Promise<Wire>): void {
  server.close()
  void wire.then((connection) => connection.reset())
}
