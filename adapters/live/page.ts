/** One web page that is connected: what it has subscribed to, and whether it still listens. */
import type { RawData, WebSocket } from 'ws'
import { decodeFrame } from './codec.js'
import type { Channel } from './codec.js'

export interface PageOptions {
  readonly socket: WebSocket
  readonly address: string
  readonly maxSubscriptions: number
  readonly onSubscribe: (page: Page, channels: readonly Channel[]) => void
  /** A frame came. False: it is one too many. */
  readonly onFrame: () => boolean
  /** It was cut, and why. */
  readonly onCut: (page: Page, why: Cut, reason: string) => void
  readonly onClose: (page: Page) => void
}

/** slow: it does not read what it is sent. silent: it does not answer a ping. wrong: its frame is of no use. many: subscriptions or frames. */
export type Cut = 'slow' | 'silent' | 'wrong' | 'many'

/** Bytes that may wait for a page: some hundred batches. */
const maxWaiting = 2 ** 20

/** Characters of all its subscriptions together. */
const maxLength = 65_536

/** Frames from one ping to the next; a page sends one in all. */
const maxFrames = 1000

export class Page {
  readonly address: string
  readonly #options: PageOptions
  readonly #channels = new Map<string, Channel>()
  #length = 0
  #answered = true
  #frames = 0

  constructor(options: PageOptions) {
    const { socket, address, onClose } = options
    this.#options = options
    this.address = address
    socket.on('message', (data) => this.#frame(data))
    socket.on('pong', () => (this.#answered = true))
    // Each is answered, also to somebody who never reads.
    socket.on('ping', () => this.#counted())
    // A broken frame; ws closes by itself.
    socket.on('error', () => {})
    socket.once('close', () => onClose(this))
  }

  /** By its key: `host:codename`. */
  get channels(): ReadonlyMap<string, Channel> {
    return this.#channels
  }

  /** Never waits. A page that lets too much wait is cut: it would get everything late, and the others less. */
  send(text: string): boolean {
    const { socket } = this.#options
    if (socket.readyState !== socket.OPEN) return false
    if (socket.bufferedAmount + text.length > maxWaiting) {
      this.cut('slow', `it does not read: ${socket.bufferedAmount} bytes wait for it`)
      return false
    }
    socket.send(text)
    return true
  }

  /** To be called every so often; a page that did not answer since the last time is gone, and nobody told us. */
  ping(): void {
    const { socket } = this.#options
    if (!this.#answered) return this.cut('silent', 'it does not answer a ping')
    this.#answered = false
    this.#frames = 0
    if (socket.readyState === socket.OPEN) socket.ping()
  }

  /** The connection drops, which the page sees as 1006 (section 7.3). */
  cut(why: Cut, reason: string): void {
    const { socket, onCut } = this.#options
    if (socket.readyState === socket.CLOSED) return
    socket.removeAllListeners('message')
    onCut(this, why, reason)
    socket.terminate()
  }

  /** Without a word to anybody. */
  end(): void {
    const { socket } = this.#options
    socket.removeAllListeners('message')
    socket.terminate()
  }

  /** False: there were too many, and it was cut. */
  #counted(): boolean {
    this.#frames += 1
    if (this.#frames <= maxFrames) return true
    this.cut('many', `it sent more than ${maxFrames} frames within a short time`)
    return false
  }

  #frame(data: RawData): void {
    const { onFrame, onSubscribe } = this.#options
    // No answer says so on this wire; a page that is cut sees that something is wrong.
    if (!onFrame()) return this.end()
    if (!this.#counted()) return
    const frame = decodeFrame(bytesOf(data))
    if (frame.kind === 'wrong') this.cut('wrong', frame.reason)
    if (frame.kind !== 'subscribe') return
    // A channel named twice counts once, in its first place.
    const channels = new Map(frame.channels.map((channel) => [keyOf(channel), channel]))
    for (const [key, channel] of channels) {
      if (this.#channels.has(key)) continue
      this.#channels.set(key, channel)
      this.#length += key.length
    }
    const { maxSubscriptions } = this.#options
    if (this.#channels.size > maxSubscriptions) return this.cut('many', `it subscribed to more than ${maxSubscriptions} channels`)
    if (this.#length > maxLength) return this.cut('many', `the names of its subscriptions have more than ${maxLength} characters`)
    onSubscribe(this, [...channels.values()])
  }
}

/** No host and no codename of a subscription holds a colon (section 7.3). */
export function keyOf({ host, codename }: Channel): string {
  return `${host}:${codename}`
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
