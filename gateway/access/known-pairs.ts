import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { typed } from './password.js'

/** Pairs of user and address that are remembered. */
const most = 1000

/** While their address has to wait: looks that come at once, and seconds until another. */
const looks = { atOnce: 5, every: 1 }

interface Known {
  readonly mac: Buffer
  readonly serial: number
  left: number
  at: number
}

/**
 * Pairs of name and password that were right lately, by the address that they came from: they are not computed again. Kept as an HMAC with a
 * key of this process, so that nothing of them is worth stealing from a memory dump without that key, nor outlives the process.
 */
export class KnownPairs {
  readonly #key = randomBytes(32)
  readonly #known = new Map<string, Known>()
  readonly #monotonic: () => number

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  get size(): number {
    return this.#known.size
  }

  /** Stands for a pair; equal for equal pairs only. */
  mac(name: string, password: string): Buffer {
    return createHmac('sha256', this.#key).update(`${name.length}:${name}`).update(typed(password)).digest()
  }

  /** `serial`: of the user, see Listed. */
  add(name: string, serial: number, address: string, mac: Buffer): void {
    const key = `${name}\0${address}`
    this.#known.delete(key)
    this.#known.set(key, { mac, serial, left: looks.atOnce, at: this.#monotonic() })
    for (const first of this.#known.keys()) {
      if (this.#known.size <= most) break
      this.#known.delete(first)
    }
  }

  /**
   * Whether this pair was right from there, for the user as he is now. `throttled`: the address has to wait; what is known still comes in,
   * but only so often may one ask: or it would be a way to try passwords without any wait.
   */
  has(name: string, serial: number, address: string, mac: Buffer, throttled: boolean): boolean {
    const key = `${name}\0${address}`
    const known = this.#known.get(key)
    if (known === undefined) return false
    if (known.serial !== serial) {
      this.#known.delete(key)
      return false
    }
    if (throttled && !this.#look(known)) return false
    if (!timingSafeEqual(known.mac, mac)) return false
    // The first of the map is the one unused for longest.
    this.#known.delete(key)
    this.#known.set(key, known)
    return true
  }

  #look(known: Known): boolean {
    const now = this.#monotonic()
    known.left = Math.min(looks.atOnce, known.left + (now - known.at) / looks.every)
    known.at = now
    if (known.left < 1) return false
    known.left -= 1
    return true
  }
}
