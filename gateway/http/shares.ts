import type { FastifyRequest } from 'fastify'
import { addressOf } from '../broker/connections.js'
import { askerOf } from './guard.js'

/** Places for answers that last, of which nobody alone may have more than half. */
export class Shares {
  readonly #most: number
  readonly #taken = new Map<string, number>()
  #all = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Takes a place; what it returns gives it back, once. Undefined: there is none, for this asker or for anybody. */
  take(asker: string): (() => void) | undefined {
    const own = this.#taken.get(asker) ?? 0
    if (this.#all >= this.#most || own >= this.#most / 2) return undefined
    this.#all += 1
    this.#taken.set(asker, own + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#all -= 1
      const left = (this.#taken.get(asker) ?? 1) - 1
      if (left > 0) this.#taken.set(asker, left)
      else this.#taken.delete(asker)
    }
  }
}

/** Whose share it is: the user's, or that of the address of who does not say who he is. */
export function sharerOf(request: FastifyRequest): string {
  const { user } = askerOf(request).identity
  return user === undefined ? `at ${addressOf(request.socket)}` : `user ${user}`
}
