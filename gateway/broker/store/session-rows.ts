import type { Journal } from './journal.js'
import { clientKey, kinds, readClientKey } from './record.js'

interface Row {
  /** The user who made it; undefined: nobody who told his name. */
  owner: string | undefined
  /** What waits for it takes so much memory, roughly. */
  bytes: number
}

/** What all sessions of a user take. */
export interface Share {
  readonly sessions: number
  readonly bytes: number
}

/** The sessions that there are, and whose they are. */
export class SessionRows {
  /** By client id. */
  readonly #rows = new Map<string, Row>()
  /** By user; none for who has no session. */
  readonly #shares = new Map<string | undefined, { sessions: number; bytes: number }>()
  readonly #journal: Journal | undefined

  constructor(journal?: Journal) {
    this.#journal = journal
  }

  get size(): number {
    return this.#rows.size
  }

  has(clientId: string): boolean {
    return this.#rows.has(clientId)
  }

  ids(): Iterable<string> {
    return this.#rows.keys()
  }

  get(clientId: string): Readonly<Row> | undefined {
    return this.#rows.get(clientId)
  }

  owner(clientId: string): string | undefined {
    return this.#rows.get(clientId)?.owner
  }

  share(user: string | undefined): Share {
    return this.#shares.get(user) ?? { sessions: 0, bytes: 0 }
  }

  /** Tells whether the session was there before. */
  open(clientId: string): boolean {
    if (this.#rows.has(clientId)) return true
    this.#put(clientId, undefined)
    return false
  }

  /** From now on it is this user's; nothing for a session that is not there. */
  own(clientId: string, user: string): void {
    if (this.#rows.has(clientId)) this.#put(clientId, user)
  }

  /** So much more waits for it. */
  grew(clientId: string, bytes: number): void {
    const row = this.#rows.get(clientId)
    if (row === undefined) return
    row.bytes += bytes
    this.#count(row.owner, 0, bytes)
  }

  end(clientId: string): void {
    const row = this.#rows.get(clientId)
    if (row === undefined) return
    this.#rows.delete(clientId)
    this.#count(row.owner, -1, -row.bytes)
    this.#journal?.del(clientKey(kinds.session, clientId))
  }

  /** At start. A row without a name is of a version before there were users, or of somebody who told none. */
  restore(key: string, value: Buffer): void {
    this.#rows.set(readClientKey(key).clientId, { owner: value.length === 0 ? undefined : value.toString(), bytes: 0 })
  }

  /** All have been restored, and what waits for them. */
  restored(waiting: (clientId: string) => number): void {
    this.#shares.clear()
    for (const [clientId, row] of this.#rows) {
      row.bytes = waiting(clientId)
      this.#count(row.owner, 1, row.bytes)
    }
  }

  *rows(): Generator<[string, Buffer]> {
    for (const [clientId, { owner }] of this.#rows) yield [clientKey(kinds.session, clientId), Buffer.from(owner ?? '')]
  }

  #put(clientId: string, owner: string | undefined): void {
    const row = this.#rows.get(clientId)
    if (row !== undefined) this.#count(row.owner, -1, -row.bytes)
    const bytes = row?.bytes ?? 0
    this.#rows.set(clientId, { owner, bytes })
    this.#count(owner, 1, bytes)
    const name = Buffer.from(owner ?? '')
    this.#journal?.put(clientKey(kinds.session, clientId), () => name, name.length)
  }

  #count(owner: string | undefined, sessions: number, bytes: number): void {
    const share = this.#shares.get(owner) ?? { sessions: 0, bytes: 0 }
    share.sessions += sessions
    share.bytes += bytes
    if (share.sessions === 0) this.#shares.delete(owner)
    else this.#shares.set(owner, share)
  }
}
