import type { Clock, Logger, Watch } from '../adapter.js'
import { mark, readUsers } from './users-file.js'
import type { Mark, User, Users } from './users-file.js'
import { formatHash } from './password.js'

/** Seconds between two looks at the file. */
const period = 2

/** A user, and which he is: another number after anything about him has changed. */
export interface Listed extends User {
  readonly serial: number
}

export interface UserListOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly path: string
  readonly isRole: (name: string) => boolean
  /** The file cannot be read (true), or can again. */
  readonly trouble: (isThere: boolean) => void
  /** Somebody came, went or changed. */
  readonly changed: () => void
}

/** The users of a file, as it is now: what `labgate users` writes is noticed within {@link period}. */
export class UserList {
  readonly #options: UserListOptions
  #users: ReadonlyMap<string, Listed> = new Map()
  #serial = 0
  #mark: Mark | undefined
  /** Why the file could not be read lately, as it was told. */
  #trouble: string | undefined
  #looking: Promise<void> | undefined
  #timer: Watch | undefined
  #isStopped = false

  constructor(options: UserListOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#users.size
  }

  get(name: string): Listed | undefined {
    return this.#users.get(name)
  }

  /** Rejects with a UsersFileError when there is no usable file. */
  async start(): Promise<void> {
    const { log, path } = this.#options
    this.#mark = await mark(path)
    this.#take(await readUsers(path))
    log.info({ file: path, users: this.size }, 'users read')
    if (this.size === 0) log.warn({ file: path }, 'there is no user yet; add one with labgate users add')
    this.#wait()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Reads the file again if it is another one. Many who ask at once share a look. Never rejects. */
  async look(): Promise<void> {
    if (this.#isStopped) return
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    await this.#looking
  }

  #wait(): void {
    if (this.#isStopped) return
    this.#timer = this.#options.clock.after(period, () => void this.look().then(() => this.#wait()))
  }

  async #look(): Promise<void> {
    const { log, path, changed, trouble } = this.#options
    const now = await mark(path)
    // A file that is gone has no mark; why it cannot be read is told once.
    if (now !== undefined && now === this.#mark) return
    try {
      const read = await readUsers(path)
      if (this.#isStopped) return
      // Of before it was read: what is written meanwhile is seen at the next look.
      this.#mark = now
      const isOther = this.#take(read)
      if (this.#trouble !== undefined || isOther) log.info({ file: path, users: this.size }, 'users read again')
      if (this.#trouble !== undefined) trouble(false)
      this.#trouble = undefined
      if (isOther) changed()
    } catch (error) {
      this.#mark = now
      const { message } = error as Error
      if (message !== this.#trouble) log.error({ file: path, reason: message }, 'the users cannot be read again: those of before stay')
      if (this.#trouble === undefined) trouble(true)
      this.#trouble = message
    }
  }

  /** Whether anything is other than before. */
  #take({ users, isOpen }: { readonly users: Users; readonly isOpen: boolean }): boolean {
    const { log, path, isRole } = this.#options
    const before = this.#users
    const now = new Map<string, Listed>()
    for (const [name, user] of users) {
      const old = before.get(name)
      now.set(name, old !== undefined && isSame(old, user) ? old : { ...user, serial: ++this.#serial })
    }
    this.#users = now
    const isOther = now.size !== before.size || [...now].some(([name, user]) => before.get(name) !== user)
    if (!isOther) return false
    const lost = [...now].filter(([, { role }]) => !isRole(role)).map(([name, { role }]) => `${name} (${role})`)
    if (lost.length > 0)
      log.warn({ file: path, users: lost.slice(0, 20) }, 'users with a role that the configuration does not know may do nothing')
    if (isOpen)
      log.warn({ file: path }, 'other users of this computer may read or change the file of users: chmod 600 keeps it to its owner')
    return true
  }
}

function isSame(one: User, other: User): boolean {
  return one.role === other.role && text(one) === text(other)
}

function text({ password }: User): string | undefined {
  return password === undefined ? undefined : formatHash(password)
}
