import type { IncomingMessage, ServerResponse } from 'node:http'
import { HttpError } from './problem.js'

/** Requests that may be under way at once, and of these of one address; streams of readings have a limit of their own. */
const maxRequests = 200
const maxOfAddress = 150

/** Seconds in which an asker must have taken some of what waits for it. */
const progressWithin = 30

/** The places that requests take until their answers have gone: whoever does not read must not keep them. */
export class Places {
  readonly #within: number
  readonly #addresses = new Map<string, number>()
  #taken = 0

  /** `within`: see {@link progressWithin}. */
  constructor(within = progressWithin) {
    this.#within = within
  }

  /** The refusal; undefined: the request has its place. */
  take(request: IncomingMessage, response: ServerResponse): HttpError | undefined {
    this.#watch(response)
    // Whoever watches over programs would end one that works.
    if (isHealth(request)) return undefined
    const { remoteAddress: address = '' } = request.socket
    const own = this.#addresses.get(address) ?? 0
    if (this.#taken >= maxRequests) return tooMany(`already ${maxRequests} requests under way`)
    if (own >= maxOfAddress) return tooMany(`already ${maxOfAddress} requests of this address under way`)
    this.#taken += 1
    this.#addresses.set(address, own + 1)
    response.once('close', () => this.#leave(address))
    return undefined
  }

  /** Node tells when neither side did anything; who waits for an answer may do so. */
  #watch(response: ServerResponse): void {
    response.setTimeout(this.#within * 1000, () => {
      if (response.writableLength > 0 || (response.socket?.writableLength ?? 0) > 0) response.destroy()
    })
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
