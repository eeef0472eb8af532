import { randomBytes, scryptSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatUsers } from '../../gateway/access/users-file.js'
import type { User } from '../../gateway/access/users-file.js'

/** Cheap, as a test makes many. */
const cost = { ln: 10, r: 8, p: 1 }

/** A user of a test; the password is the name twice. */
export function userOf(name: string, role: string, password = passwordOf(name)): [string, User] {
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

  constructor(users: readonly [name: string, role: string][]) {
    this.write(users.map(([name, role]) => userOf(name, role)))
  }

  write(users: Iterable<readonly [string, User]>): void {
    writeFileSync(this.path, formatUsers(new Map(users)), { mode: 0o600 })
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
