import { randomBytes, scryptSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatUsers } from '../../gateway/access/users-file.js'
import type { User } from '../../gateway/access/users-file.js'

/** Cheap, as a test makes many. */
const cost = { ln: 10, r: 8, p: 1 }

/** The password is the name twice. */
function userOf(name: string, role: string, password = passwordOf(name)): [string, User] {
  const salt = randomBytes(16)
  const key = scryptSync(password, salt, 32, { N: 2 ** cost.ln, r: cost.r, p: cost.p })
  return [name, { role, password: { cost, salt, key } }]
}

export function passwordOf(name: string): string {
  return `${name}-${name}`
}

/** How a client of mqtt.js logs in. */
export function loginOf(name: string): { username: string; password: string } {
  return { username: name, password: passwordOf(name) }
}

/** A file of users in a folder of its own. */
export class UsersFile {
  readonly #folder = mkdtempSync(join(tmpdir(), 'labgate-users-'))
  readonly path = join(this.#folder, 'users.json')
  readonly #users = new Map<string, User>()

  constructor(users: readonly [name: string, role: string][]) {
    this.change({ set: users })
  }

  /** Whoever is not named stays as he is. */
  change({ set = [], remove = [] }: { set?: readonly Parameters<typeof userOf>[]; remove?: readonly string[] }): void {
    for (const user of set) this.#users.set(...userOf(...user))
    for (const name of remove) this.#users.delete(name)
    writeFileSync(this.path, formatUsers(this.#users), { mode: 0o600 })
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
