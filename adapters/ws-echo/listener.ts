/** Where clients connect by WebSocket: opens on one address or on both loopbacks, limits, closes. It knows no message and no device. */
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { ServerOptions, WebSocket } from 'ws'
import { Listening, plainAddress } from '../common/listening.js'
import type { Sources } from '../common/sources.js'
import { isLoopback } from '../common/web-origin.js'
import { onBoth } from './loopbacks.js'
import type { Opened } from './loopbacks.js'
import { refusal } from './refusal.js'
import type { Status } from './refusal.js'

export interface WsListenerOptions {
  /** `localhost` is all of `loopbacks`. */
  readonly host: string
  readonly port: number
  /** The first must be there, the second need not; left out: 127.0.0.1 and ::1. */
  readonly loopbacks?: readonly [string, string]
  /** Open at once; a further one is refused with 503. */
  readonly maxConnections: number
  /** Bytes, fragments together and inflated; 1009 beyond. */
  readonly maxMessage: number
  /** May a page of this origin connect? `local`: it came in on loopback. 403 when not. */
  readonly mayEnter: (headers: IncomingHttpHeaders, local: boolean) => boolean
  /** Must set a listener for `error`. */
  readonly onWebSocket: (socket: WebSocket, address: string) => void
  /** Somebody was sent away. `bad`: that was no handshake. */
  readonly onRefused: (why: Refused, who: string) => void
  /** Who may come; left out: everybody. */
  readonly sources?: Pick<Sources, 'mayCome' | 'isFree' | 'scarce'>
  /** A connection could not be taken (no file descriptor is left, say); the listener goes on. */
  readonly onError: (error: Error) => void
}

export type Refused = 'connections' | 'origin' | 'bad'

/** Milliseconds for a handshake to come. */
const handshakeWithin = 10_000

/** Frames of one message; each may be empty, and costs more than its bytes. */
const maxFragments = 4096

/** Connections besides, for those whose handshake is still to come, and to tell others that there is no room. */
const spare = 128

/** Milliseconds for a client to close when it was told to; the original gives as many. */
const closeWithin = 10_000

/** The same when the listener closes. */
const leaveWithin = 1000

/** Pongs that may wait for a client that does not read. */
const maxPongs = 1000

const sentence = 'labgate: a WebSocket server for JSON messages; open a WebSocket here, a web browser alone cannot\n'

export class WsListener {
  readonly #options: WsListenerOptions
  readonly #webSockets: WebSocketServer
  readonly #open = new Set<WebSocket>()
  #opened: Opened = { listenings: [], missing: undefined }
  #isOpen = false
  #closing: Promise<void> | undefined

  constructor(options: WsListenerOptions) {
    this.#options = options
    this.#webSockets = this.#protocol()
  }

  /** Where it is bound; undefined while closed. */
  get port(): number | undefined {
    return this.#opened.listenings[0]?.port
  }

  /** The loopback that this machine does not have, with the reason. */
  get missing(): string | undefined {
    return this.#opened.missing
  }

