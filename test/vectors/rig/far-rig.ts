/** A rig as a recording has it: a bare socket that says what it is told to, when it is told to. */
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket as TcpSocket } from 'node:net'
import { Connection, Datagrams } from './wire.js'
import type { Wire } from './wire.js'

export interface FarRig {
  readonly port: number
  /** The controller, once it is known. */
  readonly wire: Promise<Wire>
  /** Says it to the controller from another port. */
  sayElsewhere(bytes: Buffer): void
  /** From now on everything is sent back at once. */
  echo(): void
  close(): void
}

export async function openFarRig(transport: 'udp' | 'tcp'): Promise<FarRig> {
  return await (transport === 'udp' ? openUdp() : openTcp())
}

async function openUdp(): Promise<FarRig> {
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
  return {
    port: socket.address().port,
    wire: Promise.resolve(new Datagrams(socket, say(socket))),
    sayElsewhere: say(other),
    echo: () => void socket.on('message', say(socket)),
    close: () => {
      socket.close()
      other.close()
    }
  }
}

async function openTcp(): Promise<FarRig> {
  const server = createServer({ noDelay: true })
  const sockets: TcpSocket[] = []
  let isEchoing = false
  const wire = new Promise<Wire>((resolve) => {
    server.on('connection', (socket) => {
      socket.on('error', () => undefined)
      if (isEchoing) socket.pipe(socket)
      if (sockets.push(socket) === 1) resolve(new Connection(socket))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    wire,
    sayElsewhere: () => undefined,
    echo: () => {
      isEchoing = true
      for (const socket of sockets) socket.pipe(socket)
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.resetAndDestroy()
    }
  }
}

async function bound(socket: UdpSocket): Promise<void> {
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
}
