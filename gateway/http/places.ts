import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../adapter.js'
import { HttpError } from './problem.js'

/** Requests that may be under way at once, and of these of one address; streams of readings have a limit of their own. */
const maxRequests = 200
const maxOfAddress = 150

/** Seconds in which an asker must have taken some of what waits for it, and bytes for each of them. */
const progressWithin = 30
const slowest = 1024

export interface PlacesOptions {
  readonly clock: Pick<Clock, 'after'>
  /** See {@link progressWithin}. */
  readonly within?: number
  readonly slowest?: number
}

/** The places that requests take until their answers have gone: whoever does not read must not keep them. */
export class Places {
  readonly #clock: Pick<Clock, 'after'>
  readonly #within: number
  readonly #slowest: number
  readonly #addresses = new Map<string, number>()
  /** What is to be done when a connection closes. Node tells it only to the response whose turn it is, not to those that queue behind. */
  readonly #ends = new WeakMap<Socket, Set<() => void>>()
  #taken = 0

  constructor({ clock, within = progressWithin, slowest: least = slowest }: PlacesOptions) {
    this.#clock = clock
    this.#within = within
    this.#slowest = least
  }

  /** The refusal; undefined: the request has its place. */
  take(request: IncomingMessage, response: ServerResponse): HttpError | undefined {
    this.#watch(request.socket, response)
    // Whoever watches over programs would end one that works.
    if (isHealth(request)) return undefined
    const { remoteAddress: address = '' } = request.socket
    const own = this.#addresses.get(address) ?? 0
    if (this.#taken >= maxRequests) return tooMany(`already ${maxRequests} requests under way`)
    if (own >= maxOfAddress) return tooMany(`already ${maxOfAddress} requests of this address under way`)
    this.#taken += 1
    this.#addresses.set(address, own + 1)
    this.#atEnd(request.socket, response, () => this.#leave(address))
    return undefined
  }

  /** Who waits for an answer may do so; but one that waits for who asked must be taken, and not byte by byte. */
  #watch(socket: Socket, response: ServerResponse): void {
    const waits = (): boolean => response.writableLength > 0 || (response.socket?.writableLength ?? 0) > 0
    // Node tells when neither side did anything.
    response.setTimeout(this.#within * 1000, () => {
      if (waits()) response.destroy()
    })
    const taken = (): number => (response.socket?.bytesWritten ?? 0) - (response.socket?.writableLength ?? 0)
    let before: number | undefined
    const look = (): void => {
      if (before !== undefined && waits() && taken() - before < this.#slowest * this.#within) return void response.destroy()
      before = waits() ? taken() : undefined
      timer = this.#clock.after(this.#within, look)
    }
    let timer = this.#clock.after(this.#within, look)
    this.#atEnd(socket, response, () => timer.cancel())
  }

  /** Runs once: when the response is over, or its connection. */
  #atEnd(socket: Socket, response: ServerResponse, run: () => void): void {
    const ends = this.#ends.get(socket) ?? this.#listen(socket)
    const end = (): void => {
      if (ends.delete(end)) run()
    }
    ends.add(end)
    response.once('close', end)
  }

  #listen(socket: Socket): Set<() => void> {
    const ends = new Set<() => void>()
    this.#ends.set(socket, ends)
    socket.once('close', () => {
      for (const end of ends) end()
    })
    return ends
  }

  #leave(address: string): void {
    this.#taken -= 1
    const own = (this.#addresses.get(address) ?? 1) - 1
    if (own > 0) this.#addresses.set(address, own)
    else this.#addresses.delete(address)
  }
}

function tooMany(detail: string): HttpError {
  return new HttpError('RateLimited', detail, { status: 503, rule: 'maxRequests' })
}

function isHealth({ url = '' }: IncomingMessage): boolean {
  const [path] = url.split('?', 1)
  return path === '/health' || path === '/api/health'
}
