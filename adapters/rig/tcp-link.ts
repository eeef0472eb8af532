/** A rig over TCP: a connection that is made again and again, without frames (section 8). */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Watch } from '../../gateway/adapter.js'
import { HostAddress } from '../common/host-address.js'
import { share } from '../common/pace.js'
import { Peer, Trouble } from './peer.js'
import { connectWithin } from './rig-link.js'
import type { Link, LinkOptions, Sending } from './rig-link.js'
import { Stream } from './stream.js'

/** Seconds between two messages of ours: a real rig takes what comes in one read for one message. */
const gap = 0.025

/** Bytes of a message: a real rig does not get more through (section 8). */
const maxBytes = 256 * 1024

/** Bytes that the rig has not fetched yet; one that sends but does not read is left. */
const maxUnsent = 1 << 20

/** Payloads that are carried out in one turn of the event loop. */
const atOnce = 32

/** Seconds for the rest of a payload. */
const restWithin = 1

/** Seconds of silence after which the system looks whether the other computer is still there. */
const keepAlive = 15

/** Seconds before a connection is made again: the first wait, how they grow, the longest, and how far apart instances are. */
const waits = { first: 0.25, factor: 2, longest: 30, jitter: 0.2 }

/** Seconds after which a connection counts as sound, and the next wait is short again. */
const soundAfter = 10

interface Connected {
  readonly socket: Socket
  readonly peer: Peer
  readonly stream: Stream
  readonly since: number
}

export class TcpLink implements Link {
  readonly #options: LinkOptions
  readonly #address: HostAddress
  #isOpen = false
  #connected: Connected | undefined
  /** A connection that is being made; settles with it. */
  #dialling: Promise<Connected> | undefined
  /** Ends the attempt. */
  #giveUp: () => void = () => undefined
  #retry: Watch | undefined
  #rest: Watch | undefined
  #failures = 0
  /** What is sent, or was at last. */
  #own: Sending | undefined
  readonly #closing = new Set<Promise<void>>()

  constructor(options: LinkOptions) {
    this.#options = options
    this.#address = new HostAddress(options)
  }

  get lastHeard(): number | undefined {
    return this.#connected?.peer.lastHeard
  }

  open(): void {
    this.#isOpen = true
    this.#failures = 0
    this.#dial().catch(() => undefined)
  }

  forgive(bytes: Buffer): void {
    this.#connected?.peer.forgive(bytes)
  }

  get isAwaiting(): boolean {
    return this.#connected?.peer.awaited !== undefined
  }

  /** Where there is no connection, one is tried at once: the program may have been started this moment. */
  async send(own: Sending): Promise<{ readonly seconds: number }> {
    const { peer } = this.#connected ?? (await this.#dial())
    this.#own = own
    return await peer.send(own.bytes)
  }

  async close(): Promise<void> {
    this.#isOpen = false
    this.#retry?.cancel()
    this.#end(new Trouble('closed', 'the instance was stopped', true))
    this.#giveUp()
    await this.#dialling?.catch(() => undefined)
    await Promise.all(this.#closing)
  }

  /** Rejects with a Trouble. */
  #dial(): Promise<Connected> {
    this.#retry?.cancel()
    this.#dialling ??= this.#connect().finally(() => (this.#dialling = undefined))
    return this.#dialling
  }

