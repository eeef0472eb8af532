import type { Journal } from './journal.js'
import { clientKey, kinds, readClientKey } from './record.js'

/** The sessions that there are, and whose they are. */
export class SessionRows {
  /** By client id: the user who made it; undefined: nobody who told his name. */
  readonly #owners = new Map<string, string | undefined>()
  readonly #journal: Journal | undefined

  constructor(journal?: Journal) {
    this.#journal = journal
  }

  get size(): number {
    return this.#owners.size
  }

  has(clientId: string): boolean {
    return this.#owners.has(clientId)
  }

  ids(): Iterable<string> {
    return this.#owners.keys()
  }

  owner(clientId: string): string | undefined {
    return this.#owners.get(clientId)
  }

  /** Tells whether the session was there before. */
  open(clientId: string): boolean {
    if (this.#owners.has(clientId)) return true
    this.#put(clientId, undefined)
    return false
  }

  /** From now on it is this user's; nothing for a session that is not there. */
  own(clientId: string, user: string): void {
    if (this.#owners.has(clientId)) this.#put(clientId, user)
  }

  end(clientId: string): void {
    if (this.#owners.delete(clientId)) this.#journal?.del(clientKey(kinds.session, clientId))
  }

  /** At start. A row without a name is of a version before there were users, or of somebody who told none. */
  restore(key: string, value: Buffer): void {
    this.#owners.set(readClientKey(key).clientId, value.length === 0 ? undefined : value.toString())
  }

  *rows(): Generator<[string, Buffer]> {
    for (const [clientId, owner] of this.#owners) yield [clientKey(kinds.session, clientId), Buffer.from(owner ?? '')]
  }

  #put(clientId: string, owner: string | undefined): void {
    this.#owners.set(clientId, owner)
    const bytes = Buffer.from(owner ?? '')
    this.#journal?.put(clientKey(kinds.session, clientId), () => bytes, bytes.length)
  }
}
