/** Everything at once that a network can throw at a live proxy: rubbish, batches of made-up hosts, and pages that misbehave. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { Random } from '../faults/random.js'

/** Datagrams before others have a turn. */
const windowLength = 32

const words = ['{"host": ', '"data": {', '}}', '[1.0, NaN]', '"RESET"', '{}', '[1]', '"STOP"', 'null', '\\u0000', '1e999', '['.repeat(4000)]
const batches = ['{"host": "h", "data": {"a": [1.0, 2.0]}}', '{"host": 5, "data": {}}', '{}', '[1]', '12', '"STOP"'].map((text) =>
  Buffer.from(text)
)
const frames = ['x', '[]', '{"action": "subscribe"}', '{"action": "subscribe", "subscriptions": ["a:b:c"]}', '"'.repeat(100_000)]

export class Storm {
  sent = 0
  pages = 0
  #on = true
  readonly #random = new Random(7)
  readonly #sockets: Socket[] = []
  #work: Promise<unknown> = Promise.resolve()

  /** Rages until {@link stop}, from several sockets and connections. */
  async start(udpPort: number, webPort: number): Promise<void> {
    for (let i = 0; i < 3; i += 1) {
      const socket = createSocket('udp4')
      socket.on('error', () => {})
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      this.#sockets.push(socket)
    }
    this.#work = Promise.all([...this.#sockets.map((socket) => this.#rain(socket, udpPort)), this.#knock(webPort)])
  }

  async stop(): Promise<void> {
    this.#on = false
    await this.#work
    for (const socket of this.#sockets) socket.close()
  }

  async #rain(socket: Socket, port: number): Promise<void> {
    while (this.#on) {
      for (let i = 0; i < windowLength; i += 1) {
        socket.send(this.#datagram(), port, '127.0.0.1')
        this.sent += 1
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #datagram(): Buffer {
    const random = this.#random
    const kind = random.next()
    if (kind < 0.1) return random.bytes(random.below(400))
    if (kind < 0.15) return Buffer.alloc(8192, random.pick(words))
    if (kind < 0.3) return Buffer.from(`{"host": "made-up-${random.below(1e6)}", "data": {"c${random.below(1e6)}": [1.0, 2.0]}}`)
    return random.mutate(random.pick(batches), words, batches)
  }

  async #knock(port: number): Promise<void> {
    while (this.#on) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
      socket.on('error', () => {})
      socket.once('open', () => socket.send(this.#random.pick(frames)))
      await new Promise((resolve) => socket.once('close', resolve))
      this.pages += 1
    }
  }
}
