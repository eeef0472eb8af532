import { createHash, randomBytes } from 'node:crypto'
import type { Identity } from '../access/identity.js'
import type { Clock, Watch } from '../adapter.js'

/** Logins that are kept, and of these of one user; of more the one that was not used for longest ends. */
const maxSessions = 1000
const maxOfUser = 100

/** Seconds between two looks for those whose time is over. */
const period = 5

/** A login that goes on. */
export interface Session {
  readonly identity: Identity
  /** Monotonic seconds. */
  readonly until: number
  over: boolean
}

export interface SessionsOptions {
  readonly clock: Clock
  /** Seconds that a login lasts. */
  readonly time: number
  /** Its user has not gone, nor got another role or password. */
  readonly isCurrent: (identity: Identity) => boolean
  /** A session has ended, for whatever reason. */
  readonly ended: (session: Session) => void
}

/** Logins by the secret that a cookie holds. In memory only: a restart ends them all. */
export class Sessions {
  readonly #options: SessionsOptions
  /** By the hash of the secret, so that no comparison takes longer the more of it is right; the last used last. */
  readonly #sessions = new Map<string, Session>()
  #sweep: Watch | undefined

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#sessions.size
  }

  /** The secret of a new session: 256 bits. */
  open(identity: Identity): string {
    const { clock, time } = this.#options
    const own = [...this.#sessions].filter(([, session]) => session.identity.user === identity.user)
    const [oldest] = own.length >= maxOfUser ? own : this.#sessions.size >= maxSessions ? this.#sessions : []
    if (oldest !== undefined) this.#end(oldest[0])
    const secret = randomBytes(32).toString('base64url')
    this.#sessions.set(keyOf(secret), { identity, until: clock.monotonic() + time, over: false })
    this.#sweep ??= clock.after(period, () => this.#look())
    return secret
  }

  /** Undefined: there is none of this secret, or it has ended. */
  find(secret: string): Session | undefined {
    const key = keyOf(secret)
    const session = this.#sessions.get(key)
    if (session === undefined) return undefined
    if (!this.#isOn(session)) {
      this.#end(key)
      return undefined
    }
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    return session
  }

  close(secret: string): void {
    this.#end(keyOf(secret))
  }

  /** Ends those whose time is over, and those of users who have gone or have changed. */
  sweep(): void {
    for (const [key, session] of this.#sessions) if (!this.#isOn(session)) this.#end(key)
  }

  stop(): void {
    this.#sweep?.cancel()
    for (const key of [...this.#sessions.keys()]) this.#end(key)
  }

  #isOn({ until, identity }: Session): boolean {
    return this.#options.clock.monotonic() < until && this.#options.isCurrent(identity)
  }

  #end(key: string): void {
    const session = this.#sessions.get(key)
    if (session === undefined) return
    this.#sessions.delete(key)
    session.over = true
    this.#options.ended(session)
  }

  #look(): void {
    this.sweep()
    this.#sweep = this.#sessions.size === 0 ? undefined : this.#options.clock.after(period, () => this.#look())
  }
}

function keyOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64')
}
