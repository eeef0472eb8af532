import type { Login } from './access.js'
import { KnownPairs } from './known-pairs.js'
import { decoy, isPassword, longest } from './password.js'
import { Tries, network } from './tries.js'
import { Turnstile } from './turnstile.js'
import type { Listed, UserList } from './user-list.js'
import { WrongPairs } from './wrong-pairs.js'

/** Wrong tries in a row that cost nothing: for one name from one address, and for all names from there. */
const free = { ofName: 5, ofAddress: 20 }

/** Characters of a name that could be one; all that are longer count as one. */
const longestName = 64

/** Seconds after which it may go better when too many wait. */
const busyFor = 2

/** Names and passwords: found right or wrong, slowly for who guesses, and at once for who was right lately. */
export class Logins {
  readonly #users: UserList | undefined
  readonly #known: KnownPairs
  readonly #wrong = new WrongPairs()
  /** By address and name, and by address: who guesses at one name keeps out that name, and who guesses at many keeps out his address. */
  readonly #ofName: Tries
  readonly #ofAddress: Tries
  readonly #turnstile = new Turnstile()
  /** The same pair from the same address, asked again while it is computed: one try. */
  readonly #underWay = new Map<string, Promise<Login>>()

  constructor(users: UserList | undefined, monotonic: () => number) {
    this.#users = users
    this.#known = new KnownPairs(monotonic)
    this.#ofName = new Tries(monotonic, free.ofName)
    this.#ofAddress = new Tries(monotonic, free.ofAddress)
  }

  /** Never rejects. */
  async login(name: string, password: string, address: string): Promise<Login> {
    if (this.#users === undefined) return { ok: false, why: 'password' }
    await this.#users.look()
    const from = network(address)
    const mac = this.#known.mac(name, password)
    const user = this.#users.get(name)
    const wait = this.#wait(name, from)
    if (user !== undefined && this.#known.has(name, user.serial, from, mac, wait > 0)) return welcome(name, user)
    const key = `${from}\0${mac.toString('base64')}`
    if (this.#wrong.has(key, user?.serial)) return { ok: false, why: 'password' }
    if (wait > 0) return later(wait)
    const same = this.#underWay.get(key)
    if (same !== undefined) return await same
    const login = this.#inTurn(name, password, from, mac, key)
    this.#underWay.set(key, login)
    try {
      return await login
    } finally {
      this.#underWay.delete(key)
    }
  }

  /** Seconds, 0: none. */
  #wait(name: string, from: string): number {
    return Math.max(this.#ofName.wait(keyOf(name, from)), this.#ofAddress.wait(from))
  }

  async #inTurn(name: string, password: string, from: string, mac: Buffer, key: string): Promise<Login> {
    const login = await this.#turnstile.pass(from, async () => await this.#compute(name, password, from, mac, key))
    return login ?? { ok: false, why: 'busy', retryAfter: busyFor }
  }

  async #compute(name: string, password: string, from: string, mac: Buffer, key: string): Promise<Login> {
    // Others of this address may have been wrong while this one waited.
    const wait = this.#wait(name, from)
    if (wait > 0) return later(wait)
    const user = this.#users?.get(name)
    // No password is empty.
    const tried = Buffer.byteLength(password) > longest ? '' : password
    const isRight = await isPassword(tried, user?.password ?? decoy).catch(() => false)
    // He may have gone, or got another password, meanwhile.
    if (user?.password === undefined || !isRight || this.#users?.get(name) !== user) {
      this.#ofName.failed(keyOf(name, from))
      this.#ofAddress.failed(from)
      // Who has another password since it was computed may come in with this one.
      if (!isRight) this.#wrong.add(key, user?.serial)
      return { ok: false, why: 'password' }
    }
    this.#ofName.succeeded(keyOf(name, from))
    this.#ofAddress.succeeded(from)
    this.#known.add(name, user.serial, from, mac)
    return welcome(name, user)
  }
}

function keyOf(name: string, from: string): string {
  return `${from}\0${name.length > longestName ? '' : name}`
}

function welcome(user: string, { role, serial }: Listed): Login {
  return { ok: true, identity: { user, role, via: 'password', serial } }
}

function later(seconds: number): Login {
  return { ok: false, why: 'throttled', retryAfter: Math.max(1, Math.ceil(seconds)) }
}
