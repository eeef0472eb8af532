/** Asks old HTTP servers: one question at a time, each on a connection of its own. It knows no device. */
import type { LookupAddress } from 'node:dns'
import type { Clock } from '../../gateway/adapter.js'
import { HostAddress } from './host-address.js'
import { HttpExchange, HttpTrouble } from './http-exchange.js'
import type { HttpQuestion, HttpReply } from './http-exchange.js'
import { lookUp } from './names.js'

export { HttpTrouble } from './http-exchange.js'
export type { HttpQuestion, HttpReply, HttpTroubleKind } from './http-exchange.js'

export interface HttpAskerOptions {
  /** A name or an IP address, without brackets. */
  readonly host: string
  readonly port: number
  /** What all paths begin with; a slash at its end does not count, as `//List` is another path to an old server (policy P11). */
  readonly path?: string
  readonly clock: Clock
  /** Bytes of an answer's body; it is cut off when it claims or brings more. */
  readonly maxBody: number
  /** Seconds for a connection. */
  readonly connectWithin: number
  /** Questions that may wait for their turn; left out: 16. */
  readonly maxQueue?: number
}

export interface AskOptions {
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined
  /** What is sent is waited for, whoever gave up: its answer tells what goes on there. Left out: it is cut off. */
  readonly finish?: boolean
  /** Asked right before the first byte: throws why nothing must be sent any more, with which the question rejects. */
  readonly mayBegin?: (() => void) | undefined
}

interface Waiting {
  readonly begin: () => void
  readonly give: (why: HttpTrouble) => void
}

const queueLength = 16

/**
 * Servers of the old side answer one request after another, and one that is kept open blocks all others (section 1): so it is one question
 * at a time, `Connection: close`, and never a second try, as a GET may be an action (section 5). No redirect is followed.
 */
export class HttpAsker {
  readonly #options: HttpAskerOptions
  readonly #prefix: string
  readonly #address: HostAddress
  #waiting: Waiting[] = []
  /** A question has its turn. */
  #isTaken = false
  /** The one under way, or the last one. */
  #exchange: HttpExchange | undefined
  #isClosed = false
  /** What a name with both has beside the address that is tried first: of the other family. */
  #other: string | undefined

  constructor(options: HttpAskerOptions) {
    this.#options = options
    this.#prefix = (options.path ?? '').replace(/\/+$/, '')
    this.#address = new HostAddress({ host: options.host, clock: options.clock, resolve: (name) => this.#resolve(name) })
  }

  /** Questions that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * In turn. `within`: seconds from its turn on, for connecting and the whole answer, however slowly it drips. Rejects with
   * {@link HttpTrouble}; aborted, the question is given up, though the server may have it unless `finish` says otherwise.
   */
  async ask(question: HttpQuestion, within: number, options: AbortSignal | AskOptions = {}): Promise<HttpReply> {
    const { signal, finish = false, mayBegin }: AskOptions = options instanceof AbortSignal ? { signal: options } : options
    await this.#turn(signal)
    // Whoever gave up in the very moment of its turn.
    if (this.#isClosed || signal?.aborted === true) {
      this.#next()
      throw closed()
    }
    const { clock, host, port, maxBody, connectWithin } = this.#options
    const path = this.#prefix + question.path
    const exchange = new HttpExchange({ clock, host, port, maxBody, connectWithin, within, mayBegin, question: { ...question, path } })
    this.#exchange = exchange
    const aborted = (): void => {
      if (!exchange.withdraw() && !finish) exchange.fail('closed', 'nobody waits for the answer any more')
    }
    signal?.addEventListener('abort', aborted, { once: true })
    this.#address
      .find()
      .then((address) => exchange.open(address, this.#other))
      .catch((error: Error) => exchange.fail('unreachable', error.message, error))
    try {
      return await exchange.answer
    } catch (error) {
      // Perhaps the host moved.
      if (error instanceof HttpTrouble && !error.maybeSent) this.#address.refresh()
      throw error
    } finally {
      signal?.removeEventListener('abort', aborted)
      void exchange.closed.then(() => this.#next())
    }
  }

  /** For good. The question that is under way rejects, and those that wait. Resolves when no connection is left. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { give } of this.#waiting.splice(0)) give(closed())
    this.#exchange?.fail('closed', 'nobody waits for the answer any more')
    await this.#exchange?.closed
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isClosed || signal?.aborted === true) throw closed()
    if (!this.#isTaken) {
      this.#isTaken = true
      return
    }
    const { maxQueue = queueLength } = this.#options
    if (this.#waiting.length >= maxQueue)
      throw new HttpTrouble('busy', `${maxQueue} questions wait for this server already; nothing was sent`, false)
    await new Promise<void>((resolve, reject) => {
      const settle = (run: () => void): void => {
        signal?.removeEventListener('abort', aborted)
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        run()
      }
      const waiting: Waiting = { begin: () => settle(resolve), give: (why) => settle(() => reject(why)) }
      const aborted = (): void => waiting.give(closed())
      signal?.addEventListener('abort', aborted, { once: true })
      this.#waiting.push(waiting)
    })
  }

  #next(): void {
    const next = this.#waiting[0]
    if (next === undefined) this.#isTaken = false
    else next.begin()
  }

  /** IPv4 first, as these programs listen on (section 1). */
  async #resolve(name: string): Promise<string> {
    const found = await lookUp(name, { order: 'ipv4first' })
    const [first, ...others] = found as [LookupAddress, ...LookupAddress[]]
    this.#other = others.find(({ family }) => family !== first.family)?.address
    return first.address
  }
}

function closed(): HttpTrouble {
  return new HttpTrouble('closed', 'nobody waits for the answer any more; nothing was sent', false)
}
