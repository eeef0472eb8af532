import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A way over TCP to a server that goes on while nobody reaches it: pulled out, connections break and new ones are turned away. */
export class Cable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isPulled = false
  #isFrozen = false

  private constructor(server: Server, to: number) {
    this.#server = server
    server.on('connection', (near: Socket) => {
      if (this.#isPulled) return void near.destroy()
      const far = connect({ port: to, host: '127.0.0.1', noDelay: true })
      for (const [one, other] of [
        [near, far],
        [far, near]
      ] as const) {
        this.#sockets.add(one)
        one.on('error', () => {})
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
        one.pipe(other)
        if (this.#isFrozen) one.pause()
      }
    })
  }

  /** `to`: port of the server. */
  static async open(to: number): Promise<Cable> {
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Cable(server, to)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  pull(): void {
    this.#isPulled = true
    for (const socket of this.#sockets) socket.destroy()
  }

  plug(): void {
    this.#isPulled = false
  }

  /** Nothing passes any more and nobody is told, as when a switch dies: connections stay open, new ones too. */
  freeze(): void {
    this.#isFrozen = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** All goes on where it stopped. */
  thaw(): void {
    this.#isFrozen = false
    for (const socket of this.#sockets) socket.resume()
  }

  async close(): Promise<void> {
    this.pull()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}
