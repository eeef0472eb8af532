/** One connection to an echo server: dials, waits for the join message, asks one question at a time, and ends. It is never reused. */
import { connect } from 'node:net'
import { WebSocket } from 'ws'
import type { RawData } from 'ws'
import type { Clock, Watch } from '../../gateway/adapter.js'
import { lookUpForSocket } from '../common/names.js'
import { readFirst, oneLine } from './client-codec.js'
import { parseUrl } from '../common/parse-url.js'

export interface ConnectionOptions {
  readonly target: { readonly host: string; readonly port: number; readonly path: string }
  /** For people. */
  readonly where: string
  readonly clock: Clock
  /** Bytes of a message that comes. */
  readonly maxMessage: number
  /** Seconds until the join message must be there. */
  readonly joinWithin: number
  /** Seconds from ping to ping; null: none. */
  readonly keepAlive: number | null
  /** It can be asked; `id` are the digits of the join message. */
  readonly onJoin: (id: string) => void
  /** A message after a question. Undefined: it is binary. Returns false when it is none of this question. */
  readonly onAnswer: (text: string | undefined) => boolean
  /** A message that nobody asked for. */
  readonly onSurplus: () => void
  /** All that it had to say has been heard: a question may be asked. */
  readonly onSettled: () => void
  /** Once, and then nothing more comes. */
  readonly onEnd: (end: End) => void
}

/**
 * unreachable: there never was a WebSocket. wrong: there is one, of something else. closed: by the other side, with that code.
 * silent: it does not answer in time. too-large: a message is longer than it may be. left: we hung up.
 */
export type EndKind = 'unreachable' | 'wrong' | 'closed' | 'silent' | 'too-large' | 'left'

export interface End {
  readonly kind: EndKind
  /** For people; names the server. */
  readonly message: string
  /** Of a close by the other side; 1006: without a word. */
  readonly code?: number
  /** What it gave as the reason of its close. */
  readonly said?: string
}

/** Frames of one message, and the pieces that it may come in. */
const maxFragments = 1024

/** Milliseconds that the other side may take to hang up after its close. */
const closeTimeout = 1000

/**
 * Seconds after which a server that answers no ping is taken to have said all: old hand-made servers do not know pings.
 */
const settleWithin = 1

