/** Where web pages connect by WebSocket: opens, limits, closes. Frames only; it knows no protocol and no device. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { Listening, plainAddress } from './listening.js'
import type { Sources } from './sources.js'
import { isLoopback, mayLook } from './web-origin.js'

export interface WebListenerOptions {
  readonly host: string
  readonly port: number
  /** Files, PEM. Left out: no TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  /** See {@link mayLook}. */
  readonly origins: readonly string[]
  /** Sockets open at once, whatever they are about. */
  readonly maxConnections: number
  /** Bytes of a message. */
  readonly maxPayload: number
  /** What somebody is told who comes by plain HTTP. */
  readonly greeting: string
  /** Must set a listener for `error`. */
  readonly onWebSocket: (socket: WebSocket, address: string) => void
  /** Somebody was sent away. */
  readonly onRefused: (why: 'connections' | 'origin', who: string) => void
  /** Who may come; left out: everybody. */
  readonly sources?: Pick<Sources, 'mayCome' | 'isFree' | 'scarce'>
  /** A connection could not be taken (no file descriptor is left, say); the listener goes on. */
  readonly onError: (error: Error) => void
}

/** Milliseconds for a request to come, and for the handshake of TLS. */
const handshakeWithin = 10_000

/** Frames of one message. */
const maxFragments = 64

export class WebListener {
  readonly #options: WebListenerOptions
  #listening: Listening | undefined

  constructor(options: WebListenerOptions) {
    this.#options = options
  }

  /** Where it is bound; undefined while closed. */
  get port(): number | undefined {
    return this.#listening?.port
  }

  /** Rejects when the address is taken or not ours, or a file of TLS cannot be read. The signal ends the wait for a name. */
  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const server = await this.#create()
    this.#listening = await Listening.open(
      server,
      { ...this.#options, crowded: (address) => this.#options.onRefused('connections', address) },
      signal
    )
  }

  async close(): Promise<void> {
    const listening = this.#listening
    this.#listening = undefined
    await listening?.close()
  }

  async #create(): Promise<Server> {
    const { tls, maxConnections, greeting, onRefused } = this.#options
    const limits = {
      requestTimeout: handshakeWithin,
      headersTimeout: handshakeWithin,
      handshakeTimeout: handshakeWithin,
      connectionsCheckingInterval: handshakeWithin,
      maxHeaderSize: 16_384
    }
    const server: Server = tls === undefined ? createServer(limits) : await createTls(limits, tls)
    server.maxConnections = maxConnections
    server.on('drop', (drop) => onRefused('connections', plainAddress(drop?.remoteAddress)))
    server.on('request', (_request, response) => {
      response.writeHead(426, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', connection: 'close' })
      response.end(greeting)
    })
    this.#upgrade(server)
    return server
  }

  /** On any path, as the original. */
  #upgrade(server: Server): void {
    const { origins, maxPayload, onWebSocket, onRefused } = this.#options
    const webSockets = new WebSocketServer({ noServer: true, maxPayload, maxFragments, perMessageDeflate: false, clientTracking: false })
    server.on('upgrade', (request, socket, head) => {
      const { remoteAddress, localAddress } = socket as Socket
      socket.on('error', () => {})
      if (!mayLook(request.headers, origins, isLoopback(localAddress ?? ''))) {
        onRefused('origin', request.headers.origin ?? '')
        // One half of it would stay open for as long as the other side likes, and hold its place.
        socket.once('finish', () => socket.destroy())
        socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
        return
      }
      webSockets.handleUpgrade(request, socket, head, (webSocket) => onWebSocket(webSocket, plainAddress(remoteAddress)))
    })
  }
}

async function createTls(limits: object, { cert, key }: { readonly cert: string; readonly key: string }): Promise<Server> {
  const [certificate, secret] = await Promise.all([read(cert), read(key)])
  try {
    return createTlsServer({ ...limits, cert: certificate, key: secret })
  } catch (error) {
    throw new Error(`${cert} and ${key} are no certificate with its key: ${(error as Error).message}`, { cause: error })
  }
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new Error(`cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}
