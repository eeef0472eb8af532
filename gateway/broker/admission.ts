import type { AedesOptions, Client } from 'aedes'
import type { Access, Denied, Login } from '../access/access.js'
import type { Identity } from '../access/identity.js'
import type { About } from '../access/refusals.js'
import type { Entrance } from './entrance.js'
import type { Guard } from './guard.js'
import { keptOut, withoutTraces } from './read-only.js'
import type { PacketLike } from './store/packet.js'
import type { SessionRows } from './store/session-rows.js'

/** Why a CONNECT is refused. */
type Refused = Denied | 'contradiction' | 'revoked' | 'will' | 'session'

/** With which return code of CONNACK [MQTT-3.2.2.3], and in which words. Who is told 3 may try again later as he is. */
const answers: Readonly<Record<Refused, { readonly code: 2 | 3 | 4 | 5; readonly why: string }>> = {
  password: { code: 4, why: 'wrong user name or password' },
  throttled: { code: 3, why: 'too many wrong passwords from this address; it has to wait' },
  busy: { code: 3, why: 'too many logins at once' },
  certificate: { code: 5, why: 'the name in its certificate is no user' },
  anonymous: { code: 5, why: 'it does not say who it is; give the client a user name and a password, or a certificate' },
  contradiction: { code: 5, why: 'its user name is not the one of its certificate or WebSocket' },
  revoked: { code: 5, why: 'its user has gone, or changed, meanwhile' },
  will: { code: 5, why: 'it has no right to publish its will' },
  session: { code: 2, why: 'the client id is that of another, who may do more, or of another user' }
}

/** The error with which the CONNECT of somebody ends who was not let in; the log has been told. */
export class NotLetIn extends Error {
  readonly returnCode: 2 | 3 | 4 | 5

  constructor(refused: Refused) {
    super(answers[refused].why)
    this.returnCode = answers[refused].code
  }
}

/** Whom a refusal is about. */
export function about(guard: Guard, client: string): About {
  const { listener, address } = guard.entrance
  return { listener, address, user: guard.identity?.user, client }
}

/** What Aedes' types leave out: the will of a CONNECT that is being looked at. */
type Inner = Client & { readonly _will: PacketLike | null | undefined }

/** The error of a CONNECT that may come again later; who asks for it counts and tells it. */
type Unavailable = Error & { readonly returnCode: 3 }

type Found = Login | { readonly ok: false; readonly why: Refused }

export interface AdmissionOptions {
  readonly access: Access
  readonly sessions: SessionRows
  readonly connected: (clientId: string) => Client | undefined
  /** Why there is no room for another session, of somebody whose client is not clean. */
  readonly noRoom: (clientId: string, identity: Identity) => Unavailable | undefined
  /** Somebody was let in; Aedes looks at his session next. */
  readonly letIn: (clientId: string) => void
}

/**
 * Who is let in over MQTT, as whom, and with which client id. A client id, and the session kept for it, is its user's: nobody else can take
 * the connection over, or the session, but an admin. What belongs to nobody is whose who comes first.
 */
export class Admission {
  readonly #options: AdmissionOptions
  /** By client id, from the moment in which one is let in: before Aedes has it in its table, another could pass. */
  readonly #inside = new Map<string, Set<Guard>>()

  constructor(options: AdmissionOptions) {
    this.#options = options
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
      if (refused instanceof Error) return callback(refused, false)
      const { identity, certificate } = guard.entrance
      this.#options.access.refused(refused, { ...about(guard, client.id), user: name ?? identity?.user ?? certificate })
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
    for (const [client, guards] of this.#inside)
      for (const guard of guards)
        if (guard.identity !== undefined && !this.#options.access.isCurrent(guard.identity)) {
          this.#options.access.refused('revoked', about(guard, client))
          guard.destroy(new Error('its user has gone, or has another role or password'))
        }
  }

  /** Its session is there. */
  came(client: Client): void {
    const { identity } = client.conn as Guard
    if (!client.clean && identity?.user !== undefined && this.#owner(client.id) === undefined)
      this.#options.sessions.own(client.id, identity.user)
  }

  /**
   * Name and password count where there are users; else nobody could check them, and they are passed over. Where a certificate or a
   * WebSocket tells who it is, they must not say otherwise. A wrong password never makes somebody anonymous.
   */
  #identify(entrance: Entrance, name: string | undefined, password: string | undefined): Found | Promise<Found> {
    const { access } = this.#options
    const { certificate, identity, address, open } = entrance
    const known = identity ?? (certificate === undefined ? undefined : access.named(certificate))
    if (!access.hasUsers || (name === undefined && password === undefined)) {
      if (known !== undefined) return { ok: true, identity: known }
      return certificate === undefined ? access.anonymous(open) : access.certificate(certificate)
    }
    if (known?.user !== undefined && name !== known.user) return { ok: false, why: 'contradiction' }
    if (known?.user !== undefined && password === undefined) return { ok: true, identity: known }
    return access.login(name ?? '', password ?? '', address)
  }

  /** He is who he says. Lets him in, or tells why not. */
  #judge(client: Inner, guard: Guard, identity: Identity): Refused | Unavailable | undefined {
    const { access, noRoom } = this.#options
    if (!access.isCurrent(identity)) return 'revoked'
    const rights = access.rights(identity, client.id)
    const will = client._will
    if (will && !rights.mayWrite(will.topic ?? '')) return 'will'
    if (this.#isTaken(client, identity)) return 'session'
    const unavailable = client.clean ? undefined : noRoom(client.id, identity)
    if (unavailable !== undefined) return unavailable
    if (will && identity.user !== undefined) will.user = identity.user
    guard.identity = identity
    guard.rights = rights
    this.#options.letIn(client.id)
    const inside = this.#inside.get(client.id) ?? new Set()
    this.#inside.set(client.id, inside.add(guard))
    guard.once('close', () => {
      inside.delete(guard)
      if (inside.size === 0 && this.#inside.get(client.id) === inside) this.#inside.delete(client.id)
    })
    return undefined
  }

  #isTaken(client: Client, { user, role }: Identity): boolean {
    const { sessions, connected } = this.#options
    if (keptOut(client, connected(client.id), sessions.has(client.id))) return true
    if (role === 'admin') return false
    const owners = [this.#owner(client.id), ...[...(this.#inside.get(client.id) ?? [])].map(({ identity }) => identity?.user)]
    return owners.some((owner) => owner !== undefined && owner !== user)
  }

  /** Whose the session is, if he is still a user. */
  #owner(clientId: string): string | undefined {
    const owner = this.#options.sessions.owner(clientId)
    return owner === undefined || this.#options.access.named(owner) === undefined ? undefined : owner
  }
}