  /** Rejects when an address is taken or not ours. The signal ends the wait for a name. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#closing
    this.#closing = undefined
    const { host, port, loopbacks = ['127.0.0.1', '::1'] } = this.#options
    const listen = async (address: string, at: number): Promise<Listening> => await this.#listen(address, at, signal)
    if (host.toLowerCase() === 'localhost') this.#opened = await onBoth(loopbacks, port, listen)
    else this.#opened = { listenings: [await listen(host, port)], missing: undefined }
    this.#isOpen = true
  }

  /** Every client is told 1001. No handle is open when it resolves. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#closing ??= this.#leave()
    await this.#closing
  }

  async #leave(): Promise<void> {
    const left = [...this.#open].map(async (socket) => await new Promise<void>((resolve) => void socket.once('close', () => resolve())))
    for (const socket of this.#open) socket.close(1001)
    await within(leaveWithin, Promise.all(left))
    const { listenings } = this.#opened
    this.#opened = { listenings: [], missing: undefined }
    await Promise.all(listenings.map(async (listening) => await listening.close()))
  }

  async #listen(host: string, port: number, signal: AbortSignal): Promise<Listening> {
    const { onError, onRefused, maxConnections, sources } = this.#options
    const crowded = (who: string): void => onRefused('connections', who)
    return await Listening.open(this.#server(), { host, port, onError, sources, crowded, maxConnections }, signal)
  }

  #server(): Server {
    const { maxConnections, onRefused } = this.#options
    const server = createServer({
      requestTimeout: handshakeWithin,
      headersTimeout: handshakeWithin,
      connectionsCheckingInterval: handshakeWithin,
      maxHeaderSize: 16_384,
      requireHostHeader: false
    })
    server.maxConnections = maxConnections + spare
    server.on('drop', (drop) => onRefused('connections', plainAddress(drop?.remoteAddress)))
    server.on('request', ({ socket }) => this.#refuse(socket, 426, 'bad', sentence))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#unreadable(error, socket as Socket))
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head))
    return server
  }

  #protocol(): WebSocketServer {
    const options: ServerOptions & { readonly closeTimeout: number; readonly maxPendingAutoPongs: number } = {
      noServer: true,
      clientTracking: false,
      maxPayload: this.#options.maxMessage,
      maxFragments,
      closeTimeout: closeWithin,
      // One message of each client in turn: what one pours in, 2 MB at a stretch, must not hold up the others for seconds.
      allowSynchronousEvents: false,
      maxPendingAutoPongs: maxPongs,
      handleProtocols: () => false,
      // Taken when offered, as it is the client's to choose (section 1.7). Nothing is compressed here: answers are short, or were long on their way in.
      perMessageDeflate: {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        threshold: Infinity,
        zlibInflateOptions: { chunkSize: 4096 }
      }
    }
    const webSockets = new WebSocketServer(options)
    webSockets.on('wsClientError', (error, socket) => this.#refuse(socket, 400, 'bad', `labgate: ${error.message}\n`))
    return webSockets
  }

  /** On any path, and without a subprotocol (section 1.1). What is none is answered as the original does (W12). */
  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { headers, httpVersion } = request
    const { maxConnections, mayEnter, onWebSocket } = this.#options
    const { remoteAddress, localAddress } = socket
    if (headers.upgrade?.toLowerCase() !== 'websocket') return this.#refuse(socket, 426, 'bad', sentence)
    if (httpVersion !== '1.1' || headers['sec-websocket-version'] !== '13')
      return this.#refuse(socket, 400, 'bad', 'labgate: only version 13 of WebSocket, over HTTP/1.1\n')
    if (!mayEnter(headers, isLoopback(localAddress ?? ''))) return this.#refuse(socket, 403, 'origin', '', headers.origin)
    if (!this.#isOpen || this.#open.size >= maxConnections)
      return this.#refuse(socket, 503, 'connections', 'labgate: no more connections; try again later\n')
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#open.add(webSocket)
      webSocket.once('close', () => this.#open.delete(webSocket))
      onWebSocket(webSocket, plainAddress(remoteAddress))
    })
  }

  #unreadable(error: NodeJS.ErrnoException, socket: Socket): void {
    if (!socket.writable || socket.bytesRead === 0 || error.code === 'ECONNRESET') socket.destroy()
    else this.#refuse(socket, 400, 'bad', 'labgate: this is no request for a WebSocket\n')
  }

  #refuse(socket: Duplex, status: Status, why: Refused, text: string, who?: string): void {
    this.#options.onRefused(why, who ?? plainAddress((socket as Socket).remoteAddress))
    // One half of it would stay open for as long as the other side likes, and hold its place.
    socket.once('finish', () => socket.destroy())
    socket.end(refusal(status, text))
  }
}

/** Real sockets have real time. */
async function within(milliseconds: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([done, new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)))])
  clearTimeout(timer)
}
