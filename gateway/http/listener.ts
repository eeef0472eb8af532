import { STATUS_CODES, createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, createWebSocketStream } from 'ws'
import { addressOf } from '../broker/connections.js'
import type { Entrance } from '../broker/entrance.js'
import { openListener, track } from '../broker/listeners.js'
import type { Address, Door, Listener } from '../broker/listeners.js'
import { isLoopback, mayConnect } from '../broker/origin.js'
import { Answers } from './answers.js'
import type { Asker, Askers } from './askers.js'
import { certificateName } from '../tls/client-name.js'
import type { Secure } from '../tls/secure.js'
import { isOurs } from './names.js'
import { asHttpError, problemOf } from './problem.js'
import { shapeFault } from './shape.js'

/** Frames of one WebSocket message. */
const maxFragments = 64

export interface HttpListenerOptions {
  readonly maxPacket: number
  /** See `http` of the configuration. */
  readonly origins: readonly string[]
  readonly names: readonly string[]
  readonly readOnly: boolean
  /** See Entrance. */
  readonly open: boolean
  /** Seconds in which a request must have come. */
  readonly requestWithin?: number
  /** Who finds out who opens a WebSocket; left out: whoever its CONNECT says. */
  readonly askers?: Pick<Askers, 'bearer' | 'hold' | 'isOpen' | 'refused'> | undefined
  /** Left out: plain. */
  readonly secure?: Secure | undefined
  /** Everything that is no WebSocket. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
}

/** Requests of one connection; a client that asks on opens another, which is counted as such. */
const maxRequests = 1000

/** The HTTP port: MQTT over WebSocket on /mqtt, and what `handle` answers. */
export async function listenHttp(address: Address, door: Door, options: HttpListenerOptions): Promise<Listener> {
  const { maxPacket, origins, names, readOnly, open, requestWithin = 10, secure, handle, askers } = options
  const sockets = new Set<Socket>()
  const within = requestWithin * 1000
  const times = { requestTimeout: within, headersTimeout: within, keepAliveTimeout: 10_000, connectionsCheckingInterval: within / 5 }
  const answers = new Answers(maxRequests)
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    if (answers.take(request, response)) handle(request, response)
  }
  // A Node that asks hands over nothing but these; to others an offer is given back, see below.
  const asks = { shouldUpgradeCallback: isWebSocket }
  const server = createServer({ ...times, ...asks, maxHeaderSize: 16_384 }, take)
  // Node would leave out those beyond a number, and say nothing: see shapeFault. Their bytes are bounded.
  server.maxHeadersCount = 0
  // Node would have every body sent, also one that is refused unseen.
  server.on('checkContinue', take)
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxPacket,
    maxFragments,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false)
  })
  const known = [...names, ...origins]
  // Node's own, which comes after the door and the handshake.
  const [serve] = server.listeners('connection') as [(socket: Duplex) => void]
  server.removeAllListeners('connection')
  server.on('connection', (socket) => {
    track(sockets, socket)
    if (!door.admit(socket)) return
    if (secure === undefined) serve.call(server, socket)
    else secure.wrap(socket)
  })
  secure?.onConnection((socket) => serve.call(server, socket))
  server.on('upgrade', (request, socket, head) => {
    const { headers } = request
    // Whatever was said now would be taken for the answer that is still to come.
    if (!answers.isIdle(socket)) return void socket.destroy()
    const fault = shapeFault(request)
    if (fault !== undefined) return turnAway(socket, `${fault.status} ${STATUS_CODES[fault.status]}`)
    if (!isWebSocket(request)) {
      socket.unshift(head)
      socket.unshift(withoutUpgrade(request))
      serve.call(server, socket)
      return
    }
    const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    const wanted = request.url?.split('?')[0] === '/mqtt'
    const protocol = offered.some((name) => name === 'mqtt' || name === 'mqttv3.1')
    // Who tells no origin is no browser, and may know this computer by any name.
    const named = headers.origin === undefined || isOurs(headers.host, known)
    const allowed = named && mayConnect(headers, origins, isLoopback((socket as Socket).localAddress ?? ''), secure !== undefined)
    if (wanted && !allowed) askers?.refused(named ? 'origin' : 'host', request)
    if (!wanted || !protocol || !allowed)
      return turnAway(socket, !wanted ? '404 Not Found' : protocol ? '403 Forbidden' : '400 Bad Request')
    Promise.resolve(askers?.bearer(request)).then(
      (asker) => upgrade(request, socket, head, asker),
      (error: unknown) => {
        const { status, headers } = problemOf(asHttpError(error))
        turnAway(socket, `${status} ${STATUS_CODES[status]}`, headers)
      }
    )
  })
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, asker: Asker | undefined): void => {
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
      if (asker !== undefined && askers !== undefined)
        stream.once(
          'close',
          askers.hold(asker, () => webSocket.terminate())
        )
      const certificate = certificateName(socket)
      const entrance: Entrance = {
        address: addressOf(socket as Socket),
        listener: 'http',
        open: askers?.isOpen(request) ?? open,
        readOnly,
        ...(certificate === undefined ? {} : { certificate })
      }
      door.handle(stream, asker === undefined ? entrance : { ...entrance, identity: asker.identity })
    })
  }
  return await openListener(server, address, sockets)
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** One half of it would stay open for as long as the other side likes, and hold its place. */
function turnAway(socket: Duplex, status: string, headers: Readonly<Record<string, string>> = {}): void {
  const lines = Object.entries({ ...headers, connection: 'close', 'content-length': '0' }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n`)
}

/** Java's clients offer HTTP 2 with their requests, and Node before 24.9 then reads no more of it: it is given back without the offer. */
function withoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    if (!/^(upgrade|http2-settings|connection)$/i.test(name)) text += `${name}: ${value}\r\n`
    else if (/\bclose\b/i.test(value)) text += 'connection: close\r\n'
  }
  return Buffer.from(text + '\r\n', 'latin1')
}
