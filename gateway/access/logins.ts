import type { Login } from './access.js'
import { KnownPairs } from './known-pairs.js'
import { decoy, isPassword, longest } from './password.js'
import { Tries, network } from './tries.js'
import { Turnstile } from './turnstile.js'
import type { Listed, UserList } from './user-list.js'

/** Seconds after which it may go better when too many wait. */
const busyFor = 2

/** Names and passwords: found right or wrong, slowly for who guesses, and at once for who was right lately. */
export class Logins {
  readonly #users: UserList | undefined
  readonly #known: KnownPairs
  readonly #tries: Tries
  readonly #turnstile = new Turnstile()
  /** The same pair from the same address, asked again while it is computed: one try. */
  readonly #underWay = new Map<string, Promise<Login>>()

  constructor(users: UserList | undefined, monotonic: () => number) {
    this.#users = users
    this.#known = new KnownPairs(monotonic)
    this.#tries = new Tries(monotonic)
  }

  /** Never rejects. */
  async login(name: string, password: string, address: string): Promise<Login> {
    if (this.#users === undefined) return { ok: false, why: 'password' }
    await this.#users.look()
    const from = network(address)
    const mac = this.#known.mac(name, password)
    const user = this.#users.get(name)
    const wait = this.#tries.wait(address)
    if (user !== undefined && this.#known.has(name, user.serial, from, mac, wait > 0)) return welcome(name, user)
    if (wait > 0) return later(wait)
    const key = `${from}\0${mac.toString('base64')}`
    const same = this.#underWay.get(key)
    if (same !== undefined) return await same
    const login = this.#inTurn(name, password, address, mac)
    this.#underWay.set(key, login)
    try {
      return await login
    } finally {
      this.#underWay.delete(key)
    }
  }

  async #inTurn(name: string, password: string, address: string, mac: Buffer): Promise<Login> {
    const login = await this.#turnstile.pass(network(address), async () => await this.#compute(name, password, address, mac))
    return login ?? { ok: false, why: 'busy', retryAfter: busyFor }
  }

  async #compute(name: string, password: string, address: string, mac: Buffer): Promise<Login> {
    // Others of this address may have been wrong while this one waited.
    const wait = this.#tries.wait(address)
    if (wait > 0) return later(wait)
    const user = this.#users?.get(name)
    // No password is empty.
    const tried = Buffer.byteLength(password) > longest ? '' : password
    const isRight = await isPassword(tried, user?.password ?? decoy).catch(() => false)
    // He may have gone, or got another password, meanwhile.
    if (user?.password === undefined || !isRight || this.#users?.get(name) !== user) {
      this.#tries.failed(address)
      return { ok: false, why: 'password' }
    }
    this.#tries.succeeded(address)
    this.#known.add(name, user.serial, network(address), mac)
    return welcome(name, user)
  }
}

function welcome(user: string, { role, serial }: Listed): Login {
  return { ok: true, identity: { user, role, via: 'password', serial } }
}

function later(seconds: number): Login {
  return { ok: false, why: 'throttled', retryAfter: Math.max(1, Math.ceil(seconds)) }
}
