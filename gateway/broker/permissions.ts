import type { AedesPublishPacket, Client } from 'aedes'
import type { Access } from '../access/access.js'
import type { Identity, Rights } from '../access/identity.js'
import { GatewayError } from '../errors.js'
import { about } from './admission.js'
import type { Guard } from './guard.js'
import type { PacketLike } from './store/packet.js'
import type { Store } from './store/store.js'
import type { Will } from './store/wills.js'

/** What the clients that were let in may do. All by topics; who has no rights noted was let in by a test. */
export class Permissions {
  readonly #access: Access
  readonly #store: Store
  /**
   * Of persistent sessions that may see only a part of what their filters match: what they may not see is not kept for them. Those of an
   * earlier run are asked about when they come back.
   */
  readonly #partial = new Map<string, Rights>()

  /** Keeps from the sessions of `store` what they may not see. */
  constructor(access: Access, store: Store) {
    this.#access = access
    this.#store = store
    const enqueue = store.outgoingEnqueueCombi.bind(store)
    const endSession = store.endSession.bind(store)
    store.outgoingEnqueueCombi = (subscriptions, packet) => {
      if (this.#partial.size === 0) return enqueue(subscriptions, packet)
      const maySee = ({ clientId }: { clientId: string }): boolean => this.#partial.get(clientId)?.mayRead(packet.topic ?? '') !== false
      return enqueue(subscriptions.filter(maySee), packet)
    }
    store.endSession = (clientId) => {
      this.#partial.delete(clientId)
      endSession(clientId)
    }
  }

  /** Why a client may not publish this; `$…` is nobody's, which the contract says better. */
  refusal(client: Client, packet: PacketLike): GatewayError | undefined {
    const { topic = '' } = packet
    const { rights, identity } = client.conn as Guard
    if (topic.startsWith('$')) return undefined
    const isWill = packet === (client as Client & { will?: unknown }).will
    const [now, who] = isWill ? this.#today(identity, rights, client.id) : [rights, identity]
    if (now === undefined || now.mayWrite(topic)) return undefined
    this.#access.refused('publish', { ...about(client.conn as Guard, client.id), topic })
    return noRight(who, topic)
  }

  /** The same, of a will of somebody who was connected when an earlier run ended: he has the rights of today, if he still has any. */
  refusalOfWill({ user, clientId, topic = '' }: Will): GatewayError | undefined {
    const identity = this.#now(user)
    if (identity === undefined) return noRight(undefined, topic)
    return topic.startsWith('$') || this.#access.rights(identity, clientId).mayWrite(topic) ? undefined : noRight(identity, topic)
  }

  rightsOfWill({ user, clientId }: Will): Rights {
    const identity = this.#now(user)
    return identity === undefined ? nothing : this.#access.rights(identity, clientId)
  }

  /** Whether a client may subscribe to a filter, or keep it when its session comes back. */
  maySubscribe(client: Client, filter: string): boolean {
    const guard = client.conn as Guard
    const { rights } = guard
    const may = rights?.maySubscribe(filter) ?? 'all'
    if (may === 'none') {
      this.#access.refused('subscribe', { ...about(guard, client.id), topic: filter })
      // An earlier connection may have been granted it.
      if (!client.clean) void this.#store.removeSubscriptions({ id: client.id }, [filter])
      return false
    }
    if (may === 'some') {
      guard.asked = rights
      if (!client.clean && rights !== undefined) this.#partial.set(client.id, rights)
    }
    return true
  }

  /** A session comes back, or a new one begins: what its filters are allowed now is found out anew. */
  came(clientId: string): void {
    this.#partial.delete(clientId)
  }

  /** Whether a message may go to a client. Who may see all that its filters match is asked about only what was kept from an earlier connection. */
  maySee(client: Client, packet: AedesPublishPacket): boolean {
    const guard = client.conn as Guard
    const rights = packet.messageId === undefined ? guard.asked : guard.rights
    if (rights === undefined || rights.mayRead(packet.topic)) return true
    if (packet.qos > 0 && !client.clean && packet.messageId === undefined) this.#store.forget(client.id, packet)
    return false
  }

  /** The same, of what waits in its session and was never sent. What it may not see leaves the session. */
  mayHave(client: Client, packet: PacketLike): boolean {
    const { rights } = client.conn as Guard
    if (rights === undefined || rights.mayRead(packet.topic ?? '')) return true
    this.#store.forget(client.id, packet)
    return false
  }

  /** Of somebody who was let in and may have gone or changed since. */
  #today(identity: Identity | undefined, rights: Rights | undefined, client: string): [Rights | undefined, Identity | undefined] {
    if (identity === undefined || this.#access.isCurrent(identity)) return [rights, identity]
    const now = this.#now(identity.user)
    return [now === undefined ? nothing : this.#access.rights(now, client), now ?? identity]
  }

  /** As what somebody would be let in now. Who told no name was let in where that is allowed. */
  #now(user: string | undefined): Identity | undefined {
    if (user !== undefined) return this.#access.named(user)
    // Asked only where it is none: a refusal is counted.
    const login = this.#access.letsAnonymousIn ? this.#access.anonymous(true) : undefined
    return login?.ok === true ? login.identity : undefined
  }
}

const nothing: Rights = { mayRead: () => false, mayWrite: () => false, maySubscribe: () => 'none' }

function noRight(identity: Identity | undefined, topic: string): GatewayError {
  const who = identity === undefined ? 'it' : `${identity.user ?? 'who does not log in'} (role ${identity.role})`
  return new GatewayError('Forbidden', `${who} has no right to publish to ${topic}`, { rule: 'rights' })
}
