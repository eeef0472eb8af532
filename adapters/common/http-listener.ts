/**
 * Where old HTTP clients connect: opens, limits, answers, closes. On node:http, because the legacy wire needs raw paths, the habits of
 * HTTP/1.0 and error bodies of its own. It takes what the newer Flask takes (section 1); it knows no protocol and no device.
 */
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { HttpConnection } from './http-connection.js'
import type { Phase } from './http-connection.js'
import { refusal } from './http-answers.js'
import { rawAnswer } from './http-head.js'
import { Listening, plainAddress } from './listening.js'
import { ownNames } from './own-names.js'
import type { Sources } from './sources.js'

export interface HttpRequest {
  /** As sent. */
  readonly method: string
  /** Percent-decoded, without the query; begins with exactly one `/`. See readTarget. */
  readonly path: string
  /** Raw, after the first `?`; empty when there is none. */
  readonly query: string
  readonly headers: IncomingHttpHeaders
  /** Whole, also when it came in chunks; empty when there is none. */
  readonly body: Buffer
  /** Of the client. */
  readonly address: string
  /** A web page of somebody else made a browser send it: nothing may be done for it, see `foreign` in http-answers. */
  readonly isForeign: boolean
  /** It is foreign because of this Host, which is not known as a name of this computer. */
  readonly foreignHost?: string
  /** Aborted when the client went away or the listener closes. */
  readonly signal: AbortSignal
  /**
   * Aborted also some time after the client ended its side: it may have gone, or have said all and wait for its answer. What has not
   * begun need not begin for it; what has is answered.
   */
  readonly endSignal: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  /** In lower case. `content-type` is `text/html; charset=utf-8` unless told otherwise, as all that the originals answer. */
  readonly headers?: Readonly<Record<string, string>>
  /** Not sent to HEAD, only its length. */
  readonly body: string | Buffer
}

/**
 * `connections`: too many at once. `body`: too large. `slow`: did not come, or was not taken, in time. `bad`: no HTTP. `origin`: see
 * isForeign. `host`: see foreignHost, which is told for who.
 */
export type Refused = 'connections' | 'body' | 'slow' | 'bad' | 'origin' | 'host'

export interface HttpListenerOptions {
  readonly host: string
  readonly port: number
  /** Who may come; left out: everybody. */
  readonly sources?: Pick<Sources, 'mayCome' | 'isFree' | 'scarce'>
  /** Open at once, half of them from one address, see Sources.isFree. For a further one the connection that waits longest for its client is closed, or it is closed itself. */
  readonly maxConnections: number
  /** Bytes; 413 beyond. */
  readonly maxBody: number
  /** Seconds for a request to come (408). For an answer to be taken see {@link HttpConnection}. */
  readonly requestWithin: number
  /** Web servers whose pages may have things done, as `https://lab.example`; `*`: all. */
  readonly origins: readonly string[]
  /** Names of this computer, in lower case; left out: those that it knows itself. */
  readonly names?: ReadonlySet<string>
  /** One at a time for each connection. A rejection is answered with 500. */
  readonly answer: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>
  /** Somebody was sent away. `origin` or `host` is told when a foreign request was answered with 403. */
  readonly onRefused: (why: Refused, who: string) => void
  /** An answer failed, or a connection could not be taken; the listener goes on. */
  readonly onError: (error: Error) => void
}

/** Bytes of a request without its body; Python's server bears as much in one line (section 1). */
const maxHeader = 65_536

/** Milliseconds that a connection may be idle between two requests. */
const idleFor = 5000

/** Milliseconds between two looks for slow requests. */
const lookEvery = 500

/** Who has to go when there is no more room: first who has its answer, last who does not take it. Nobody whose answer is being made. */
const goFirst: readonly Phase[] = ['idle', 'coming', 'leaving']

export class HttpListener {
  readonly #options: HttpListenerOptions
  /** Those that changed their phase longest ago come first. */
  readonly #connections = new Map<Socket, HttpConnection>()
  #listening: Listening | undefined
  #names: ReadonlySet<string> = new Set()

  constructor(options: HttpListenerOptions) {
    this.#options = options
  }

