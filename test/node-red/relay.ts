import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A network between a client and a server that can go bad: what it swallows, neither side is told. */
export class Relay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Swallows what the client sends. */
  deaf = false
  /** Swallows what the server sends. */
  mute = false

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const server = connect(target, '127.0.0.1')
      for (const socket of [client, server]) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
      }
      client.on('data', (data) => this.deaf || server.write(data))
      server.on('data', (data) => this.mute || client.write(data))
      client.on('close', () => server.destroy())
      server.on('close', () => client.destroy())
    })
  }

  static async to(target: number): Promise<Relay> {
    const relay = new Relay(target)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends every connection; new ones are let through again. */
  cut(): void {
    this.deaf = this.mute = false
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
