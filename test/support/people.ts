import { randomBytes, scryptSync } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatUsers } from '../../gateway/access/users-file.js'
import { folder } from '../process/program.js'

/** As cheap as the file takes it. */
const cost = { ln: 10, r: 8, p: 1 }

/** A file of users, which may change while a gateway runs. */
export class People {
  readonly path = join(folder(), 'users.json')
  readonly #users = new Map<string, { readonly role: string; readonly password: string }>()

  /** Names to roles; the password of each is `secret of <name>`. */
  constructor(roles: Readonly<Record<string, string>>) {
    for (const [name, role] of Object.entries(roles)) this.#users.set(name, { role, password: passwordOf(name) })
    this.#write()
  }

  set(name: string, role: string, password = passwordOf(name)): void {
    this.#users.set(name, { role, password })
    this.#write()
  }

  remove(name: string): void {
    this.#users.delete(name)
    this.#write()
  }

  /** Lines for the configuration. */
  yaml(more = ''): string {
    return `access: { users: ${this.path}${more} }\n`
  }

  #write(): void {
    const users = [...this.#users].map(([name, { role, password }]) => {
      const salt = randomBytes(16)
      const key = scryptSync(password, salt, 32, { N: 2 ** cost.ln, r: cost.r, p: cost.p })
      return [name, { role, password: { cost, salt, key } }] as const
    })
    writeFileSync(`${this.path}.new`, formatUsers(new Map(users)), { mode: 0o600 })
    renameSync(`${this.path}.new`, this.path)
  }
}

export function passwordOf(name: string): string {
  return `secret of ${name}`
}

/** A header that says who asks. */
export function basic(name: string, password = passwordOf(name)): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}
