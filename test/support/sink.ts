import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'

/** The place of a live proxy: keeps every datagram until somebody asks for it. */
export class Sink {
  readonly port: number
  readonly #socket: Socket
  readonly #datagrams: string[] = []
  #waiting: ((datagram: string) => void) | undefined
  #isClosed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    this.port = socket.address().port
    socket.on('message', (datagram) => {
      const waiting = this.#waiting
      this.#waiting = undefined
      if (waiting === undefined) this.#datagrams.push(datagram.toString())
      else waiting(datagram.toString())
    })
  }

  static async open(port = 0, address = '127.0.0.1'): Promise<Sink> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ port, address, exclusive: true }, () => resolve())
    })
    return new Sink(socket)
  }

  /** The next datagram. Rejects after so many milliseconds. */
  async next(patience = 8000): Promise<string> {
    const ready = this.#datagrams.shift()
    if (ready !== undefined) return ready
    return await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined
        reject(new Error(`no datagram within ${patience} ms`))
      }, patience)
      this.#waiting = (datagram) => {
        clearTimeout(timer)
        resolve(datagram)
      }
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await new Promise<void>((resolve) => this.#socket.close(resolve))
  }
}
