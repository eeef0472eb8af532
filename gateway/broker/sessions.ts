import type { Clock, Watch } from '../adapter.js'
import type { SessionRows } from './store/session-rows.js'
import type { Identity } from '../access/identity.js'
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
  bound: ((clientId: string, queued: number, bytes: number, all: number, more: number) => boolean) | undefined
  readonly owners: Pick<SessionRows, 'get' | 'has' | 'ids' | 'share' | 'size'>
  endSession(clientId: string): void
}

export interface SessionsOptions {
  readonly store: SessionStore
  readonly clock: Clock
  readonly limits: SessionLimits
  /** Of who told no name: undefined. */
  readonly isAdmin: (user: string | undefined) => boolean
  /** A message was not kept for a session that has too many already; so many in all since it went. */
  readonly dropped: (clientId: string, total: bigint) => void
  readonly expired: (clientId: string) => void
}

/** So many times `maxQueuedBytes` may wait for all sessions together: one client may leave many behind. */
const together = 8

/**
 * Of what all sessions share, this part is for admins alone. Of the rest each user may have as much as he leaves free for others: whoever comes
 * later finds a place, and nobody can take everything.
 */
const reserve = 1 / 8

/** Bytes that may wait for any session, whatever others have; or as many as make `maxQueuedBytes` for `maxSessions`. */
const little = 1024

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
    store.bound = (clientId, queued, bytes, all, more) => {
      const { maxQueued, maxQueuedBytes } = limits
      if (queued <= maxQueued && bytes <= maxQueuedBytes && this.#hasRoom(clientId, all, more)) return true
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

  /** Why somebody may not have a session by this client id: there is no room for another. He is told that the server is unavailable. */
  refusal(clientId: string, identity: Identity): (Cut & { readonly returnCode: 3 }) | undefined {
    const { store, limits } = this.#options
    if (store.owners.has(clientId) || this.#hasPlace(identity)) return undefined
    const who = store.owners.size < limits.maxSessions ? 'its user has his share of the' : 'there are already'
    const reason = `${who} ${limits.maxSessions} sessions that are kept (broker.limits.maxSessions)`
    return Object.assign(new Cut('maxSessions', reason), { returnCode: 3 as const })
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

  /** For one more message of `more` bytes, with which all take `all`. Looked at closely only when much waits. */
  #hasRoom(clientId: string, all: number, more: number): boolean {
    const { store, limits, isAdmin } = this.#options
    const most = limits.maxQueuedBytes * together
    const free = most * (1 - reserve) - all
    if (free >= all) return true
    const session = store.owners.get(clientId)
    if (session === undefined) return all <= most
    if (session.bytes + more <= Math.max(little, limits.maxQueuedBytes / limits.maxSessions)) return true
    return isAdmin(session.owner) ? all <= most : free >= store.owners.share(session.owner).bytes + more
  }

  /** For one more session; the first of a user needs no more than a place. */
  #hasPlace({ user }: Identity): boolean {
    const { store, limits, isAdmin } = this.#options
    const { size } = store.owners
    if (isAdmin(user)) return size < limits.maxSessions
    const free = limits.maxSessions - Math.floor(limits.maxSessions * reserve) - size
    const { sessions } = store.owners.share(user)
    return free > (sessions === 0 ? 0 : sessions + 1)
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
