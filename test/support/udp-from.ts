/** A UDP client at an address of our choice on this computer; counts what comes back. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'

/** Milliseconds in which whatever is answered has come. */
const quiet = 150

export class UdpFrom {
  readonly answers: Buffer[] = []
  carried = 0
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (answer) => this.answers.push(answer))
  }

  static async open(address = '127.0.0.1', port = 0): Promise<UdpFrom> {
    const socket = createSocket('udp4')
    socket.bind(port, address)
    await once(socket, 'listening')
    return new UdpFrom(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Sends, and answers whatever comes with what `reflect` makes of it. */
  reflect(reflect: (answer: Buffer) => Buffer): void {
    this.#socket.on('message', (answer, from) => this.#socket.send(reflect(answer), from.port, from.address))
  }

  /** What comes here leaves at `out` for that port: so two listeners that know nothing of each other talk. */
  reflectTo(out: UdpFrom, port: number): void {
    this.#socket.on('message', (answer) => {
      this.carried += 1
      void out.send(port, answer)
    })
  }

  async send(port: number, ...datagrams: readonly (string | Buffer)[]): Promise<void> {
    for (const datagram of datagrams)
      await new Promise<void>((resolve, reject) =>
        this.#socket.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
      )
  }

  /** What came back until nothing came for some time. */
  async all(): Promise<Buffer[]> {
    for (let seen = -1; seen !== this.answers.length;) {
      seen = this.answers.length
      await new Promise((resolve) => setTimeout(resolve, quiet))
    }
    return this.answers.splice(0)
  }

  async ask(port: number, datagram: string): Promise<string | undefined> {
    await this.send(port, datagram)
    for (let waited = 0; waited < 2000 && this.answers.length === 0; waited += 5) await new Promise((resolve) => setTimeout(resolve, 5))
    return this.answers.shift()?.toString('latin1')
  }

  close(): void {
    this.#socket.close()
  }
}
