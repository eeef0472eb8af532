import type { Aedes, Client } from 'aedes'
import type { Clock, Watch } from '../adapter.js'
import type { SessionRows } from './store/session-rows.js'
import { Cut } from './guard.js'

export interface SessionLimits {
  /** Messages that may wait for one session, and their bytes. */
  readonly maxQueued: number
  readonly maxQueuedBytes: number
  /** Sessions that are kept beyond a connection. */
  readonly maxSessions: number
  /** Seconds that an absent session is kept. */
  readonly sessionExpiry: number
}

/** What the store knows of sessions. */
interface SessionStore {
  /** Tells for each message whether a session may keep it. */
  bound: ((clientId: string, queued: number, bytes: number, all: number) => boolean) | undefined
  readonly owners: Pick<SessionRows, 'has' | 'ids' | 'size'>
  endSession(clientId: string): void
}

export interface SessionsOptions {
  readonly store: SessionStore
  readonly clock: Clock
  readonly limits: SessionLimits
  /** A message was not kept for a session that has too many already; so many in all since it went. */
  readonly dropped: (clientId: string, total: bigint) => void
  readonly expired: (clientId: string) => void
}

/** So many times `maxQueuedBytes` may wait for all sessions together: one client may leave many behind. */
const together = 8

/** Seconds between two looks for sessions that have expired. */
const period = 10

/** Sessions whose losses are told one by one. */
const told = 100

/** Bounds what waits for clients that are not there, or acknowledge late: how much, and how long. What there is stays; what comes is dropped and counted. */
export class Sessions {
  readonly #options: SessionsOptions
  /** Monotonic seconds since when each absent session is absent. */
  readonly #absent = new Map<string, number>()
  readonly #lost = new Map<string, bigint>()
  #timer: Watch | undefined

  constructor(options: SessionsOptions) {
    const { store, limits } = options
    this.#options = options
    store.bound = (clientId, queued, bytes, all) => {
      const { maxQueued, maxQueuedBytes } = limits
      if (queued <= maxQueued && bytes <= maxQueuedBytes && all <= maxQueuedBytes * together) return true
      this.#drop(clientId)
      return false
    }
  }

  /** Sessions of an earlier run are absent from now on. */
  start(): void {
    const now = this.#options.clock.monotonic()
    for (const clientId of this.#options.store.owners.ids()) this.#absent.set(clientId, now)
    this.#look()
  }

  /** A client that wants a session where there is no room for another is told that the server is unavailable; a clean one is let in. */
  watchEntry(aedes: Aedes): void {
    const { authenticate } = aedes
    const { store, limits } = this.#options
    aedes.authenticate = (client, user, password, callback) =>
      authenticate(client, user, password, (error, isLetIn) => {
        const ids = store.owners
        // Aedes' types leave `clean` out.
        const isClean = (client as Client & { readonly clean: boolean }).clean
        if (error !== null || isLetIn !== true || isClean || ids.has(client.id) || ids.size < limits.maxSessions)
          return callback(error, isLetIn)
        const reason = `${limits.maxSessions} sessions are kept already (broker.limits.maxSessions)`
        callback(Object.assign(new Cut('maxSessions', reason), { returnCode: 3 as const }), false)
      })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  came(clientId: string): void {
    this.#absent.delete(clientId)
    this.#lost.delete(clientId)
  }

  went(clientId: string): void {
    this.#absent.set(clientId, this.#options.clock.monotonic())
  }

  /** Messages lost by client id, of sessions that have not come back yet. */
  get lost(): ReadonlyMap<string, bigint> {
    return this.#lost
  }

  #drop(clientId: string): void {
    const total = (this.#lost.get(clientId) ?? 0n) + 1n
    if (this.#lost.has(clientId) || this.#lost.size < told) this.#lost.set(clientId, total)
    this.#options.dropped(clientId, total)
  }

  #look(): void {
    const { clock, store, limits, expired } = this.#options
    const now = clock.monotonic()
    for (const [clientId, since] of this.#absent) {
      if (now - since <= limits.sessionExpiry) continue
      this.#absent.delete(clientId)
      this.#lost.delete(clientId)
      store.endSession(clientId)
      expired(clientId)
    }
    this.#timer = clock.after(period, () => this.#look())
  }
}