/**
 * Answers carry no id, so what comes late is told from an answer only by its time. After each answer, and after the join message, a
 * ping goes out: what the server had sent before it saw the ping comes before the pong.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #socket: WebSocket
  /** Resolves when nothing of it is open any more. */
  readonly closed: Promise<void>
  #isJoined = false
  #isAsked = false
  #isEnded = false
  /** Pings that were sent, which is what they say. */
  #pings = 0
  /** The ping whose pong ends the wait. */
  #fence: number | undefined
  #limit: Watch | undefined
  #beat: Watch | undefined
  /** Nothing came since the last beat. */
  #isQuiet = false

  /** Dials at once. */
  constructor(options: ConnectionOptions) {
    this.#options = options
    const { target, maxMessage, clock, joinWithin, where } = options
    const { host, port, path } = target
    // A constant, as the types of ws do not know closeTimeout yet.
    const dialled = {
      createConnection: () => connect({ host, port, noDelay: true, lookup: lookUpForSocket }),
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: maxMessage,
      maxFragments,
      closeTimeout
    }
    const socket = new WebSocket(urlOf(host, port, path), dialled)
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('message', (data, isBinary) => this.#message(data, isBinary))
    socket.on('ping', () => (this.#isQuiet = false))
    socket.on('pong', (data) => this.#pong(data))
    socket.on('error', (error) => this.#broke(error))
    socket.on('close', (code, reason) => this.#closed(code, reason))
    this.#limit = clock.after(joinWithin, () => {
      const isOpen = socket.readyState === socket.OPEN
      const what = isOpen ? 'sent no join message' : 'answered no handshake'
      this.end({ kind: isOpen ? 'wrong' : 'unreachable', message: `${where} ${what} within ${joinWithin} s` })
    })
  }

  /** A question may be asked: it has joined, the last one is answered, and nothing more is on its way. */
  get isFree(): boolean {
    const { OPEN, readyState } = this.#socket
    return this.#isJoined && readyState === OPEN && !this.#isAsked && this.#fence === undefined
  }

  /** To be called while it {@link isFree}. */
  ask(text: string): void {
    this.#isAsked = true
    this.#socket.send(text)
  }

  /** Hangs up, with a close frame that is not waited for. */
  end(end: End): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#limit?.cancel()
    this.#beat?.cancel()
    const socket = this.#socket
    if (socket.readyState === socket.OPEN) socket.close(1000)
    socket.terminate()
    this.#options.onEnd(end)
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#isEnded) return
    this.#isQuiet = false
    const text = isBinary ? undefined : textOf(data)
    if (!this.#isJoined) return this.#first(text)
    if (!this.#isAsked) return this.#options.onSurplus()
    if (!this.#options.onAnswer(text)) return
    this.#isAsked = false
    this.#settle()
  }

  #first(text: string | undefined): void {
    const { where, onJoin, keepAlive } = this.#options
    const first = text === undefined ? { kind: 'wrong' as const, reason: 'binary data in place of join_evt' } : readFirst(text)
    if (first.kind === 'wrong') return this.end({ kind: 'wrong', message: `${where} begins with ${first.reason}: is it an echo server?` })
    this.#isJoined = true
    this.#settle()
    if (keepAlive !== null) this.#keepAlive(keepAlive)
    onJoin(first.id)
  }

  #settle(): void {
    this.#limit?.cancel()
    this.#fence = this.#ping()
    this.#limit = this.#options.clock.after(settleWithin, () => this.#settled())
  }

  #settled(): void {
    this.#limit?.cancel()
    this.#fence = undefined
    this.#options.onSettled()
  }

  #ping(): number {
    const { OPEN, readyState } = this.#socket
    this.#pings += 1
    if (readyState === OPEN) this.#socket.ping(String(this.#pings))
    return this.#pings
  }

  #pong(data: Buffer): void {
    this.#isQuiet = false
    if (!this.#isEnded && this.#fence !== undefined && data.toString() === String(this.#fence)) this.#settled()
  }

  #keepAlive(seconds: number): void {
    const { clock, where } = this.#options
    this.#beat = clock.after(seconds, () => {
      if (this.#isQuiet) return this.end({ kind: 'silent', message: `${where} answers no ping within ${seconds} s` })
      this.#isQuiet = true
      this.#ping()
      this.#keepAlive(seconds)
    })
  }

  /** Before there is a WebSocket, or what came is none of its frames. */
  #broke(error: Error & { code?: string }): void {
    const { where, maxMessage } = this.#options
    const { code = '', message } = error
    if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
      return this.end({ kind: 'too-large', message: `${where} sent a message of more than ${maxMessage} bytes (maxMessage)` })
    if (code.startsWith('WS_ERR_')) return this.end({ kind: 'wrong', message: `${where} sent no proper frame: ${oneLine(message)}` })
    this.end({ kind: 'unreachable', message: unreached(where, code, oneLine(message)) })
  }

  #closed(code: number, reason: Buffer): void {
    const said = oneLine(reason.toString())
    const how = code === 1006 ? 'without a word' : `with code ${code}${said === '' ? '' : ` (${said})`}`
    this.end({ kind: 'closed', code, said, message: `${this.#options.where} closed the connection ${how}` })
  }
}

function unreached(where: string, code: string, message: string): string {
  if (code === 'ECONNREFUSED') return `no program answers on ${where}: start the server there, or correct target`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name in ${where} is not found (${code})`
  // What came is no answer to a handshake.
  if (code === '' || code.startsWith('HPE_')) return `${where} takes no WebSocket: ${message}`
  return `${where} cannot be reached: ${message}`
}

/** What the server is told as its Host; where we connect to is told to the socket. */
function urlOf(host: string, port: number, path: string): string {
  // The zone of an address is none of a URL's.
  const url = `ws://${host.includes(':') ? `[${host.replace(/%.*/, '')}]` : host}:${port}${path}`
  return parseUrl(url) !== undefined ? url : `ws://localhost:${port}${path}`
}

function textOf(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : (data as Buffer)).toString()
}
