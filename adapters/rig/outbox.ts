/** Own messages that wait for their turn. */
import type { Trouble } from './trouble.js'

export interface Waiting {
  readonly bytes: Buffer
  readonly isUrgent: boolean
  readonly done: (seconds: number) => void
  readonly failed: (trouble: Trouble) => void
}

export class Outbox {
  readonly #max: number
  readonly #urgent: Waiting[] = []
  readonly #others: Waiting[] = []

  /** So many urgent ones, and so many others. */
  constructor(max: number) {
    this.#max = max
  }

  get length(): number {
    return this.#urgent.length + this.#others.length
  }

  /** False: there is no room. Urgent ones have their own, so that no crowd keeps them out. */
  add(waiting: Waiting): boolean {
    const line = this.#lineOf(waiting)
    if (line.length >= this.#max) return false
    line.push(waiting)
    return true
  }

  next(): Waiting | undefined {
    return this.#urgent.shift() ?? this.#others.shift()
  }

  /** False: it waits no more. */
  remove(waiting: Waiting): boolean {
    const line = this.#lineOf(waiting)
    const at = line.indexOf(waiting)
    if (at >= 0) line.splice(at, 1)
    return at >= 0
  }

  #lineOf({ isUrgent }: Waiting): Waiting[] {
    return isUrgent ? this.#urgent : this.#others
  }
}
