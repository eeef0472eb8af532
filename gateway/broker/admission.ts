import type { AedesOptions, Client } from 'aedes'
import type { Access, Denied, Login } from '../access/access.js'
import type { Identity } from '../access/identity.js'
import type { Logger } from '../adapter.js'
import type { Throttle } from '../log.js'
import type { Entrance } from './entrance.js'
import type { Guard } from './guard.js'
import { keptOut, withoutTraces } from './read-only.js'
import type { PacketLike } from './store/packet.js'
import type { SessionRows } from './store/session-rows.js'

/** Why a CONNECT was refused. What Access denies it counts itself. */
export type Refused = Denied | 'contradiction' | 'gone' | 'will' | 'owner' | 'readOnly'

/** With which return code of CONNACK [MQTT-3.2.2.3], and in which words. Who is told 3 may try again later as he is. */
const answers: Readonly<Record<Refused, { readonly code: 2 | 3 | 4 | 5; readonly why: string }>> = {
  password: { code: 4, why: 'wrong user name or password' },
  throttled: { code: 3, why: 'too many wrong passwords from this address; it has to wait' },
  busy: { code: 3, why: 'too many logins at once' },
  certificate: { code: 5, why: 'the name in its certificate is no user' },
  anonymous: { code: 5, why: 'it does not say who it is; give the client a user name and a password, or a certificate' },
  contradiction: { code: 5, why: 'its user name is not the one of its certificate or WebSocket' },
  gone: { code: 5, why: 'its user has gone, or changed, meanwhile' },
  will: { code: 5, why: 'it has no right to publish its will' },
  owner: { code: 2, why: 'the client id is that of another user' },
  readOnly: { code: 2, why: 'the client id is that of another, who may do more' }
}

/** The error with which the CONNECT of somebody ends who was not let in; the log has been told. */
export class NotLetIn extends Error {
  readonly returnCode: 2 | 3 | 4 | 5

  constructor(refused: Refused) {
    super(answers[refused].why)
    this.returnCode = answers[refused].code
  }
}

/** What Aedes' types leave out: the will of a CONNECT that is being looked at. */
type Inner = Client & { readonly _will: PacketLike | null | undefined }

type Found = Login | { readonly ok: false; readonly why: Refused }

const accessCounts: ReadonlySet<string> = new Set<Denied>(['password', 'throttled', 'busy', 'certificate', 'anonymous'])

/** Characters of a name in the log. */
const shown = 100

export interface AdmissionOptions {
  readonly access: Access
  readonly log: Logger
  readonly throttle: Throttle
  readonly sessions: SessionRows
  readonly connected: (clientId: string) => Client | undefined
}

/**
 * Who is let in over MQTT, as whom, and with which client id. A client id, and the session kept for it, is its user's: nobody else can take
 * the connection over, or the session, but an admin. What belongs to nobody is whose who comes first.
 */
export class Admission {
  readonly #options: AdmissionOptions
  /** By client id, from the moment in which one is let in: before Aedes has it in its table, another could pass. */
  readonly #inside = new Map<string, Set<Guard>>()
  readonly #counts = new Map<string, bigint>()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** How often somebody was refused here, by reason, since start; beside those of Access. */
  get counts(): ReadonlyMap<string, bigint> {
    return this.#counts
  }

  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0n) + 1n)
  }

  readonly preConnect: NonNullable<AedesOptions['preConnect']> = (client, packet, callback) => {
    withoutTraces(client, packet)
    callback(null, true)
  }

  readonly authenticate: NonNullable<AedesOptions['authenticate']> = (client, name, password, callback) => {
    const guard = client.conn as Guard
    const decide = (login: Found): void => {
      const refused = login.ok ? this.#judge(client as Inner, guard, login.identity) : login.why
      if (refused === undefined) return callback(null, true)
      this.#tell(refused, client.id, guard.entrance, name)
      callback(new NotLetIn(refused), false)
    }
    const found = this.#identify(guard.entrance, name ?? undefined, password?.toString())
    if (!(found instanceof Promise)) return decide(found)
    void found.then((login) => {
      if (!client.closed && !guard.destroyed) decide(login)
    })
  }

  /** Cuts whoever is not any more what he was let in as. */
  review(): void {
    for (const guards of this.#inside.values())
      for (const guard of guards)
        if (guard.identity !== undefined && !this.#options.access.isCurrent(guard.identity)) {
          this.count('revoked')
          guard.destroy(new Error('its user has gone, or has another role or password'))
        }
  }

  /** Its session is there. */
  came(client: Client): void {
    const { sessions } = this.#options
    const { identity } = client.conn as Guard
    if (!client.clean && identity?.user !== undefined && sessions.owner(client.id) === undefined) sessions.own(client.id, identity.user)
  }

  /**
   * Name and password count where there are users; else nobody could check them, and they are passed over. Where a certificate or a
   * WebSocket tells who it is, they must not say otherwise. A wrong password never makes somebody anonymous.
   */
  #identify(entrance: Entrance, name: string | undefined, password: string | undefined): Found | Promise<Found> {
    const { access } = this.#options
    const { certificate, identity, address, open } = entrance
    const known: Login | undefined =
      identity !== undefined ? { ok: true, identity } : certificate !== undefined ? access.certificate(certificate) : undefined
    if (!access.hasUsers || (name === undefined && password === undefined)) return known ?? access.anonymous(open)
    const user = known?.ok === true ? known.identity.user : undefined
    if (user !== undefined && name !== user) return { ok: false, why: 'contradiction' }
    if (user !== undefined && known !== undefined && password === undefined) return known
    return access.login(name ?? '', password ?? '', address)
  }

  /** He is who he says. Lets him in, or tells why not. */
  #judge(client: Inner, guard: Guard, identity: Identity): Refused | undefined {
    const { access } = this.#options
    if (!access.isCurrent(identity)) return 'gone'
    const rights = access.rights(identity, client.id)
    const will = client._will
    if (will && !rights.mayWrite(will.topic ?? '')) return 'will'
    const refused = this.#isTaken(client, identity)
    if (refused !== undefined) return refused
    if (will && identity.user !== undefined) will.user = identity.user
    guard.identity = identity
    guard.rights = rights
    const inside = this.#inside.get(client.id) ?? new Set()
    this.#inside.set(client.id, inside.add(guard))
    guard.once('close', () => {
      inside.delete(guard)
      if (inside.size === 0 && this.#inside.get(client.id) === inside) this.#inside.delete(client.id)
    })
    return undefined
  }

  #isTaken(client: Client, { user, role }: Identity): 'readOnly' | 'owner' | undefined {
    const { sessions, connected } = this.#options
    if (keptOut(client, connected(client.id), sessions.has(client.id))) return 'readOnly'
    if (role === 'admin') return undefined
    const owners = [sessions.owner(client.id), ...[...(this.#inside.get(client.id) ?? [])].map(({ identity }) => identity?.user)]
    return owners.some((owner) => owner !== undefined && owner !== user) ? 'owner' : undefined
  }

  #tell(refused: Refused, client: string, { listener, address }: Entrance, user: string | null | undefined): void {
    if (!accessCounts.has(refused)) this.count(refused)
    const held = this.#options.throttle.pass(`${address} not let in ${refused}`)
    if (held === undefined) return
    const more = { ...(user ? { user: user.slice(0, shown) } : {}), ...(held > 0 ? { alike: held } : {}) }
    this.#options.log.warn(
      { listener, address, client: client.slice(0, shown), ...more, reason: answers[refused].why },
      'an MQTT client was not let in'
    )
  }
}
