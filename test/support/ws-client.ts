import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'

/** Milliseconds that a test waits for what must come. */
const patience = 8000

export interface Closed {
  readonly code: number
  readonly reason: string
}

/** A client of the echo worksheet: waits for its id, and keeps every message until somebody asks for it. */
export class WsClient {
  readonly socket: WebSocket
  readonly closed: Promise<Closed>
  /** Digits of the id that it was given. */
  id = ''
  readonly #messages: string[] = []
  #waiting: (() => void) | undefined
  #fences = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('message', (data: Buffer, isBinary) => {
      this.#messages.push(isBinary ? `binary ${data.toString('hex')}` : data.toString())
      this.#waiting?.()
    })
    this.closed = new Promise((resolve) =>
      socket.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        this.#waiting?.()
      })
    )
  }

  /** Rejects when it is not let in, with the status in the message. */
  static async open(port: number, options: ClientOptions = {}, host = '127.0.0.1'): Promise<WsClient> {
    const socket = new WebSocket(`ws://${host}:${port}/`, { perMessageDeflate: false, ...options })
    const client = new WsClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    client.id = /^\{"type": "join_evt", "client_id": (\d+)\}$/.exec(await client.next())?.[1] ?? ''
    if (client.id === '') throw new Error('the first message is no join')
    return client
  }

  send(message: string | Buffer): void {
    this.socket.send(message)
  }

  /** With its id, as the worksheet does. `payload` is JSON. */
  say(payload: string): void {
    this.send(`{"client_id": ${this.id}, "payload": ${payload}}`)
  }

  /** The same, and what comes back. */
  async ask(payload: string): Promise<string> {
    this.say(payload)
    return await this.next()
  }

  /** The next message. Rejects when none comes. */
  async next(): Promise<string> {
    if (this.#messages.length === 0) await this.#wait()
    const message = this.#messages.shift()
    if (message === undefined) throw new Error(`no message came${this.socket.readyState === WebSocket.CLOSED ? ': closed' : ''}`)
    return message
  }

  /** Messages that came and were not taken, when the server has read all that was sent. */
  async left(): Promise<readonly string[]> {
    const mark = `fence ${(this.#fences += 1)}`
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no pong came')), patience)
      const look = (data: Buffer): void => {
        if (data.toString() !== mark) return
        clearTimeout(timer)
        this.socket.off('pong', look)
        resolve()
      }
      this.socket.on('pong', look)
      this.socket.ping(mark)
    })
    return this.#messages.splice(0)
  }

  /** Closes with this code; what the server answers. */
  async close(code?: number): Promise<Closed> {
    this.socket.close(code)
    return await this.closed
  }

  /** Gone without a word. */
  async vanish(): Promise<void> {
    this.socket.terminate()
    await this.closed
  }

  async #wait(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patience)
      this.#waiting = () => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve()
      }
    })
  }
}
