import type { Journal } from './journal.js'
import { kinds } from './record.js'

/** What the gateway keeps of its own, by name. Each of its makers bounds how many: see SECURITY.md. */
export class Notes {
  readonly #journal: Journal | undefined
  readonly #contents = new Map<string, Buffer>()

  constructor(journal?: Journal) {
    this.#journal = journal
  }

  /** Undefined: no more. */
  put(name: string, content: Buffer | undefined): void {
    if (content === undefined) {
      if (this.#contents.delete(name)) this.#journal?.del(kinds.command + name)
    } else {
      this.#contents.set(name, content)
      this.#journal?.put(kinds.command + name, () => content, content.length)
    }
  }

  all(): ReadonlyMap<string, Buffer> {
    return this.#contents
  }

  /** At start. */
  restore(key: string, value: Buffer): void {
    this.#contents.set(key.slice(1), value)
  }

  *rows(): Generator<[string, Buffer]> {
    for (const [name, content] of this.#contents) yield [kinds.command + name, content]
  }
}
