/** A legacy client: one UDP socket of its own. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'

export class Asker {
  readonly #socket: Socket
  readonly #arrived: Buffer[] = []
  #waiting: ((datagram: Buffer) => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (datagram) => {
      if (this.#waiting === undefined) this.#arrived.push(datagram)
      else this.#waiting(datagram)
    })
  }

  static async open(): Promise<Asker> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(0, '127.0.0.1', resolve)
    })
    socket.setRecvBufferSize(1 << 20)
    return new Asker(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  async send(datagram: Buffer, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** The next datagram, if one is there already. */
  take(): Buffer | undefined {
    return this.#arrived.shift()
  }

  /** The next datagram, or undefined after so many seconds. */
  async receive(seconds: number): Promise<Buffer | undefined> {
    const first = this.#arrived.shift()
    if (first !== undefined) return first
    return await new Promise<Buffer | undefined>((resolve) => {
      const settle = (datagram: Buffer | undefined): void => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve(datagram)
      }
      const timer = setTimeout(() => settle(undefined), seconds * 1000)
      this.#waiting = settle
    })
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve))
  }
}
