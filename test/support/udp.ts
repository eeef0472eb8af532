import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'

/** A real UDP client: one socket, so that answers come to it alone. */
export class UdpClient {
  readonly #socket: Socket
  readonly #answers: Buffer[] = []
  #waiting: ((answer: Buffer) => void) | undefined

  constructor() {
    this.#socket = createSocket('udp4')
    this.#socket.on('message', (answer) => {
      const waiting = this.#waiting
      this.#waiting = undefined
      if (waiting === undefined) this.#answers.push(answer)
      else waiting(answer)
    })
  }

  async send(port: number, datagram: string | Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#socket.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
    )
  }

  /** The next answer. Rejects after so many milliseconds. */
  async receive(patience = 8000): Promise<Buffer> {
    const ready = this.#answers.shift()
    if (ready !== undefined) return ready
    return await new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined
        reject(new Error(`no answer within ${patience} ms`))
      }, patience)
      this.#waiting = (answer) => {
        clearTimeout(timer)
        resolve(answer)
      }
    })
  }

  async ask(port: number, datagram: string | Buffer, patience?: number): Promise<string> {
    await this.send(port, datagram)
    return (await this.receive(patience)).toString('latin1')
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()))
  }
}
