import type { Clock, Logger } from '../adapter.js'
import type { Config } from '../../schemas/types.js'
import { namePattern } from '../topic.js'
import type { Identity, Rights } from './identity.js'
import { Logins } from './logins.js'
import { Refusals } from './refusals.js'
import type { About } from './refusals.js'
import { Roles, nobody } from './roles.js'
import { UserList } from './user-list.js'

export interface AccessOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly config: Config['access']
  /** First level or levels of the topics of the gateway. */
  readonly root: string
}

/** Why somebody was not let in; also the name of the counter. */
export type Denied = 'password' | 'throttled' | 'busy' | 'certificate' | 'anonymous'

/** What somebody who was let in may not do; also the name of the counter. */
export type Beyond =
  'publish' | 'subscribe' | 'will' | 'request' | 'session' | 'contradiction' | 'revoked' | 'host' | 'origin' | 'ended' | 'scheme'

const denied: ReadonlySet<string> = new Set<Denied>(['password', 'throttled', 'busy', 'certificate', 'anonymous'])

/** `retryAfter`: whole seconds. */
export type Login =
  { readonly ok: true; readonly identity: Identity } | { readonly ok: false; readonly why: Denied; readonly retryAfter?: number }

/** Users, roles, and who is let in. The same for MQTT, WebSocket, REST and dashboard. */
export class Access {
  readonly #roles: Roles
  readonly #refusals: Refusals
  readonly #users: UserList | undefined
  readonly #logins: Logins
  readonly #anonymous: string
  readonly #listeners = new Set<() => void>()

  /** Opens nothing. */
  constructor({ clock, log, config, root }: AccessOptions) {
    const monotonic = (): number => clock.monotonic()
    this.#roles = new Roles(config.roles, root)
    this.#refusals = new Refusals(log, monotonic)
    const { users: path } = config
    const changed = (): void => {
      for (const listener of this.#listeners)
        try {
          listener()
        } catch (error) {
          log.error({ err: error }, 'a part of the gateway failed when users changed')
        }
    }
    this.#users = path === undefined ? undefined : new UserList({ clock, log, path, isRole: (name) => this.#roles.has(name), changed })
    this.#logins = new Logins(this.#users, monotonic)
    this.#anonymous = config.anonymous ?? (path === undefined ? 'admin' : 'operator')
  }

  /** Reads the file of users; rejects when it cannot be read, and says what to do. */
  async start(): Promise<void> {
    await this.#users?.start()
  }

  stop(): void {
    this.#users?.stop()
    this.#listeners.clear()
  }

  /** There are users: a login is of use. */
  get hasUsers(): boolean {
    return this.#users !== undefined
  }

  /** Users in the file. */
  get userCount(): number {
    return this.#users?.size ?? 0
  }

  /** By name and password. `address`: whose wrong tries are counted together. Never rejects; answers within the time that a try takes. */
  async login(name: string, password: string, address: string): Promise<Login> {
    return this.#counted(await this.#logins.login(name, password, address))
  }

  /**
   * By the common name of a certificate that was verified. It is the name of a user; without a file of users whoever has a certificate of the
   * authorities that the configuration names is admin.
   */
  certificate(commonName: string): Login {
    const identity = this.named(commonName)
    return identity === undefined ? this.#counted({ ok: false, why: 'certificate' }) : { ok: true, identity }
  }

  /** What a name would be let in as now, by a certificate; undefined: it would not. */
  named(name: string): Identity | undefined {
    const user = this.#users?.get(name)
    const role = this.#users === undefined && namePattern.test(name) ? 'admin' : user?.role
    return role === undefined ? undefined : { user: name, role, via: 'certificate', serial: user?.serial }
  }

  /** Whether {@link anonymous} lets in where it is allowed at all: asked, it is no refusal. */
  get letsAnonymousIn(): boolean {
    return this.#anonymous !== nobody
  }

  /** The role that a user has now, or who tells no name; undefined: he is none any more. */
  roleOf(user: string | undefined): string | undefined {
    return user === undefined ? this.#anonymous : this.named(user)?.role
  }

  /** Who does not say who he is. `open`: the listener is one where that is allowed, see Entrance. */
  anonymous(open: boolean): Login {
    if (!open || this.#anonymous === nobody) return this.#counted({ ok: false, why: 'anonymous' })
    return { ok: true, identity: { user: undefined, role: this.#anonymous, via: 'anonymous' } }
  }

  /** What an identity may do; `client`: its MQTT client id, for %c. Asked once for a connection or request. */
  rights(identity: Identity, client?: string): Rights {
    return this.#roles.rights(identity, client)
  }

  /** Whether an identity that was let in is still what it was: its user has not gone, nor got another role or password. */
  isCurrent({ user, role, via, serial }: Identity): boolean {
    if (user === undefined) return role === this.#anonymous
    if (this.#users === undefined) return via !== 'password'
    const now = this.#users.get(user)
    return now !== undefined && now.serial === serial && now.role === role
  }

  /** Calls `listener` after users changed. Returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A refusal, for the log: one line in a while for each listener, address and reason. Those of {@link Denied} are counted already. */
  refused(why: Denied | Beyond, about: About): void {
    if (!denied.has(why)) this.#refusals.count(why)
    this.#refusals.tell(why, about)
  }

  /** How often somebody was refused, by reason, since start. */
  get refusals(): ReadonlyMap<string, bigint> {
    return this.#refusals.counts
  }

  #counted(login: Login): Login {
    if (!login.ok) this.#refusals.count(login.why)
    return login
  }
}
