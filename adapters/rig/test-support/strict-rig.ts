import { createSocket } from 'node:dgram'
import type { Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** How a rig behaves at an event. Milliseconds. */
export interface StrictManner {
  /** false: it is deaf to the event. */
  readonly echo?: boolean
  /** From the echo to the answer; null: none; 0: in the same turn as the echo. */
  readonly answer?: number | null
  /** What it answers after the event number; left out: the same data. */
  readonly data?: readonly unknown[]
  /** It says that it failed, in place of an answer. */
  readonly report?: string
}

/** A message that a rig got. */
export interface Heard {
  readonly rig: string
  readonly code: number
  readonly text: string
}

/** What rigs got, in order. */
export class HeardLog {
  readonly all: Heard[] = []
  readonly #waiting = new Set<() => void>()

  add(heard: Heard): void {
    this.all.push(heard)
    for (const look of this.#waiting) look()
  }

  /** Resolves once there is one that fits. */
  async until(fits: (heard: Heard) => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.all.some(fits)) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }
}

/** Milliseconds for the echo of its answer. */
const echoWithin = 1000

/** Something that it says, until its echo is there. */
interface Open {
  readonly text: string
  readonly limit: NodeJS.Timeout
}

/**
 * A rig at the other end of a real socket, as strict as the original: each read is one payload, every message is echoed byte for byte,
 * and what comes in place of the echo of its answer, or no echo within a second, breaks it (sections 4.1 and 7).
 */
export class StrictRig {
  readonly name: string
  readonly transport: 'udp' | 'tcp'
  /** By event number; the others answer with the same data after 20 ms. */
  readonly manners = new Map<number, StrictManner>()
  readonly #heard: HeardLog
  readonly #timers = new Set<NodeJS.Timeout>()
  /** Answers whose echo is to come. */
  readonly #open: Open[] = []
  /** Messages that it has not answered. */
  #kept: (() => void)[] = []
  #quiet: () => void = () => undefined
  #udp: UdpSocket | undefined
  #tcp: Server | undefined
  readonly #connections = new Set<Socket>()
  #port = 0
  /** What the original would have closed itself for. */
  readonly broken: string[] = []

  /** `heard`: shared by rigs, to see in which order they were asked. */
  constructor(name: string, transport: 'udp' | 'tcp', heard: HeardLog) {
    this.name = name
    this.transport = transport
    this.#heard = heard
  }

  get uri(): string {
    return `${this.transport}://127.0.0.1:${this.#port}`
  }

  async open(): Promise<void> {
    if (this.transport === 'udp') {
      const socket = createSocket('udp4')
      socket.on('message', (bytes, { port }) => this.#receive(bytes.toString(), (text) => this.#udp?.send(text, port, '127.0.0.1')))
      socket.bind(this.#port, '127.0.0.1')
      await once(socket, 'listening')
      this.#port = socket.address().port
      this.#udp = socket
      return
    }
    const server = createServer({ noDelay: true }, (connection) => {
      this.#connections.add(connection)
      connection.on('close', () => this.#connections.delete(connection))
      connection.on('error', () => undefined)
      connection.on('data', (bytes) => this.#receive(bytes.toString(), (text) => void connection.write(text)))
    })
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    this.#tcp = server
  }

  /** Answers what it has not so far; resolves when that is echoed, or it is broken. */
  async catchUp(): Promise<void> {
    const kept = this.#kept
    this.#kept = []
    if (this.#udp === undefined && this.#connections.size === 0) return
    for (const speak of kept) {
      speak()
      if (this.#open.length > 0) await new Promise<void>((resolve) => (this.#quiet = resolve))
    }
  }

  /** Its program ends. */
  async close(): Promise<void> {
    for (const { text, limit } of this.#open.splice(0)) {
      clearTimeout(limit)
      this.broken.push(`no echo of ${text} when it was closed`)
    }
    this.#quiet()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    const [udp, tcp] = [this.#udp, this.#tcp]
    this.#udp = undefined
    this.#tcp = undefined
    for (const connection of this.#connections) connection.destroy()
    if (udp !== undefined) await new Promise<void>((resolve) => udp.close(() => resolve()))
    if (tcp !== undefined) await new Promise((resolve) => tcp.close(resolve))
  }

  #receive(text: string, send: (text: string) => void): void {
    const [awaited] = this.#open
    if (awaited !== undefined && text !== awaited.text) this.broken.push(`${text} in place of the echo ${awaited.text}`)
    if (awaited?.text === text) {
      clearTimeout(awaited.limit)
      this.#open.shift()
      if (this.#open.length === 0) this.#quiet()
      return
    }
    const [code, ...data] = JSON.parse(text) as [number, ...unknown[]]
    this.#heard.add({ rig: this.name, code, text })
    const { echo = true, answer = 20, report, data: own = data } = this.manners.get(code) ?? {}
    const said = JSON.stringify(report === undefined ? [code, ...own] : [0, report, code])
    const speak = (): void => {
      if (report === undefined) this.#awaitEcho(said)
      send(said)
    }
    if (!echo) return
    send(text)
    if (answer === null) return void this.#kept.push(speak)
    if (answer === 0) return speak()
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      speak()
    }, answer)
    this.#timers.add(timer)
  }

  #awaitEcho(text: string): void {
    const open: Open = {
      text,
      limit: setTimeout(() => {
        this.#open.splice(this.#open.indexOf(open), 1)
        this.broken.push(`no echo of ${text} within a second`)
        this.#quiet()
      }, echoWithin)
    }
    this.#open.push(open)
  }
}
