import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import type { Random } from '../faults/random.js'

/** What becomes of datagrams: the parts of all, from 0 to 1, that are lost, come twice, and come late. */
export interface Weather {
  readonly loss: number
  readonly twice: number
  readonly late: number
  /** Milliseconds that a late one, or a second copy, takes at most; those behind it overtake it. */
  readonly by: number
}

export const calm: Weather = { loss: 0, twice: 0, late: 0, by: 0 }

/** A bad network between controllers and one rig: real sockets, one towards the rig for each port of a controller. */
export class BadUdp {
  readonly #front: Socket
  readonly #to: number
  readonly #random: Random
  readonly #flows = new Map<number, Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  /** How often the same bytes arrived, at either end, since {@link restart}. */
  #copies = new Map<string, number>()
  #closed = false
  weather = calm
  readonly done = { passed: 0, lost: 0, doubled: 0, late: 0 }

  private constructor(front: Socket, to: number, random: Random) {
    this.#front = front
    this.#to = to
    this.#random = random
    front.on('message', (datagram, { port }) => this.#pass(datagram, (said) => this.#flow(port).send(said, this.#to, '127.0.0.1')))
    front.on('error', () => undefined)
  }

  /** `to`: port of the rig. */
  static async open(to: number, random: Random): Promise<BadUdp> {
    const front = createSocket('udp4')
    await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', resolve))
    return new BadUdp(front, to, random)
  }

  get port(): number {
    return this.#front.address().port
  }

  /** Of all messages since {@link restart} the one that arrived most often, its echoes and answers of the same bytes with it. */
  get most(): { readonly copies: number; readonly text: string } {
    let most = { copies: 0, text: '' }
    for (const [text, copies] of this.#copies) if (copies > most.copies) most = { copies, text }
    return most
  }

  restart(): void {
    this.#copies = new Map()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    const all = [this.#front, ...this.#flows.values()]
    await Promise.all(all.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))))
  }

  #flow(port: number): Socket {
    const known = this.#flows.get(port)
    if (known !== undefined) return known
    const flow = createSocket('udp4')
    flow.on('message', (datagram) => this.#pass(datagram, (said) => this.#front.send(said, port, '127.0.0.1')))
    flow.on('error', () => undefined)
    this.#flows.set(port, flow)
    return flow
  }

  #pass(datagram: Buffer, send: (said: Buffer) => void): void {
    const { loss, twice, late, by } = this.weather
    const random = this.#random
    if (random.chance(loss)) return void (this.done.lost += 1)
    this.done.passed += 1
    const isLate = random.chance(late)
    if (isLate) this.done.late += 1
    this.#after(isLate ? random.next() * by : 0, datagram, send)
    if (!random.chance(twice)) return
    this.done.doubled += 1
    // Close behind the first, or a good while later.
    this.#after(random.chance(0.5) ? 0 : random.next() * by, datagram, send)
  }

  #after(milliseconds: number, datagram: Buffer, send: (said: Buffer) => void): void {
    const go = (): void => {
      if (this.#closed) return
      const text = datagram.toString('latin1')
      this.#copies.set(text, (this.#copies.get(text) ?? 0) + 1)
      send(datagram)
    }
    if (milliseconds === 0) return go()
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      go()
    }, milliseconds)
    this.#timers.add(timer)
  }
}
