import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'

/** Milliseconds that a test waits for what must come. */
const patience = 3000

/** One datagram that arrived, and its sender. */
export interface Asked {
  readonly text: string
  readonly port: number
  /** Sends back, as often as one likes. */
  readonly answer: (text: string) => Promise<void>
}

/** A legacy UDP server that does as the test says: a real socket that keeps what arrives. */
export class PushSocket {
  readonly #socket: Socket
  /** In order, with those that were answered by `reply`. */
  readonly asked: Asked[] = []
  /** What it answers by itself; undefined: it leaves it to the test. */
  reply: (text: string) => string | undefined = () => undefined
  #arrived: (() => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (datagram, from) => {
      const asked = { text: datagram.toString('latin1'), port: from.port, answer: (text: string) => this.send(text, from.port) }
      this.asked.push(asked)
      const text = this.reply(asked.text)
      if (text !== undefined) void asked.answer(text)
      this.#arrived?.()
    })
  }

  static async open(port = 0): Promise<PushSocket> {
    const socket = createSocket('udp4')
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    return new PushSocket(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  get texts(): string[] {
    return this.asked.map(({ text }) => text)
  }

  /** The datagram with this number, counted from 0, once it is there. */
  async nth(index: number): Promise<Asked> {
    for (;;) {
      const found = this.asked[index]
      if (found !== undefined) return found
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`only ${this.asked.length} datagrams came: ${this.texts.join(' | ')}`)), patience)
        this.#arrived = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
  }

  async send(text: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
    )
  }
}
