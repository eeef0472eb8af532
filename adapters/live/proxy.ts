/** The way to a real live proxy: finds its address, again and again, sends datagrams, and notices when they do not arrive. Never waits. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { isIP, isIPv6 } from 'node:net'
import type { Clock, Watch } from '../../gateway/adapter.js'
import { lookUp } from '../common/names.js'

export interface ProxyOptions {
  readonly clock: Clock
  readonly host: string
  readonly port: number
  /** All addresses of a name; rejects when there is none. */
  readonly resolve?: Resolve
  /** It may be sent to, now or again. */
  readonly onReady: () => void
  /** It cannot be reached, and why. Told once until {@link onUp}. */
  readonly onDown: (reason: string) => void
  /** It can be reached again. */
  readonly onUp: () => void
  /** What was sent last did not arrive: nobody listens there. */
  readonly onLost: () => void
}

export type Resolve = (host: string) => Promise<readonly { readonly address: string }[]>

/** Seconds between two looks at the name. */
const resolveEvery = 60

/** Seconds that one look may take. */
const resolveWithin = 10

/** Seconds until it is tried again: the first wait, and the longest; they double. */
const firstWait = 1
const longestWait = 30

/** Seconds in which a network says that nobody listens. */
const silence = 0.2

export class Proxy {
  readonly #options: ProxyOptions
  #socket: Socket | undefined
  #address: string | undefined
  #timer: Watch | undefined
  #limit: Watch | undefined
  #isOpen = false
  #isConnected = false
  #isDown = false
  #wait = firstWait
  /** What a datagram waits for that is sent while nobody knows whether it arrives. */
  #probe: { readonly timer: Watch; readonly end: (arrived: boolean) => void } | undefined

  constructor(options: ProxyOptions) {
    this.#options = options
  }

  /** Where datagrams go now. */
  get address(): string | undefined {
    return this.#address
  }

  get isReady(): boolean {
    return this.#isConnected && this.#probe === undefined
  }

  open(): void {
    this.#isOpen = true
    this.#resolve()
  }

  async close(): Promise<void> {
    this.#isOpen = false
    this.#isDown = false
    this.#wait = firstWait
    this.#timer?.cancel()
    this.#limit?.cancel()
    await this.#hangUp()
  }

  /** To be called when it is ready. Resolves with false when it did not leave, or nobody listens there. */
  async send(datagram: Buffer): Promise<boolean> {
    const socket = this.#socket
    if (socket === undefined || !this.isReady) return false
    return await new Promise((resolve) => {
      socket.send(datagram, (error) => {
        if (error !== null) {
          if (this.#socket === socket) this.#fail(error)
          resolve(false)
        } else if (!this.#isDown) resolve(true)
        else if (this.#socket === socket) this.#listen(resolve)
        else resolve(false)
      })
    })
  }

  /** It was down, and may still be: only silence says that the datagram arrived. */
  #listen(resolve: (arrived: boolean) => void): void {
    const end = (arrived: boolean): void => {
      this.#probe?.timer.cancel()
      this.#probe = undefined
      resolve(arrived)
    }
    const timer = this.#options.clock.after(silence, () => {
      this.#isDown = false
      this.#wait = firstWait
      this.#options.onUp()
      end(true)
    })
    this.#probe = { timer, end }
  }

  /** Looks where the name leads, and goes there. */
  #resolve(): void {
    const { clock, host, resolve = allAddresses } = this.#options
    let isOver = false
    const once = (run: () => void): void => {
      if (isOver || !this.#isOpen) return
      isOver = true
      this.#limit?.cancel()
      run()
    }
    this.#limit?.cancel()
    this.#limit = clock.after(resolveWithin, () => once(() => this.#lost(`the name ${host} does not resolve within ${resolveWithin} s`)))
    resolve(host).then(
      // A LiveSocket speaks IPv4 (section 1); the other is taken where there is no such address.
      (found) => once(() => this.#found((found.find(({ address }) => !isIPv6(address)) ?? found[0])?.address)),
      (error: unknown) => once(() => this.#lost(`the name ${host} does not resolve: ${(error as Error).message}`))
    )
  }

  #found(address: string | undefined): void {
    if (address === undefined) return this.#lost(`the name ${this.#options.host} has no address`)
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(resolveEvery, () => this.#resolve())
    if (this.#socket === undefined || this.#address !== address) void this.#hangUp().then(() => this.#dial(address))
  }

  /** A name that does not resolve for once is no reason to leave an address that works. */
  #lost(reason: string): void {
    if (this.#socket === undefined) return this.#again(reason)
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(resolveEvery, () => this.#resolve())
  }

  #dial(address: string): void {
    if (!this.#isOpen || this.#socket !== undefined) return
    const { port, onReady } = this.#options
    // Connected, as only then one is told that nobody listens.
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    this.#socket = socket
    this.#address = address
    socket.on('error', (error) => {
      if (this.#socket !== socket) return
      if (this.#probe === undefined) this.#options.onLost()
      this.#fail(error)
    })
    socket.connect(port, address, (error?: Error | null) => {
      if (this.#socket !== socket) return
      if (error instanceof Error) return this.#fail(error)
      this.#isConnected = true
      onReady()
    })
  }

  #fail(error: Error): void {
    const { host, port } = this.#options
    const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
    const reason = refused ? `nobody listens on udp ${host}:${port}` : `udp ${host}:${port} cannot be reached: ${error.message}`
    void this.#hangUp()
    this.#again(reason)
  }

  #again(reason: string): void {
    const { clock, onDown } = this.#options
    this.#timer?.cancel()
    this.#timer = clock.after(this.#wait, () => this.#resolve())
    this.#wait = Math.min(this.#wait * 2, longestWait)
    if (this.#isDown) return
    this.#isDown = true
    onDown(reason)
  }

  async #hangUp(): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    this.#isConnected = false
    this.#probe?.end(false)
    if (socket === undefined) return
    await new Promise<void>((resolve) => socket.close(() => resolve()))
  }
}

async function allAddresses(host: string): Promise<readonly { readonly address: string }[]> {
  return isIP(host) === 0 ? await lookUp(host) : [{ address: host }]
}
