/** One controller that is connected over TCP: payloads out of the stream, and what it is told is bounded. */
import type { Socket } from 'node:net'
import type { Clock, Watch } from '../../gateway/adapter.js'
import { plainAddress } from '../common/listening.js'
import { Stream } from './stream.js'

export interface TcpConnectionOptions {
  readonly socket: Socket
  readonly clock: Clock
  /** The message whose echo is awaited now; it may change with each payload. */
  readonly awaited: () => Buffer | undefined
  readonly onPayload: (payload: Buffer) => void
  /** It was sent away. */
  readonly onCut: (why: Cut) => void
  /** It is gone, also when it was cut. Once. */
  readonly onGone: () => void
}

/** `slow`: does not read what it is sent. `long`: what it sends has no end. `browser`: it speaks HTTP. */
export type Cut = 'slow' | 'long' | 'browser'

/** Seconds for the rest of a payload; then what is there is one (section 8). */
const restWithin = 1

/** Bytes that may wait for a controller that does not read. */
const maxUnread = 512 * 1024

/** Payloads that are carried out in one turn of the event loop. */
const atOnce = 32

/** Milliseconds of silence after which the system asks whether the other side is still there; a run may be silent for hours. */
const askAfter = 60_000

/** Characters of the longest method of HTTP, and some more. */
const maxMethod = 20

export class TcpConnection {
  /** Address and port. */
  readonly name: string
  readonly #options: TcpConnectionOptions
  readonly #stream = new Stream()
  #rest: Watch | undefined
  #isGone = false
  /** What came first, until it is clear that it is no HTTP. */
  #head: Buffer | undefined = Buffer.alloc(0)

  constructor(options: TcpConnectionOptions) {
    const { socket } = options
    this.#options = options
    this.name = `${plainAddress(socket.remoteAddress)}:${socket.remotePort ?? 0}`
    socket.setKeepAlive(true, askAfter)
    socket.on('data', (chunk: Buffer) => this.#data(chunk))
    socket.on('error', () => {})
    socket.once('close', () => this.#gone())
  }

  /** Each payload in one write. Never waits and never throws; one that lets too much wait is cut off. */
  write(bytes: Buffer): void {
    const { socket } = this.#options
    if (this.#isGone || !socket.writable) return
    if (socket.writableLength + bytes.length > maxUnread) return this.#cut('slow')
    socket.write(bytes)
  }

  /** At once; what the system has taken is still sent. */
  close(): void {
    this.#gone()
    this.#options.socket.destroy()
  }

  #data(chunk: Buffer): void {
    if (this.#isGone || this.#isBrowser(chunk)) return
    this.#stream.push(chunk)
    this.#take()
  }

  /**
   * Any web page can have a browser send a request here, with a message as its body. It begins with a method, which no controller says:
   * what has come is looked at before any of it is taken.
   */
  #isBrowser(chunk: Buffer): boolean {
    if (this.#head === undefined) return false
    this.#head = Buffer.concat([this.#head, chunk.subarray(0, maxMethod)])
    const head = this.#head.toString('latin1')
    if (/^[A-Z]+ [\x21-\x7e]/.test(head)) {
      this.#cut('browser')
      return true
    }
    // Part of a method may have come, and be a payload of its own after its time.
    if (this.#head.length > maxMethod || !/^[A-Z]+ ?$/.test(head)) this.#head = undefined
    return false
  }

  /** Who says very much holds up nobody: then it is the turn of the others, and nothing more is read before. */
  #take(): void {
    const { awaited, onPayload, socket } = this.#options
    for (let count = 0; count < atOnce; count += 1) {
      const payload = this.#stream.next(awaited())
      if (payload === undefined) return this.#stream.isFull ? this.#cut('long') : this.#arm()
      onPayload(payload)
      if (this.#isGone) return
    }
    socket.pause()
    this.#options.clock.after(0, () => {
      if (this.#isGone) return
      socket.resume()
      this.#take()
    })
  }

  /** From the first byte on: a stray bracket must not swallow what follows for ever. */
  #arm(): void {
    if (this.#stream.isWaiting && !this.#isGone) this.#rest ??= this.#options.clock.after(restWithin, () => this.#flush())
    else this.#disarm()
  }

  #disarm(): void {
    this.#rest?.cancel()
    this.#rest = undefined
  }

  #flush(): void {
    this.#disarm()
    const rest = this.#stream.flush()
    if (rest !== undefined) this.#options.onPayload(rest)
  }

  #cut(why: Cut): void {
    if (this.#isGone) return
    this.#options.onCut(why)
    this.#gone()
    this.#options.socket.destroy()
  }

  #gone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#disarm()
    this.#options.onGone()
  }
}
