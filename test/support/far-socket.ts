import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import type { FakeClock } from './fake-clock.js'
import { settle } from './fake-clock.js'

/** A question that a legacy client asked, and the way back to it. */
export interface Asked {
  readonly text: string
  /** UDP port that it came from. */
  readonly from: number
  /** As often as the test likes, and whenever. Resolves when it is sent. */
  readonly answer: (said: string | Buffer) => Promise<void>
}

/** The socket of a legacy server, for tests of clients: real, on a port that the system chose. */
export class FarSocket {
  readonly #socket: Socket
  readonly #questions: Asked[] = []
  /** Everything that was asked, in order, also what was answered at once. */
  readonly heard: Asked[] = []
  #arrived: (() => void) | undefined
  #waiting: ((asked: Asked) => void) | undefined
  #closed: Promise<void> | undefined
  /** Answers at once; undefined leaves the question to {@link next}. */
  respond: ((question: string) => string | Buffer | undefined) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (datagram, from) => this.#take(datagram, from))
  }

  /** On this port, or on one that the system chooses. */
  static async open(port = 0, host = '127.0.0.1'): Promise<FarSocket> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(port, host, resolve)
    })
    return new FarSocket(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Questions that came and were not taken. */
  get waiting(): number {
    return this.#questions.length
  }

  /** The next question. Rejects after so many milliseconds. */
  async next(patience = 8000): Promise<Asked> {
    const ready = this.#questions.shift()
    if (ready !== undefined) return ready
    return await new Promise<Asked>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined
        reject(new Error(`nothing was asked within ${patience} ms`))
      }, patience)
      this.#waiting = (asked) => {
        clearTimeout(timer)
        resolve(asked)
      }
    })
  }

  /** The question with this number, counted from 0, once it is there; it stays where it is. */
  async nth(index: number, patience = 8000): Promise<Asked> {
    for (;;) {
      const found = this.heard[index]
      if (found !== undefined) return found
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`only ${this.heard.length} questions: ${this.texts.join(' | ')}`)), patience)
        this.#arrived = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  get texts(): string[] {
    return this.heard.map(({ text }) => text)
  }

  /** The next question, which comes when time passes: in steps, so that no other timer runs away. Rejects after so many seconds of it. */
  async nextAfter(clock: FakeClock, seconds = 70): Promise<Asked> {
    const step = 0.02
    for (let passed = 0; passed < seconds; passed += step) {
      // A question that is on its way arrives before time goes on.
      for (let turn = 0; turn < 4 && this.#questions.length === 0; turn += 1) await settle()
      if (this.#questions.length > 0) break
      await clock.pass(step)
    }
    return await this.next(this.#questions.length > 0 ? 8000 : 1)
  }

  /** Unasked, to a port of this machine. */
  async send(said: string, port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.send(said, port, '127.0.0.1', () => resolve()))
  }

  async close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#socket.close(() => resolve()))
    await this.#closed
  }

  #take(datagram: Buffer, { address, port }: RemoteInfo): void {
    const text = datagram.toString('latin1')
    const answer = (said: string | Buffer): Promise<void> =>
      new Promise((resolve) => this.#socket.send(said, port, address, () => resolve()))
    const asked = { text, from: port, answer }
    this.heard.push(asked)
    this.#arrived?.()
    const said = this.respond?.(text)
    if (said !== undefined) return void answer(said)
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#questions.push(asked)
    else waiting(asked)
  }
}
