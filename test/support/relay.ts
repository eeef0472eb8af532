import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'

/** What becomes of a datagram on its way. */
export interface Fate {
  /** It arrives so often. */
  readonly copies: number
  /** And so often behind the next one that passes in its direction, of whatever client. */
  readonly later?: number
  /** Only so many bytes arrive. */
  readonly cut?: number
}

/** Clients that may have answers to come; of the ones before nobody hears again. */
const remembered = 64

/** A bad network between clients of the old side and a server: real sockets, one towards the server for each port of a client. */
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
    const [first] = this.#flows
    if (first !== undefined && this.#flows.size > remembered) {
      this.#flows.delete(first[0])
      first[1].close()
    }
    return flow
  }

  #pass(direction: 'out' | 'back', datagram: Buffer, send: (said: Buffer) => void): void {
    const { copies, later = 0, cut } = this.#fate()
    const said = cut === undefined ? datagram : datagram.subarray(0, cut)
    const go = (times: number): void => {
      for (let i = 0; i < times; i += 1) send(said)
    }
    go(copies)
    const held = this.#held[direction]
    if (copies > 0) for (const late of held.splice(0)) late()
    if (later > 0) held.push(() => go(later))
  }
}
