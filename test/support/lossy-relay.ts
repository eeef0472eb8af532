/** A bad network between two UDP programs: real sockets, seeded chance, and no waiting of its own. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { Random } from '../faults/random.js'

/** Chances of one datagram, each way: from 0 to 1. */
export interface Chances {
  readonly lost: number
  /** Sent twice: the copy at once, or behind the next datagram. */
  readonly doubled: number
  /** Held until the next datagram in the same direction, of whatever client, has passed. */
  readonly swapped: number
}

/** One direction; what is held waits for the next datagram, perhaps for long. */
interface Way {
  held: (() => void) | undefined
}

/** Clients that may have answers to come; of the ones before nobody hears again. */
const remembered = 64

export class LossyRelay {
  readonly #socket: Socket
  readonly #target: number
  readonly #chances: Chances
  readonly #random: Random
  /** By the port of the client: the socket that stands for it at the target. */
  readonly #flows = new Map<number, Socket>()
  readonly #there: Way = { held: undefined }
  readonly #back: Way = { held: undefined }
  readonly counts = { passed: 0, lost: 0, doubled: 0, swapped: 0 }

  private constructor(socket: Socket, target: number, chances: Chances, seed: number) {
    this.#socket = socket
    this.#target = target
    this.#chances = chances
    this.#random = new Random(seed)
    socket.on('message', (datagram, { port }) => void this.#request(datagram, port))
  }

  /** From a port that the system chooses to that of the target, both on loopback. */
  static async open(target: number, chances: Chances, seed: number): Promise<LossyRelay> {
    return new LossyRelay(await bound(), target, chances, seed)
  }

  get port(): number {
    return this.#socket.address().port
  }

  async close(): Promise<void> {
    await Promise.all([this.#socket, ...this.#flows.values()].map(closed))
  }

  async #request(datagram: Buffer, client: number): Promise<void> {
    const flow = this.#flows.get(client) ?? (await this.#flow(client))
    this.#carry(this.#there, () => send(flow, datagram, this.#target))
  }

  async #flow(client: number): Promise<Socket> {
    const flow = await bound()
    flow.on('message', (answer) => this.#carry(this.#back, () => send(this.#socket, answer, client)))
    this.#flows.set(client, flow)
    const [first] = this.#flows
    if (first !== undefined && this.#flows.size > remembered) {
      this.#flows.delete(first[0])
      void closed(first[1])
    }
    return flow
  }

  #carry(way: Way, pass: () => void): void {
    const { lost, doubled, swapped } = this.#chances
    if (this.#random.chance(lost)) {
      this.counts.lost += 1
      return
    }
    const held = way.held
    way.held = undefined
    if (held === undefined && this.#random.chance(swapped)) {
      this.counts.swapped += 1
      way.held = pass
      return
    }
    pass()
    this.counts.passed += 1
    held?.()
    if (!this.#random.chance(doubled)) return
    this.counts.doubled += 1
    if (this.#random.chance(0.5)) pass()
    else way.held = pass
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** A peer that is gone hears nothing; nor does one whose own socket is closed. */
function send(socket: Socket, datagram: Buffer, port: number): void {
  try {
    socket.send(datagram, port, '127.0.0.1', () => {})
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error
  }
}

async function closed(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.close(() => resolve()))
}
