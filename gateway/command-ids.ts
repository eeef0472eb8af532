import type { Clock, Request } from './adapter.js'
import type { Entry } from './devices.js'
import type { Pending } from './pending.js'

type Missed = Pick<Pending, 'id' | 'op' | 'client'>

/** The ids of commands that bring none, or one that would be mistaken. */
export class CommandIds {
  readonly #clock: Clock
  /** Of native devices: the last command that ended without their reply, which may still come. */
  readonly #missed = new WeakMap<Entry, Missed>()
  #counter = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  next(): string {
    this.#counter += 1
    return `${Math.floor(this.#clock.now() * 1000).toString(36)}-${this.#counter}`
  }

  /** Of what an instance asks. A late reply to one command must not be taken for that to the next. */
  of({ id }: Request, client: string, entry: Entry | undefined): string {
    if (id === undefined) return `${client}-${this.next()}`
    return entry !== undefined && this.#missed.get(entry)?.id === id ? `${id}.${this.next()}` : id
  }

  /** The command has ended without the reply of its device. */
  miss(entry: Entry, { id, op, client }: Missed): void {
    this.#missed.set(entry, { id, op, client })
  }

  missed(entry: Entry): Missed | undefined {
    return this.#missed.get(entry)
  }
}
