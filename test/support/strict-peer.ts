/**
 * Rigs and controllers that are as the original is (section 3 and 4 of the protocol notes): they echo at once, give up for good when one
 * message of theirs is not echoed within a second, and take whatever else comes in its place for a wrong echo. Only their TCP is kinder:
 * they take it apart by brackets, as what one read holds is a matter of how busy the computer is.
 */
import { createSocket } from 'node:dgram'
import type { Socket as UdpSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** Milliseconds for an echo, and for an answer, as the original has them. */
const echoWithin = 1000
const answerWithin = 10_000

/** What is agreed with one remote. */
class Strict {
  readonly #write: (text: string) => void
  readonly #hear: (text: string) => void
  readonly #die: (why: string) => void
  #outstanding: { readonly text: string; readonly since: number; readonly timer: NodeJS.Timeout; readonly done: () => void } | undefined
  #buffer = ''
  /** Milliseconds of the slowest echo. */
  slowest = 0

  constructor(on: { write: (text: string) => void; hear: (text: string) => void; die: (why: string) => void }) {
    this.#write = on.write
    this.#hear = on.hear
    this.#die = on.die
  }

  /** Never resolves when the peer dies of it; its owner tells. */
  confirm(text: string): Promise<void> {
    if (this.#outstanding !== undefined) this.#die(`${text} was sent before ${this.#outstanding.text} was confirmed`)
    return new Promise((resolve) => {
      // What has arrived by now is read before it counts as missing.
      const timer = setTimeout(() => setImmediate(() => this.#expire(text)), echoWithin)
      this.#outstanding = { text, since: performance.now(), timer, done: resolve }
      this.#write(text)
    })
  }

  /** A report: nobody echoes it. */
  report(text: string): void {
    this.#write(text)
  }

  take(text: string): void {
    const awaited = this.#outstanding
    if (awaited !== undefined) {
      if (text !== awaited.text) return this.#die(`${text.slice(0, 200)} in place of the echo of ${awaited.text}`)
      this.slowest = Math.max(this.slowest, performance.now() - awaited.since)
      this.stop()
      return awaited.done()
    }
    if (text.length > 1 && text[1] !== '0') this.#write(text)
    this.#hear(text)
  }

  /** Of a stream: an echo that is awaited, else a whole array. */
  push(chunk: Buffer): void {
    this.#buffer += chunk.toString('latin1')
    for (let text = this.#next(); text !== undefined; text = this.#next()) this.take(text)
  }

  stop(): void {
    clearTimeout(this.#outstanding?.timer)
    this.#outstanding = undefined
  }

  #next(): string | undefined {
    let depth = 0
    for (let at = 0; at < this.#buffer.length; at += 1) {
      if (this.#buffer[at] === '[') depth += 1
      if (this.#buffer[at] === ']') depth -= 1
      if (depth > 0) continue
      const text = this.#buffer.slice(0, at + 1)
      this.#buffer = this.#buffer.slice(at + 1)
      return text
    }
    return undefined
  }

  #expire(text: string): void {
    if (this.#outstanding?.text === text) this.#die(`${text} was not echoed within ${echoWithin} ms`)
  }
}

/** How a rig behaves. */
export interface Manners {
  /** What it answers to a message: the same, left out; undefined: nothing. */
  readonly answer?: (message: string) => string | undefined
  /** Milliseconds from its echo to its answer; the original can take any time. */
  readonly after?: number
  /** It hears, and does not even echo. */
  readonly isMute?: boolean
}

/** An auxiliary computer over UDP. When one answer of it is not echoed, it is deaf from then on, for everybody. */
export class StrictRig {
  readonly #socket: UdpSocket
  readonly #remotes = new Map<number, Strict>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #manners: Manners
  readonly #waiting = new Set<() => void>()
  /** Messages, without the echoes that it waited for. */
  readonly heard: string[] = []
  /** Why it died. */
  died: string | undefined

  private constructor(socket: UdpSocket, manners: Manners) {
    this.#socket = socket
    this.#manners = manners
    socket.on('message', (datagram, { port }) => {
      if (this.died === undefined) this.#remote(port).take(datagram.toString('latin1'))
    })
    socket.on('error', () => undefined)
  }

  static async open(manners: Manners = {}, port = 0): Promise<StrictRig> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(port, '127.0.0.1', resolve))
    return new StrictRig(socket, manners)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Milliseconds until the slowest echo of an answer came. */
  get slowest(): number {
    return Math.max(0, ...[...this.#remotes.values()].map(({ slowest }) => slowest))
  }

  /** Resolves once it has heard so many messages. */
  async hears(count: number, within = 5000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`heard ${this.heard.length} of ${count}: ${this.heard.join(' ')}`)), within)
      const look = (): void => {
        if (this.heard.length < count) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const remote of this.#remotes.values()) remote.stop()
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
  }

  #remote(port: number): Strict {
    const known = this.#remotes.get(port)
    if (known !== undefined) return known
    const remote: Strict = new Strict({
      write: (text) => {
        if (this.#manners.isMute !== true) this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1')
      },
      hear: (text) => this.#hear(text, remote),
      die: (why) => {
        this.died ??= why
        for (const each of this.#remotes.values()) each.stop()
      }
    })
    this.#remotes.set(port, remote)
    return remote
  }

  #hear(text: string, remote: Strict): void {
    this.heard.push(text)
    for (const look of this.#waiting) look()
    if (this.#manners.isMute === true) return
    const said = this.#manners.answer === undefined ? text : this.#manners.answer(text)
    if (said === undefined) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (this.died !== undefined) return
      if (said.startsWith('[0')) remote.report(said)
      else void remote.confirm(said)
    }, this.#manners.after ?? 0)
    this.#timers.add(timer)
  }
}

/** An experiment computer, over UDP or TCP: one command after the other, each until its answer. */
export class StrictController {
  readonly #close: () => Promise<void>
  readonly #strict: Strict
  readonly #heard: string[] = []
  #look: (() => void) | undefined
  #fail: ((error: Error) => void) | undefined
  died: string | undefined

  private constructor(connection: { write: (text: string) => void; close: () => Promise<void> }) {
    this.#close = connection.close
    this.#strict = new Strict({
      write: connection.write,
      hear: (text) => {
        this.#heard.push(text)
        this.#look?.()
      },
      die: (why) => this.#die(why)
    })
  }

  static async udp(port: number, localAddress = '127.0.0.1'): Promise<StrictController> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, localAddress, resolve))
    await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve))
    const close = (): Promise<void> => new Promise((resolve) => socket.close(() => resolve()))
    const controller = new StrictController({ write: (text) => socket.send(Buffer.from(text, 'latin1')), close })
    socket.on('message', (datagram) => controller.#strict.take(datagram.toString('latin1')))
    socket.on('error', () => undefined)
    return controller
  }

  static async tcp(port: number): Promise<StrictController> {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('error', reject).once('connect', resolve))
    const close = async (): Promise<void> => {
      if (!socket.closed) await new Promise<void>((resolve) => void socket.once('close', () => resolve()).destroy())
    }
    const controller = new StrictController({ write: (text) => socket.write(text, 'latin1'), close })
    socket.on('data', (chunk: Buffer) => controller.#strict.push(chunk))
    socket.on('close', () => controller.#die('the connection was closed'))
    return controller
  }

  /** Milliseconds of the slowest echo of what it sent. */
  get slowest(): number {
    return this.#strict.slowest
  }

  /** Sends, and resolves with the next message of the same event, which it has echoed. Rejects when the controller died. */
  async ask(text: string): Promise<string> {
    await this.tell(text)
    return await this.next(text.slice(0, text.indexOf(',') + 1))
  }

  /** Sends, and resolves with the echo. */
  async tell(text: string): Promise<void> {
    if (this.died !== undefined) throw new Error(this.died)
    const died = new Promise<never>((_, reject) => (this.#fail = reject))
    await Promise.race([this.#strict.confirm(text), died])
  }

  /** The next message, among those not taken yet, that begins so. */
  async next(begin: string): Promise<string> {
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#fail = reject
        timer = setTimeout(() => reject(new Error(`no ${begin} within ${answerWithin} ms`)), answerWithin)
        this.#look = () => {
          const index = this.#heard.findIndex((heard) => heard.startsWith(begin))
          if (index >= 0) resolve(this.#heard.splice(index, 1)[0] as string)
        }
        this.#look()
        if (this.died !== undefined) reject(new Error(this.died))
      })
    } finally {
      clearTimeout(timer)
      this.#look = undefined
    }
  }

  async close(): Promise<void> {
    this.died ??= 'closed'
    this.#strict.stop()
    await this.#close()
  }

  #die(why: string): void {
    this.died ??= why
    this.#strict.stop()
    this.#fail?.(new Error(this.died))
  }
}

/** A port of this computer on which nothing answers over UDP: bound, and never read from the other side's point of view. */
export async function silentPort(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { port: socket.address().port, close: () => new Promise((resolve) => socket.close(() => resolve())) }
}
