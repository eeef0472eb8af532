import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'

/** What becomes of a datagram on its way: it arrives so often; `hold` leaves it until the next one of its direction has passed. */
export interface Fate {
  readonly copies: number
  readonly hold?: boolean
  /** Only so many bytes arrive. */
  readonly cut?: number
}

/** A bad network between legacy clients and a server: real sockets, one towards the server for each port of a client. */
export class Relay {
  readonly #front: Socket
  readonly #to: () => number
  readonly #fate: () => Fate
  readonly #flows = new Map<number, Socket>()
  /** Held back, by direction. */
  readonly #held = { out: [] as (() => void)[], back: [] as (() => void)[] }

  private constructor(front: Socket, to: () => number, fate: () => Fate) {
    this.#front = front
    this.#to = to
    this.#fate = fate
    front.on('message', (datagram, { port }) => this.#pass('out', datagram, (said) => this.#flow(port).send(said, this.#to(), '127.0.0.1')))
    front.on('error', () => undefined)
  }

  /** `to`: port of the server now. */
  static async open(to: () => number, fate: () => Fate): Promise<Relay> {
    const front = createSocket('udp4')
    await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', resolve))
    return new Relay(front, to, fate)
  }

  get port(): number {
    return this.#front.address().port
  }

  async close(): Promise<void> {
    const all = [this.#front, ...this.#flows.values()]
    this.#flows.clear()
    await Promise.all(all.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))))
  }

  #flow(port: number): Socket {
    const known = this.#flows.get(port)
    if (known !== undefined) return known
    const flow = createSocket('udp4')
    flow.on('message', (datagram) =>
      this.#pass('back', datagram, (said) => {
        if (this.#flows.has(port)) this.#front.send(said, port, '127.0.0.1')
      })
    )
    flow.on('error', () => undefined)
    this.#flows.set(port, flow)
    return flow
  }

  #pass(direction: 'out' | 'back', datagram: Buffer, send: (said: Buffer) => void): void {
    const { copies, hold = false, cut } = this.#fate()
    const said = cut === undefined ? datagram : datagram.subarray(0, cut)
    const go = (): void => {
      for (let i = 0; i < copies; i += 1) send(said)
    }
    if (hold) return void this.#held[direction].push(go)
    go()
    for (const late of this.#held[direction].splice(0)) late()
  }
}
