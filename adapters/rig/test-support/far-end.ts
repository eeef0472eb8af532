/** A real rig's end, scripted, written from the notes on the wire (sections 3 and 4): over UDP or TCP, on real sockets. */
import { createSocket } from 'node:dgram'
import type { Socket as UdpSocket } from 'node:dgram'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { settle } from '../../../test/support/fake-clock.js'

/** A payload that came, and the way back. */
export interface Said {
  readonly text: string
  readonly bytes: Buffer
  /** Sends to whoever said it: bytes or text. */
  readonly say: (what: string | Buffer) => void
  /** Port of the sender over UDP; number of the connection over TCP. */
  readonly from: number
}

/** What it does with a message, beside or in place of the echo. */
export type Manner = (said: Said) => void

/** The echo, and nothing more. */
export const echo: Manner = ({ bytes, say }) => say(bytes)

/** Nothing at all. */
export const deaf: Manner = () => undefined

/** The echo, then this. */
export const answer =
  (...texts: readonly string[]): Manner =>
  ({ bytes, say }) => {
    say(bytes)
    for (const text of texts) say(text)
  }

/** The echo, then the same data back. */
export const same: Manner = ({ bytes, say }) => {
  say(bytes)
  say(Buffer.from(bytes))
}

/** Ends of a real rig wait so many milliseconds at most; tests wait for events. */
const patience = 3000

export class FarEnd {
  manner: Manner = echo
  /** For messages that begin so, in place of `manner`. */
  readonly manners = new Map<string, Manner>()
  /** All that came, echoes of our own included. */
  readonly heard: Said[] = []
  /** What it says itself and is not echoed yet: a real rig with one that stays is deaf for ever. */
  readonly unconfirmed: string[] = []
  readonly connections: Socket[] = []
  #udp: UdpSocket | undefined
  #tcp: Server | undefined
  #taken = 0
  #last: ((what: string | Buffer) => void) | undefined

  static async udp(port = 0): Promise<FarEnd> {
    const rig = new FarEnd()
    await rig.bind(port)
    return rig
  }

  static async tcp(port = 0): Promise<FarEnd> {
    const rig = new FarEnd()
    await rig.listen(port)
    return rig
  }

  get port(): number {
    return ((this.#udp ?? this.#tcp)?.address() as AddressInfo).port
  }

  async bind(port: number): Promise<void> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve))
    socket.on('error', () => undefined)
    socket.on('message', (bytes, from) => this.#hear(bytes, from.port, (what) => socket.send(what, from.port, from.address)))
    this.#udp = socket
  }

  async listen(port: number): Promise<void> {
    const server = createServer((socket) => {
      const number = this.connections.push(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      // As the original: each read is one payload (section 8).
      socket.on('data', (bytes) => this.#hear(bytes, number, (what) => socket.write(what)))
      this.#last = (what) => socket.write(what)
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    this.#tcp = server
  }

  /** By itself, to the controller that spoke last. */
  say(what: string | Buffer): void {
    if (this.#last === undefined) throw new Error('nobody spoke yet')
    this.unconfirmed.push(what.toString())
    this.#last(what)
  }

  /** Texts of all that came. */
  get texts(): string[] {
    return this.heard.map(({ text }) => text)
  }

  /** The next payload that came and was not taken. */
  async next(pass: (seconds: number) => Promise<void>): Promise<Said> {
    const end = performance.now() + patience
    while (this.heard.length <= this.#taken) {
      if (performance.now() > end) throw new Error(`the rig heard nothing more after ${this.texts.join(' ')}`)
      await pass(0.01)
    }
    this.#taken += 1
    return this.heard[this.#taken - 1] as Said
  }

  async close(): Promise<void> {
    const [udp, tcp] = [this.#udp, this.#tcp]
    this.#udp = undefined
    this.#tcp = undefined
    for (const socket of this.connections) socket.destroy()
    if (udp !== undefined) await new Promise<void>((resolve) => udp.close(() => resolve()))
    if (tcp !== undefined) await new Promise<void>((resolve) => tcp.close(() => resolve()))
    await settle()
  }

  #hear(bytes: Buffer, from: number, send: (what: string | Buffer) => void): void {
    const text = bytes.toString()
    const say = (what: string | Buffer): void => {
      if (what !== bytes) this.unconfirmed.push(what.toString())
      send(what)
    }
    this.#last = send
    const said: Said = { text, bytes, say, from }
    this.heard.push(said)
    const own = this.unconfirmed.indexOf(text)
    if (own >= 0) {
      this.unconfirmed.splice(own, 1)
      return
    }
    const [, manner = this.manner] = [...this.manners].find(([begin]) => text.startsWith(begin)) ?? []
    manner(said)
  }
}
