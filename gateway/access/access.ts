import type { Clock, Logger } from '../adapter.js'
import type { Config } from '../../schemas/types.js'
import { everything } from './identity.js'
import type { Identity, Rights } from './identity.js'

export interface AccessOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly config: Config['access']
  /** First level or levels of the topics of the gateway. */
  readonly root: string
}

/** Why somebody was not let in; also the name of the counter. */
export type Denied = 'password' | 'throttled' | 'busy' | 'certificate' | 'anonymous'

export type Login =
  { readonly ok: true; readonly identity: Identity } | { readonly ok: false; readonly why: Denied; readonly retryAfter?: number }

/** Users, roles, and who is let in. The same for MQTT, WebSocket, REST and dashboard. */
export class Access {
  constructor(_options: AccessOptions) {}

  /** Reads the file of users; rejects when it cannot be read, and says what to do. */
  async start(): Promise<void> {
    await Promise.resolve()
  }

  stop(): void {}

  /** There are users: a login is of use. */
  get hasUsers(): boolean {
    return false
  }

  /** By name and password. `address`: whose wrong tries are counted together. Never rejects; answers within the time that a try takes. */
  async login(_name: string, _password: string, _address: string): Promise<Login> {
    return await Promise.resolve({ ok: false, why: 'password' })
  }

  /** By the common name of a certificate that was verified. */
  certificate(_commonName: string): Login {
    return { ok: false, why: 'certificate' }
  }

  /** Who does not say who he is. `open`: the listener is one where that is allowed, see Entrance. */
  anonymous(_open: boolean): Login {
    return { ok: true, identity: { user: undefined, role: 'admin', via: 'anonymous' } }
  }

  /** What an identity may do; `client`: its MQTT client id, for %c. */
  rights(_identity: Identity, _client?: string): Rights {
    return everything
  }

  /** Whether an identity that was let in is still what it was: its user has not gone, nor got another role or password. */
  isCurrent(_identity: Identity): boolean {
    return true
  }

  /** Calls `listener` after users changed. Returns what ends that. */
  onChange(_listener: () => void): () => void {
    return () => {}
  }

  /** How often somebody was refused, by reason, since start. */
  get refusals(): ReadonlyMap<string, bigint> {
    return new Map()
  }
}
