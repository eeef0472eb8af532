/** Asks legacy servers over UDP: one question, one answer. Bytes only; it knows no protocol and no device. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { HostAddress } from './host-address.js'
import type { HostAddressOptions } from './host-address.js'

export interface UdpAskerOptions extends HostAddressOptions {
  readonly port: number
  /**
   * Of so many questions that are over the ports stay taken, so that the system cannot give one of them to a question that comes soon
   * after. Left out: none.
   */
  readonly keptPorts?: number
  /** An answer came to such a port: too late, or once more. */
  readonly onLate?: () => void
}

/**
 * Why there is no answer. `silence`: none came in time. `refused`: the host said that no program has the port. `unreachable`: the
 * network or the name server said no. `closed`: nobody wants it any more.
 */
export type NoAnswerKind = 'silence' | 'refused' | 'unreachable' | 'closed'

export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly kind: NoAnswerKind

  constructor(kind: NoAnswerKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
  }
}

/**
 * Every question leaves from a port of its own, which is given back after its answer or its time-out: answers carry no mark of what was
 * asked, so one that comes late, or twice, would be taken for the answer to the next question (section 10.9). The socket is connected,
 * so only the address that was asked is heard; of this machine's own other addresses see {@link isOwnAlias}.
 */
export class UdpAsker {
  readonly #options: UdpAskerOptions
  readonly #address: HostAddress
  /** The one under way, or the last one. */
  #exchange: Exchange | undefined
  /** Over, with their ports still taken; the oldest first. */
  readonly #kept: Exchange[] = []
  #isClosed = false

  constructor(options: UdpAskerOptions) {
    this.#options = options
    this.#address = new HostAddress(options)
  }

  /** One question at a time. Rejects with {@link NoAnswer} after so many seconds, sooner where the network says so. */
  async ask(question: Buffer, within: number): Promise<Buffer> {
    if (this.#exchange?.isOver === false) throw new Error('a question is under way already')
    if (this.#isClosed) throw new NoAnswer('closed', 'nobody waits for an answer any more')
    const { clock, port, keptPorts = 0, onLate } = this.#options
    const exchange = new Exchange(keptPorts > 0 ? onLate : undefined)
    this.#exchange = exchange
    const timer = clock.after(within, () => exchange.fail('silence', `no answer within ${within} s`))
    this.#address.find().then(
      (address) => exchange.open(address, port, question),
      (error: Error) => exchange.fail('unreachable', error.message, error)
    )
    try {
      return await exchange.answer
    } catch (error) {
      // Perhaps the host moved.
      this.#address.refresh()
      throw error
    } finally {
      timer.cancel()
      this.#kept.push(exchange)
      if (this.#kept.length > keptPorts || this.#isClosed) this.#kept.shift()?.close()
    }
  }

  /** For good. The question that is under way rejects. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#exchange?.fail('closed', 'nobody waits for an answer any more')
    const exchanges = [...this.#kept.splice(0), ...(this.#exchange === undefined ? [] : [this.#exchange])]
    for (const exchange of exchanges) exchange.close()
    await Promise.all(exchanges.map(({ closed }) => closed))
  }
}

/** One question and its socket. */
class Exchange {
  readonly answer: Promise<Buffer>
  isOver = false
  /** Resolves when the socket is gone. */
  closed: Promise<void> = Promise.resolve()
  readonly #onLate: (() => void) | undefined
  #socket: Socket | undefined
  #resolve: (answer: Buffer) => void = () => undefined
  #reject: (why: NoAnswer) => void = () => undefined

  constructor(onLate?: () => void) {
    this.#onLate = onLate
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  open(address: string, port: number, question: Buffer): void {
    if (this.isOver) return
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    this.#socket = socket
    const failed = (error: Error | null | undefined): void => {
      if (error === null || error === undefined) return
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ECONNREFUSED') this.fail('refused', 'no program has this port there', error)
      else this.fail('unreachable', error.message, error)
    }
    socket.on('error', failed)
    const heard = (answer: Buffer): void => (this.isOver ? this.#onLate?.() : this.#end(() => this.#resolve(answer)))
    if (isOwnAlias(address)) {
      socket.on('message', (answer, from) => (from.port === port ? heard(answer) : undefined))
      socket.bind(0, '127.0.0.1', () => {
        if (!this.isOver) socket.send(question, port, address, failed)
      })
      return
    }
    socket.on('message', heard)
    socket.connect(port, address, (error?: Error) => {
      if (error !== undefined && error !== null) failed(error)
      else if (!this.isOver) socket.send(question, failed)
    })
  }

  fail(kind: NoAnswerKind, message: string, cause?: unknown): void {
    this.#end(() => this.#reject(new NoAnswer(kind, message, cause)))
  }

  #end(settle: () => void): void {
    if (this.isOver) return
    this.isOver = true
    settle()
  }

  /** Gives the port back. Safe twice. */
  close(): void {
    const socket = this.#socket
    this.#socket = undefined
    if (socket !== undefined) this.closed = new Promise((resolve) => socket.close(() => resolve()))
  }
}

/**
 * Debian gives a machine's own name the address 127.0.1.1; a server that listens on all addresses (section 1) answers from 127.0.0.1, and
 * would not be heard by a connected socket. Only this machine can send to a port of 127.0.0.1; that nobody has the asked port is not told there.
 */
export function isOwnAlias(address: string): boolean {
  return address.startsWith('127.') && address !== '127.0.0.1'
}
