import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Watch } from '../adapter.js'
import { isScarce, mostDescriptors } from '../descriptors.js'
import type { Entrance } from './entrance.js'
import { Guard } from './guard.js'
import type { GuardLimits } from './guard.js'

export interface ConnectionLimits extends GuardLimits {
  /** Connections open at once, in all and from one address. */
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  /** New connections from one address, per second on average over {@link burst}. */
  readonly maxConnectRate: number
  /** Seconds for which a message of QoS 1 or 2 may wait for its client. */
  readonly maxWait: number
}

/** Seconds over which the rate of connecting is taken: a room of computers that come back at once is welcome. */
const burst = 10

/** Seconds between two looks at those who do not read, or are not read. */
const period = 1

/** Addresses that are known at once; beyond, one that is new is turned away: whoever has so many to connect from is nobody's instrument. */
const maxAddresses = 10_000

/** Seconds that a look may be late. Beyond, the process stood still (a laptop that slept, a machine that swapped), and what clients sent meanwhile is unread. */
const late = 0.5

/** Looks in a row that may excuse everybody for being late; beyond, the process does not stand still but has too much to do, and those who do not read are part of it. */
const mostExcused = 3

/** What is known of one address: open connections, and how many new ones it still may make (a bucket that fills again). */
interface Peer {
  open: number
  tokens: number
  at: number
}

/** All connections of clients: how many, from where, and which of them do not read. Counted by sockets, not by what Aedes believes. */
export class Connections {
  readonly #clock: Clock
  readonly #limits: ConnectionLimits
  readonly #refused: (rule: 'maxConnections' | 'maxConnectRate', address: string) => void
  readonly #peers = new Map<string, Peer>()
  readonly #guards = new Set<Guard>()
  /** Descriptors beyond are for files. */
  readonly #most = mostDescriptors()
  #open = 0
  #watch: Watch | undefined
  /** Monotonic seconds of the last look. */
  #looked = 0
  /** Looks in a row that were late. */
  #excused = 0

  constructor(options: {
    clock: Clock
    limits: ConnectionLimits
    refused: (rule: 'maxConnections' | 'maxConnectRate', address: string) => void
  }) {
    this.#clock = options.clock
    this.#limits = options.limits
    this.#refused = options.refused
  }

  start(): void {
    this.#looked = this.#clock.monotonic()
    this.#look()
  }

  stop(): void {
    this.#watch?.cancel()
  }

  /** MQTT connections that began with a CONNECT and are open. */
  get clients(): number {
    let clients = 0
    for (const guard of this.#guards) if (guard.connected) clients += 1
    return clients
  }

  /** Sockets that are open, whoever is behind them. */
  get open(): number {
    return this.#open
  }

  /** A new socket, before a byte of it is read. False: it has been closed, because there are too many. */
  admit(socket: Socket): boolean {
    const address = addressOf(socket)
    const peer = this.#peer(address)
    const rule = peer === undefined ? 'maxConnectRate' : this.#rule(peer, socket)
    if (peer === undefined || rule !== undefined) {
      socket.destroy()
      this.#refused(rule ?? 'maxConnectRate', address)
      return false
    }
    peer.tokens -= 1
    peer.open += 1
    this.#open += 1
    socket.once('close', () => {
      peer.open -= 1
      this.#open -= 1
    })
    return true
  }

  guard(stream: Duplex, entrance: Entrance): Guard {
    const guard = new Guard(stream, this.#limits, entrance)
    this.#guards.add(guard)
    guard.once('close', () => this.#guards.delete(guard))
    return guard
  }

  #rule(peer: Peer, socket: Socket): 'maxConnections' | 'maxConnectRate' | undefined {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits
    if (this.#open >= maxConnections || isScarce(socket, this.#most) || peer.open >= maxConnectionsPerAddress) return 'maxConnections'
    return peer.tokens < 1 ? 'maxConnectRate' : undefined
  }

  /** Undefined: it is new, and there is no room to remember it. */
  #peer(address: string): Peer | undefined {
    const at = this.#clock.monotonic()
    const most = this.#limits.maxConnectRate * burst
    const known = this.#peers.get(address)
    if (known === undefined && this.#peers.size >= maxAddresses) return undefined
    const peer = known ?? { open: 0, tokens: most, at }
    peer.tokens = Math.min(most, peer.tokens + Math.max(0, at - peer.at) * this.#limits.maxConnectRate)
    peer.at = at
    this.#peers.set(address, peer)
    return peer
  }

  #look(): void {
    const now = this.#clock.monotonic()
    const stood = now - this.#looked - period
    this.#looked = now
    this.#excused = stood > late ? this.#excused + 1 : 0
    const stoodStill = this.#excused > 0 && this.#excused <= mostExcused
    for (const guard of this.#guards) {
      // Nobody is silent, or slow, for a time in which we did not listen.
      if (stoodStill) {
        guard.excuse(stood)
        continue
      }
      guard.lookAfter()
      const waited = guard.output.overdue(now)
      if (waited > this.#limits.maxWait) guard.slow(`it does not read: a message waits for ${Math.round(waited)} s (broker.limits.maxWait)`)
    }
    // An address that has been quiet for so long has a full bucket again.
    for (const [address, peer] of this.#peers) if (peer.open === 0 && now - peer.at > burst) this.#peers.delete(address)
    this.#watch = this.#clock.after(period, () => this.#look())
  }
}

/** IPv4 in IPv6's clothes is the same address. */
export function addressOf(socket: Socket): string {
  return socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''
}
