/**
 * A rig over UDP. One connected socket for the life of the instance, and the same port for the next one: a real rig answers to the port that asked, and is deaf for good when
 * an answer, however late, is not echoed from there (sections 4.1 and 7).
 */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import type { Watch } from '../../gateway/adapter.js'
import { HostAddress } from '../common/host-address.js'
import { isOwnAlias } from '../common/udp-asker.js'
import { Peer, Trouble } from './peer.js'
import { connectWithin } from './rig-link.js'
import type { Link, LinkOptions, Sending } from './rig-link.js'

/** Seconds between two messages of ours: two that come together are taken for one wrong echo (section 9). */
const gap = 0.01

/** Bytes of a datagram. */
const maxBytes = 65_507

/** Bytes of the kernel's queue asked for: a burst finds place while the event loop is busy. */
const receiveBuffer = 1 << 18

interface Opened {
  readonly socket: Socket
  readonly address: string
  readonly peer: Peer
}

export class UdpLink implements Link {
  readonly #options: LinkOptions
  readonly #address: HostAddress
  #opened: Opened | undefined
  #reaching: Promise<Opened> | undefined
  /** Sockets that close. */
  readonly #closing = new Set<Promise<void>>()
  #isOpen = false
  /** Ours. */
  #port: number | undefined
  /** What is sent, or was at last. */
  #own: Sending | undefined
  /** Why the system did not send the last datagram. */
  #unsent: Error | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    this.#address = new HostAddress(options)
    this.#port = options.lastPort
  }

  get lastHeard(): number | undefined {
    return this.#opened?.peer.lastHeard
  }

  open(): void {
    this.#isOpen = true
    // A name that means nothing now may do so when something is sent.
    this.#reach().catch(() => undefined)
  }

  forgive(bytes: Buffer): void {
    this.#opened?.peer.forgive(bytes)
  }

  get isAwaiting(): boolean {
    return this.#opened?.peer.awaited !== undefined
  }

  async send(own: Sending): Promise<{ readonly seconds: number }> {
    const { peer } = await this.#reach()
    this.#unsent = undefined
    this.#own = own
    try {
      return await peer.send(own.bytes)
    } catch (error) {
      // Perhaps the computer has another address now.
      this.#address.refresh()
      const unsent = this.#unsent as Error | undefined
      if (unsent !== undefined && error instanceof Trouble && error.kind === 'echo-timeout')
        throw new Trouble('offline', unsent.message, false)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#isOpen = false
    this.#leave()
    await Promise.all(this.#closing)
  }

  /** The socket to where the host is now. Rejects with a Trouble. */
  #reach(): Promise<Opened> {
    this.#reaching ??= this.#reachNow().finally(() => (this.#reaching = undefined))
    return this.#reaching
  }

  async #reachNow(): Promise<Opened> {
    const address = await this.#find()
    if (!this.#isOpen) throw new Trouble('closed', 'the instance was stopped', false)
    if (this.#opened?.address === address) return this.#opened
    this.#leave()
    this.#opened = await this.#connect(address)
    return this.#opened
  }

  async #find(): Promise<string> {
    const { clock, host } = this.#options
    let limit: Watch | undefined
    try {
      return await Promise.race([
        this.#address.find(),
        new Promise<string>((_resolve, reject) => {
          limit = clock.after(connectWithin, () => reject(new Error(`the name ${host} is not found within ${connectWithin} s`)))
        })
      ])
    } catch (error) {
      throw new Trouble('offline', (error as Error).message, false)
    } finally {
      limit?.cancel()
    }
  }

  async #connect(address: string): Promise<Opened> {
    const { port, clock, echoWithin, maxEchoBytes, int8, onPayload, isWanted, onCount, onPort } = this.#options
    const isAlias = isOwnAlias(address)
    // What a socket that listens on all addresses sends comes from another one than was asked.
    const socket = await this.#bind(isAlias ? '127.0.0.1' : undefined)
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject)
        if (isAlias) resolve()
        else socket.connect(port, address, (error?: Error | null) => (error === undefined || error === null ? resolve() : reject(error)))
      })
      this.#port = socket.address().port
      onPort?.(this.#port)
    } catch (error) {
      socket.close()
      throw new Trouble('offline', (error as Error).message, false)
    }
    if (!this.#isOpen) {
      this.#close(socket)
      throw new Trouble('closed', 'the instance was stopped', false)
    }
    try {
      socket.setRecvBufferSize(receiveBuffer)
    } catch {
      // The system's default has to do.
    }
    const failed = (error: Error | null): void => {
      if (error !== null && this.#opened?.socket === socket) this.#failed(error, peer)
    }
    const peer = new Peer({
      clock,
      gap,
      echoWithin,
      maxEchoBytes,
      maxWaiting: 1,
      maxBytes,
      write: (bytes) => {
        if (this.#opened?.socket !== socket) return
        if (bytes === this.#own?.bytes) this.#own.onWritten()
        if (isAlias) socket.send(bytes, port, address, failed)
        else socket.send(bytes, failed)
      },
      int8,
      onPayload,
      isWanted,
      onCount
    })
    socket.removeAllListeners('error')
    socket.on('error', failed)
    socket.on('message', (bytes, from) => {
      if (!isAlias || from.port === port) peer.receive(bytes)
    })
    return { socket, address, peer }
  }

  /** At our port of the last time, if it is free: a rig that was started before a restart of ours says there what it has to say. */
  async #bind(address: string | undefined): Promise<Socket> {
    for (const port of this.#port === undefined ? [0] : [this.#port, 0]) {
      const socket = createSocket('udp4')
      try {
        await new Promise<void>((resolve, reject) => {
          socket.once('error', reject)
          socket.bind(port, address, resolve)
        })
        return socket
      } catch (error) {
        socket.close()
        if (port === 0) throw new Trouble('offline', (error as Error).message, false)
      }
    }
    throw new Trouble('offline', 'no port is free', false)
  }

  #failed(error: Error, peer: Peer): void {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') this.#unsent = error
    else if (peer.awaited !== undefined) peer.refused()
    else this.#options.onDown('no program has its port any more: restart its program')
  }

  #leave(): void {
    const opened = this.#opened
    this.#opened = undefined
    if (opened === undefined) return
    opened.peer.close(new Trouble('closed', 'the socket was closed', true))
    this.#close(opened.socket)
  }

  #close(socket: Socket): void {
    const closed = new Promise<void>((resolve) => socket.close(() => resolve())).finally(() => this.#closing.delete(closed))
    this.#closing.add(closed)
  }
}
