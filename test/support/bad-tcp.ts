import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Random } from '../faults/random.js'

/** What becomes of a stream of bytes. */
export interface Road {
  /** The part of all writes, from 0 to 1, that carry whatever there is; the others carry a piece of it. */
  readonly whole: number
  /** Milliseconds that bytes wait at most before a write, so that what comes meanwhile goes with them. */
  readonly hold: number
  /** The part of all writes in place of which the connection is cut. */
  readonly cut: number
}

export const open: Road = { whole: 1, hold: 0, cut: 0 }

/** The fewest pieces that a write is not cut into: a message must still be through within its second. */
const pieces = 8

/** A way between controllers and one rig that cuts and joins what they write as it likes: real sockets. */
export class BadTcp {
  readonly #server: Server
  readonly #to: number
  readonly #random: Random
  readonly #sockets = new Set<Socket>()
  road = open
  readonly done = { written: 0, split: 0, joined: 0, cut: 0 }

  private constructor(server: Server, to: number, random: Random) {
    this.#server = server
    this.#to = to
    this.#random = random
    server.on('connection', (near: Socket) => this.#join(near))
  }

  /** `to`: port of the rig. */
  static async open(to: number, random: Random): Promise<BadTcp> {
    const server = createServer({ noDelay: true, allowHalfOpen: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new BadTcp(server, to, random)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** All connections, with a reset or as if they had ended. */
  cut(): void {
    const isReset = this.#random.chance(0.5)
    for (const socket of this.#sockets) {
      if (isReset) socket.resetAndDestroy()
      else socket.destroy()
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#to, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => undefined)
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      const lane = new Lane(to, this.#random, this)
      from.on('data', (chunk: Buffer) => lane.push(chunk))
      from.on('end', () => lane.end())
    }
  }
}

/** One direction of one connection. */
class Lane {
  readonly #to: Socket
  readonly #random: Random
  readonly #relay: BadTcp
  #chunks: Buffer[] = []
  #isGoing = false
  #isEnding = false

  constructor(to: Socket, random: Random, relay: BadTcp) {
    this.#to = to
    this.#random = random
    this.#relay = relay
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#go()
  }

  end(): void {
    this.#isEnding = true
    this.#go()
  }

  #go(): void {
    if (this.#isGoing) return
    if (this.#chunks.length === 0) {
      if (this.#isEnding) this.#to.end()
      return
    }
    this.#isGoing = true
    // Even without a wait: the next write is another read at the far end.
    setTimeout(() => this.#write(), this.#random.next() * this.#relay.road.hold)
  }

  #write(): void {
    this.#isGoing = false
    if (this.#to.destroyed) return
    const { road, done } = this.#relay
    if (this.#random.chance(road.cut)) {
      done.cut += 1
      return this.#relay.cut()
    }
    const all = Buffer.concat(this.#chunks)
    if (this.#chunks.length > 1) done.joined += 1
    const size = this.#random.chance(road.whole) ? all.length : 1 + this.#random.below(Math.ceil((all.length / pieces) * 2))
    if (size < all.length) done.split += 1
    done.written += 1
    this.#to.write(all.subarray(0, size))
    this.#chunks = size < all.length ? [all.subarray(size)] : []
    this.#go()
  }
}
