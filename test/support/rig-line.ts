import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { settle } from './fake-clock.js'
import type { FakeClock } from './fake-clock.js'

/** Milliseconds for what must come without that time passes. */
const patience = 8000

/** Seconds of the gateway's clock in one step. */
const step = 0.005

/** A socket of the old side of rig messages, controller or rig, UDP or TCP: payload by payload, one character for each byte. */
export class RigLine {
  readonly port: number
  readonly #heard: string[] = []
  readonly #close: () => Promise<void>
  #write: ((bytes: Buffer) => void) | undefined
  #rest = ''
  #arrived: (() => void) | undefined

  private constructor(port: number, close: () => Promise<void>) {
    this.port = port
    this.#close = close
  }

  /** A controller of the rig on this port. */
  static async controller(transport: 'udp' | 'tcp', port: number): Promise<RigLine> {
    if (transport === 'udp') {
      const socket = createSocket('udp4')
      await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve))
      const line = new RigLine(socket.address().port, () => new Promise((resolve) => socket.close(() => resolve())))
      line.#write = (bytes) => socket.send(bytes)
      socket.on('error', () => undefined)
      socket.on('message', (datagram) => line.#take(datagram.toString('latin1')))
      return line
    }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('error', reject).once('connect', resolve))
    const line = new RigLine(socket.localPort ?? 0, () => Promise.resolve(void socket.destroy()))
    line.#join(socket)
    return line
  }

  /** A rig that waits for its controller. What it says goes to the one that was heard last. */
  static async rig(transport: 'udp' | 'tcp'): Promise<RigLine> {
    if (transport === 'udp') {
      const socket = createSocket('udp4')
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
      const line = new RigLine(socket.address().port, () => new Promise((resolve) => socket.close(() => resolve())))
      socket.on('error', () => undefined)
      socket.on('message', (datagram, { port }) => {
        line.#write = (bytes) => socket.send(bytes, port, '127.0.0.1')
        line.#take(datagram.toString('latin1'))
      })
      return line
    }
    const sockets = new Set<Socket>()
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const line = new RigLine((server.address() as AddressInfo).port, async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    })
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      line.#join(socket)
    })
    return line
  }

  /** Undefined: nobody was heard that could be told. */
  get isKnown(): boolean {
    return this.#write !== undefined
  }

  /** What was heard and not taken. */
  get left(): readonly string[] {
    return this.#heard
  }

  say(bytes: Buffer): void {
    this.#write?.(bytes)
  }

  /** The next payload, without that time passes. */
  async now(): Promise<string | undefined> {
    if (this.#heard.length === 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patience)
        this.#arrived = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    return this.#heard.shift()
  }

  /** The next payload, which comes when time passes; undefined: not within so many seconds of it. */
  async after(clock: FakeClock, seconds: number): Promise<string | undefined> {
    for (let passed = 0; passed < seconds && this.#heard.length === 0; passed += step) {
      await clock.pass(step)
      // What is on its way arrives before time goes on.
      for (let turn = 0; turn < 6 && this.#heard.length === 0; turn += 1) await settle()
    }
    return this.#heard.shift()
  }

  async close(): Promise<void> {
    await this.#close()
  }

  #join(socket: Socket): void {
    this.#write = (bytes) => socket.write(bytes)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#rest += chunk.toString('latin1')
      for (let payload = this.#next(); payload !== ''; payload = this.#next()) this.#take(payload)
    })
  }

  /** A stream has no frames: one array, by its brackets outside of texts; what is none is taken as it came. */
  #next(): string {
    let depth = 0
    let end = this.#rest.startsWith('[') ? 0 : this.#rest.length
    const parts = /"(?:[^"\\]|\\.)*"|[[\]]/g
    for (let part = parts.exec(this.#rest); end === 0 && part !== null; part = parts.exec(this.#rest)) {
      if (part[0] === '[') depth += 1
      if (part[0] === ']') depth -= 1
      if (depth === 0) end = parts.lastIndex
    }
    const payload = this.#rest.slice(0, end)
    this.#rest = this.#rest.slice(end)
    return payload
  }

  #take(payload: string): void {
    this.#heard.push(payload)
    const arrived = this.#arrived
    this.#arrived = undefined
    arrived?.()
  }
}