  /** Where it is bound; undefined while closed. */
  get port(): number | undefined {
    return this.#listening?.port
  }

  /** Rejects when the address is taken or not ours. The signal ends the wait for a name. */
  async open(signal: AbortSignal): Promise<void> {
    this.#names = this.#options.names ?? (await ownNames())
    this.#listening = await Listening.open(this.#create(), { ...this.#options, maxConnections: Infinity }, signal)
  }

  /** No handle is open when it resolves. */
  async close(): Promise<void> {
    const listening = this.#listening
    this.#listening = undefined
    await listening?.close()
  }

  #create(): Server {
    const within = this.#options.requestWithin * 1000
    const server = createServer({
      requestTimeout: within,
      headersTimeout: within,
      connectionsCheckingInterval: Math.min(lookEvery, within / 2),
      keepAliveTimeout: idleFor,
      maxHeaderSize: maxHeader,
      // Python's server does not ask for it.
      requireHostHeader: false
    })
    // A client that has said all still gets its answer, as from the originals.
    ;(server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true
    const take = (request: IncomingMessage, response: ServerResponse, isAwaited: boolean): void =>
      this.#connections.get(request.socket)?.take(request, response, isAwaited)
    server.on('connection', (socket: Socket) => this.#connected(socket))
    server.on('request', (request, response) => take(request, response, false))
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => take(request, response, true))
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => take(request, response, false))
    server.on('connect', (_request, socket) => this.#unreadable(new Error('CONNECT'), socket as Socket))
    server.on('clientError', (error, socket) => this.#unreadable(error, socket as Socket))
    return server
  }

  #connected(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress)
    const { maxConnections } = this.#options
    const hasPlace = (): boolean =>
      (!this.#isCrowded(address) || this.#makeRoom(address)) && (this.#connections.size < maxConnections || this.#makeRoom())
    if (!hasPlace()) {
      this.#options.onRefused('connections', address)
      socket.destroy()
      return
    }
    const connection = new HttpConnection(socket, { ...this.#options, names: this.#names }, () => {
      if (!this.#connections.delete(socket)) return
      this.#connections.set(socket, connection)
    })
    this.#connections.set(socket, connection)
    socket.once('close', () => {
      this.#connections.delete(socket)
      connection.gone()
    })
  }

  /** Has one address half of all connections? */
  #isCrowded(address: string): boolean {
    if (this.#options.sources?.isFree(address) !== false) return false
    let open = 0
    for (const connection of this.#connections.values()) if (connection.address === address) open += 1
    return open >= Math.ceil(this.#options.maxConnections / 2)
  }

  /** `of`: of this address alone. */
  #makeRoom(of?: string): boolean {
    for (const phase of goFirst)
      for (const [socket, connection] of this.#connections) {
        if (connection.phase !== phase || (of !== undefined && connection.address !== of)) continue
        if (phase !== 'idle') this.#options.onRefused('connections', connection.address)
        // It counts no more, though `close` comes later.
        this.#connections.delete(socket)
        connection.gone()
        socket.destroy()
        return true
      }
    return false
  }

  /** What comes is no HTTP, is too long, or does not come. */
  #unreadable(error: Error & { code?: string }, socket: Socket): void {
    const connection = this.#connections.get(socket)
    // Browsers open connections in advance: nobody has asked for anything.
    if (connection === undefined || !socket.writable || socket.bytesRead === 0 || error.code === 'ECONNRESET') {
      socket.destroy()
      return
    }
    const [status, why, message] = complaints.get(error.code) ?? ([400, 'bad', 'this is no HTTP request'] as const)
    if (connection.refuse(rawAnswer(refusal({ class: 'BadPayload', message }, status)))) this.#options.onRefused(why, connection.address)
  }
}

/** By Node's code of the error. */
const complaints = new Map<string | undefined, readonly [status: number, why: Refused, message: string]>([
  ['ERR_HTTP_REQUEST_TIMEOUT', [408, 'slow', 'the request did not come in time']],
  ['HPE_HEADER_OVERFLOW', [431, 'bad', `the head of the request has more than ${maxHeader} bytes`]],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', [413, 'body', 'the chunks of the body carry too much besides']]
])
