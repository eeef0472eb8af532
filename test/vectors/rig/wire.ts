/** One end of a talk as a recording has it: a datagram socket, or a connection without frames. It knows nothing of echoes. */
import { createSocket } from 'node:dgram'
import type { Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket as TcpSocket } from 'node:net'
import { parseExact } from '../../../adapters/common/exact-json.js'

export interface Wire {
  send(bytes: Buffer): void
  /** What came next; undefined after so many seconds. `like`: on a connection, where it may end. */
  next(within: number, like?: Buffer): Promise<Buffer | undefined>
  close(): void
  reset(): void
}

/** A controller. */
export async function dial(transport: 'udp' | 'tcp', port: number): Promise<Wire> {
  if (transport === 'tcp') {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket)
  }
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', () => resolve()))
  return new Datagrams(socket, (bytes) => socket.send(bytes))
}

/** What comes, in order, and who waits for it. */
class Inbox {
  #waiting: (() => void) | undefined

  wake(): void {
    this.#waiting?.()
  }

  /** Looks again whenever something comes. */
  async until<Found>(within: number, look: () => Found | undefined): Promise<Found | undefined> {
    const found = look()
    if (found !== undefined) return found
    return await new Promise((resolve) => {
      const done = (value: Found | undefined): void => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve(value)
      }
      const timer = setTimeout(() => done(undefined), within * 1000)
      this.#waiting = () => {
        const value = look()
        if (value !== undefined) done(value)
      }
    })
  }
}

export class Datagrams implements Wire {
  readonly #socket: UdpSocket
  readonly #send: (bytes: Buffer) => void
  readonly #inbox = new Inbox()
  readonly #came: Buffer[] = []

  constructor(socket: UdpSocket, send: (bytes: Buffer) => void) {
    this.#socket = socket
    this.#send = send
    socket.on('error', () => undefined)
    socket.on('message', (bytes) => {
      this.#came.push(bytes)
      this.#inbox.wake()
    })
  }

  send(bytes: Buffer): void {
    this.#send(bytes)
  }

  async next(within: number): Promise<Buffer | undefined> {
    return await this.#inbox.until(within, () => this.#came.shift())
  }

  close(): void {
    this.#socket.close()
  }

  reset(): void {
    this.close()
  }
}

export class Connection implements Wire {
  readonly #socket: TcpSocket
  readonly #inbox = new Inbox()
  #came = Buffer.alloc(0)

  constructor(socket: TcpSocket) {
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#came = Buffer.concat([this.#came, chunk])
      this.#inbox.wake()
    })
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  async next(within: number, like?: Buffer): Promise<Buffer | undefined> {
    const whole = await this.#inbox.until(within, () => wholeOf(this.#came, like) || undefined)
    const length = whole ?? this.#came.length
    if (length === 0) return undefined
    const bytes = this.#came.subarray(0, length)
    this.#came = this.#came.subarray(length)
    return bytes
  }

  close(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }
}

/** Bytes of the first payload: as many as expected when they are these, else the first array. */
function wholeOf(bytes: Buffer, like: Buffer | undefined): number {
  if (like !== undefined && bytes.length >= like.length && bytes.subarray(0, like.length).equals(like)) return like.length
  for (let end = bytes.indexOf(']'); end >= 0; end = bytes.indexOf(']', end + 1))
    if (parseExact(bytes.toString('utf8', 0, end + 1), { words: true }).ok) return end + 1
  return 0
}