  async #connect(): Promise<Connected> {
    if (!this.#isOpen) throw closed()
    let socket: Socket | undefined
    let limit: Watch | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        let isOver = false
        const fail = (error: Error): void => {
          isOver = true
          reject(error)
        }
        this.#giveUp = () => fail(new Error('stopped'))
        limit = this.#options.clock.after(connectWithin, () => fail(new Error(`no connection within ${connectWithin} s`)))
        this.#address.find().then((host) => {
          if (isOver) return
          socket = connect(
            { host, port: this.#options.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAlive * 1000 },
            resolve
          )
          socket.once('error', fail)
        }, fail)
      })
      if (!this.#isOpen) throw closed()
    } catch (error) {
      if (socket !== undefined) {
        socket.on('error', () => undefined)
        this.#watchClose(socket)
        socket.destroy()
      }
      this.#address.refresh()
      const trouble = this.#isOpen ? troubleOf(error as Error) : closed()
      this.#again(trouble.kind === 'no-listener' ? 'nobody listens there: start its program' : trouble.message)
      throw trouble
    } finally {
      limit?.cancel()
    }
    return this.#begin(socket as unknown as Socket)
  }

  #begin(socket: Socket): Connected {
    const { clock, echoWithin, maxEchoBytes, int8, onPayload, isWanted, onCount, onUp } = this.#options
    const stream = new Stream()
    const peer = new Peer({
      clock,
      gap,
      echoWithin,
      maxEchoBytes,
      maxWaiting: 1,
      maxBytes,
      mayDuplicate: false,
      write: (bytes) => {
        if (bytes === this.#own?.bytes) this.#own.onWritten()
        if (socket.writableLength > maxUnsent) this.#lost('it does not read what it is sent')
        else if (socket.writable) socket.write(bytes)
      },
      int8,
      onPayload,
      isWanted,
      onCount
    })
    const connected: Connected = { socket, peer, stream, since: clock.monotonic() }
    const lost = (reason: string): void => {
      if (this.#connected === connected) this.#lost(reason)
    }
    socket.removeAllListeners('error')
    socket.on('error', (error) => lost(error.message))
    socket.on('close', () => lost('it closed the connection'))
    socket.on('data', (chunk: Buffer) => {
      if (this.#connected !== connected) return
      stream.push(chunk)
      this.#take(connected)
    })
    this.#watchClose(socket)
    this.#connected = connected
    onUp()
    return connected
  }

  /** A rig that says very much holds up nobody: then it is the turn of the others, and nothing more is read before. */
  #take(connected: Connected): void {
    const { peer, stream, socket } = connected
    let isMore = false
    for (let count = 0; count < atOnce; count += 1) {
      const next = stream.next(peer.awaited)
      if (next === undefined) return this.#taken(connected, isMore)
      isMore = true
      peer.receive(next)
      // It may have been left meanwhile.
      if (this.#connected !== connected) return
    }
    socket.pause()
    this.#options.clock.after(0, () => {
      if (this.#connected !== connected) return
      socket.resume()
      this.#take(connected)
    })
  }

  /** There is no whole payload any more. */
  #taken(connected: Connected, isMore: boolean): void {
    const { stream } = connected
    if (stream.isFull) return this.#lost('it sends more than can be a message')
    if (isMore || !stream.isWaiting) this.#rest?.cancel()
    if (!stream.isWaiting) this.#rest = undefined
    else if (isMore || this.#rest === undefined) this.#rest = this.#options.clock.after(restWithin, () => this.#flush(connected))
  }

  /** The rest of a payload does not come: what is there is taken for one. */
  #flush(connected: Connected): void {
    this.#rest = undefined
    if (this.#connected !== connected) return
    const rest = connected.stream.flush()
    if (rest !== undefined) connected.peer.receive(rest)
    this.#take(connected)
  }

  #lost(reason: string): void {
    const { clock } = this.#options
    const since = this.#connected?.since
    if (since !== undefined && clock.monotonic() - since >= soundAfter) this.#failures = 0
    this.#end(new Trouble('offline', reason, true))
    this.#again(reason)
  }

  #again(reason: string): void {
    if (!this.#isOpen) return
    const { clock, host, port, onDown } = this.#options
    const bare = Math.min(waits.first * waits.factor ** this.#failures, waits.longest)
    this.#failures += 1
    this.#retry?.cancel()
    this.#retry = clock.after(bare * (1 + waits.jitter * (2 * share(`${host}:${port}`) - 1)), () => {
      this.#dial().catch(() => undefined)
    })
    onDown(reason)
  }

  #end(trouble: Trouble): void {
    const connected = this.#connected
    this.#connected = undefined
    this.#rest?.cancel()
    this.#rest = undefined
    if (connected === undefined) return
    connected.socket.destroy()
    connected.peer.close(trouble)
  }

  #watchClose(socket: Socket): void {
    const closing = new Promise<void>((resolve) => {
      if (socket.closed) resolve()
      else socket.once('close', () => resolve())
    }).finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

function closed(): Trouble {
  return new Trouble('closed', 'the instance was stopped', false)
}

function troubleOf(error: Error): Trouble {
  const isRefused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  return new Trouble(isRefused ? 'no-listener' : 'offline', error.message, false)
}
