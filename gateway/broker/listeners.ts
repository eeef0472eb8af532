import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, createWebSocketStream } from 'ws'
import { addressOf } from './connections.js'
import { isLoopback, mayConnect } from './origin.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Frames of one WebSocket message. */
const maxFragments = 64

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
  handle(stream: Duplex, address: string): void
}

/** MQTT over TCP. */
export async function listenTcp(address: Address, door: Door): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    track(sockets, socket)
    if (door.admit(socket)) door.handle(socket, addressOf(socket))
  })
  return await open(server, address, sockets)
}

/** The HTTP port: MQTT over WebSocket on /mqtt; everything else says where to look. */
export async function listenHttp(
  address: Address,
  door: Door,
  { maxPacket, origins }: { readonly maxPacket: number; readonly origins: readonly string[] }
): Promise<Listener> {
  const sockets = new Set<Socket>()
  const times = { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 2000 }
  const server = createHttpServer({ ...times, maxHeaderSize: 16_384 }, (request, response) => {
    const found = request.url === '/' && (request.method === 'GET' || request.method === 'HEAD')
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
    response.end(found ? 'labgate: MQTT over WebSocket is on /mqtt (subprotocol mqtt)\n' : 'not found; MQTT over WebSocket is on /mqtt\n')
  })
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxPacket,
    maxFragments,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false)
  })
  server.on('connection', (socket) => {
    track(sockets, socket)
    door.admit(socket)
  })
  server.on('upgrade', (request, socket, head) => {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    const wanted = request.url?.split('?')[0] === '/mqtt'
    const protocol = offered.some((name) => name === 'mqtt' || name === 'mqttv3.1')
    const allowed = mayConnect(request.headers, origins, isLoopback((socket as Socket).localAddress ?? ''))
    if (!wanted || !protocol || !allowed) {
      const status = !wanted ? '404 Not Found' : protocol ? '403 Forbidden' : '400 Bad Request'
      // One half of it would stay open for as long as the other side likes, and hold its place.
      socket.once('finish', () => socket.destroy())
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      // Control packets come in binary frames; anything else ends the connection [MQTT-6.0.0-1].
      webSocket.on('message', (_data, isBinary) => {
        if (isBinary) return
        webSocket.terminate()
        stream.destroy()
      })
      const stream = createWebSocketStream(webSocket)
      // Aedes listens only once it has the client; a socket that breaks before must not end the process.
      stream.on('error', () => {})
      door.handle(stream, addressOf(socket as Socket))
    })
  })
  return await open(server, address, sockets)
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => sockets.delete(socket))
}

async function open(server: Server | HttpServer, { host, port }: Address, sockets: Set<Socket>): Promise<Listener> {
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
