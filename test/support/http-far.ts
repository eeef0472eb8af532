import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { FakeClock } from './fake-clock.js'
import { settle } from './fake-clock.js'

/** A request that a client made, and the way back to it. */
export interface HttpAsked {
  /** Method and path, as `GET /idn`. */
  readonly line: string
  /** Request line and headers as they came. */
  readonly head: string
  readonly body: string
  /** Head and body came in one piece. */
  readonly isOnePiece: boolean
  readonly socket: Socket
  /** Sends this byte for byte and closes, as Werkzeug does. Resolves when it is sent. */
  readonly answer: (raw: string | Buffer) => Promise<void>
}

/** An HTTP server of the old side, for tests of clients: a real socket that says whatever the test wants, byte for byte. */
export class HttpFar {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #questions: HttpAsked[] = []
  /** Everything that was asked, in order, also what was answered at once. */
  readonly heard: HttpAsked[] = []
  #arrived: (() => void) | undefined
  #left: (() => void) | undefined
  /** Answers at once; undefined leaves the request to {@link next}. */
  respond: ((asked: HttpAsked) => string | Buffer | undefined) | undefined
  /** Does this with every connection that brought a request, in place of an answer. */
  fault: ((socket: Socket) => void) | undefined

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#take(socket))
  }

  /** On this port, or on one that the system chooses. */
  static async open(port = 0, host = '127.0.0.1'): Promise<HttpFar> {
    const far = new HttpFar()
    await new Promise<void>((resolve, reject) => {
      far.#server.once('error', reject)
      far.#server.listen(port, host, resolve)
    })
    return far
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size
  }

  get lines(): string[] {
    return this.heard.map(({ line }) => line)
  }

  /** The next request that nobody took. Rejects after so many milliseconds. */
  async next(patience = 8000): Promise<HttpAsked> {
    for (;;) {
      const ready = this.#questions.shift()
      if (ready !== undefined) return ready
      await within(patience, `nothing was asked within ${patience} ms`, (arrived) => (this.#arrived = arrived))
    }
  }

  /** The next request, which comes when time passes: in steps, so that no other timer runs away. Rejects after so many seconds of it. */
  async nextAfter(clock: FakeClock, seconds = 70): Promise<HttpAsked> {
    const step = 0.05
    for (let passed = 0; passed < seconds; passed += step) {
      // A request that is on its way arrives before time goes on.
      for (let turn = 0; turn < 10 && this.#questions.length === 0; turn += 1) await settle()
      if (this.#questions.length > 0) break
      await clock.pass(step)
    }
    return await this.next(this.#questions.length > 0 ? 8000 : 1)
  }

  /** Resolves when no connection is open. */
  async quiet(patience = 8000): Promise<void> {
    while (this.#sockets.size > 0) await within(patience, 'a connection stays open', (left) => (this.#left = left))
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#left?.()
    })
    let came = ''
    let pieces = 0
    const read = (chunk: Buffer): void => {
      came += chunk.toString('latin1')
      pieces += 1
      const end = came.indexOf('\r\n\r\n')
      if (end < 0) return
      const [head, body] = [came.slice(0, end), came.slice(end + 4)]
      if (body.length < Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)) return
      socket.off('data', read)
      // What comes from here on is of nobody; it must be read, or the end would not be seen.
      socket.resume()
      this.#heard({ line: /^\S+ \S*/.exec(head)?.[0] ?? '', head, body, isOnePiece: pieces === 1, socket, answer: answerOn(socket) })
    }
    socket.on('data', read)
    socket.on('end', () => socket.end())
  }

  #heard(asked: HttpAsked): void {
    this.heard.push(asked)
    const said = this.respond?.(asked)
    if (this.fault !== undefined) this.fault(asked.socket)
    else if (said !== undefined) void asked.answer(said)
    else this.#questions.push(asked)
    this.#arrived?.()
  }
}

function answerOn(socket: Socket): HttpAsked['answer'] {
  return (raw) => new Promise((resolve) => socket.end(raw, () => resolve()))
}

function within(patience: number, complaint: string, wait: (go: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(complaint)), patience)
    wait(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** An answer as Werkzeug 2.2 writes it; with `version` 1.0 as Werkzeug 0.12 does (section 1). */
export function answerOf(status: number, body: string | Buffer, more: { type?: string; version?: '1.0' | '1.1' } = {}): Buffer {
  const { type = 'text/html; charset=utf-8', version = '1.1' } = more
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const close = version === '1.0' ? [] : ['Connection: close']
  const head = [`HTTP/${version} ${status} SAID`, `Content-Type: ${type}`, `Content-Length: ${bytes.length}`, ...close]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes])
}
