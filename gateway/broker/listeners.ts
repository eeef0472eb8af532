import type { Server as HttpServer } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { addressOf } from './connections.js'
import type { Entrance } from './entrance.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Seconds that a listener has to come up. */
const openWithin = 10

/** A listener of the gateway's own; legacy sockets belong to their adapters. */
export interface Listener {
  readonly address: Address
  close(): Promise<void>
}

/** Who decides about connections, and takes them. */
export interface Door {
  /** A new socket, before a byte of it is read. False: it has been closed. */
  admit(socket: Socket): boolean
  /** A connection of an MQTT client. */
  handle(stream: Duplex, entrance: Entrance): void
}

/** MQTT over TCP. `open`: see {@link Entrance}. */
export async function listenTcp(address: Address, door: Door, open: boolean): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    track(sockets, socket)
    if (door.admit(socket)) door.handle(socket, { address: addressOf(socket), listener: 'broker.tcp', open })
  })
  return await openListener(server, address, sockets)
}

/** Notes a socket, so that it can be closed with its listener. */
export function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => sockets.delete(socket))
}

/** Listens; rejects when it cannot. */
export async function openListener(server: Server | HttpServer, { host, port }: Address, sockets: Set<Socket>): Promise<Listener> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${host}:${port} did not open within ${openWithin} s`)), openWithin * 1000)
    const settle = (run: () => void): void => {
      clearTimeout(timer)
      server.removeListener('error', failed)
      run()
    }
    const failed = (error: Error): void => settle(() => reject(error))
    server.once('error', failed)
    server.listen({ host, port }, () => settle(resolve))
  })
  // Failing to accept one connection (no file descriptor left) must not end the process.
  server.on('error', () => {})
  const bound = server.address() as AddressInfo
  return {
    address: { host, port: bound.port },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
  }
}
