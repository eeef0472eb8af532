import { randomBytes, scryptSync } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatUsers } from '../../gateway/access/users-file.js'
import type { User } from '../../gateway/access/users-file.js'
import { folder } from '../process/program.js'

/** As cheap as the file takes it: a test makes many. */
const cost = { ln: 10, r: 8, p: 1 }

/** A file of users, which may change while a gateway runs. */
export class UsersFile {
  readonly path = join(folder(), 'users.json')
  readonly #users = new Map<string, User>()

  /** Names to roles; for the passwords see {@link passwordOf}. */
  constructor(roles: Readonly<Record<string, string>>) {
    this.change({ set: Object.entries(roles) })
  }

  /** At one go. Whoever is not named stays as he is. */
  change({ set = [], remove = [] }: { set?: readonly Parameters<typeof userOf>[]; remove?: readonly string[] }): void {
    for (const user of set) this.#users.set(user[0], userOf(...user))
    for (const name of remove) this.#users.delete(name)
    writeFileSync(`${this.path}.new`, formatUsers(this.#users), { mode: 0o600 })
    renameSync(`${this.path}.new`, this.path)
  }

  /** Lines for the configuration. */
  yaml(more = ''): string {
    return `access: { users: ${this.path}${more} }\n`
  }
}

export function passwordOf(name: string): string {
  return `secret of ${name}`
}

/** How a client of mqtt.js logs in. */
export function loginOf(name: string): { username: string; password: string } {
  return { username: name, password: passwordOf(name) }
}

/** A header that says who asks. */
export function basic(name: string, password = passwordOf(name)): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

function userOf(name: string, role: string, password = passwordOf(name)): User {
  const salt = randomBytes(16)
  const key = scryptSync(password, salt, 32, { N: 2 ** cost.ln, r: cost.r, p: cost.p })
  return { role, password: { cost, salt, key } }
}
