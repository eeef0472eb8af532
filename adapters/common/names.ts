/**
 * Look-ups of host names. The system does them in threads that the whole process shares, and two of them at a time: libuv keeps the other half
 * for files, so that the store is not held up. But where no name server answers, a look-up takes ten seconds and more, and a few computers that
 * are switched off would hold up all other names. So those that were not found the last time go one after another; the rest need not wait.
 * A name that waits already is not asked for once more, however often its callers give up and come again: what waits is bounded by the names
 * of the configuration, and each comes as often as any other. One that came back is found when the others have had their turn: up to some
 * twenty seconds for each that is gone.
 */
import { lookup } from 'node:dns'
import type { LookupAddress, LookupOptions } from 'node:dns'

export class NameTurns {
  readonly #doubtful = new Set<string>()
  /** Of the doubtful ones: over when the last that was asked for is. */
  #last: Promise<unknown> = Promise.resolve()

  /** What has not been answered, by name and `how`. */
  readonly #under = new Map<string, Promise<unknown>>()

  /** What `find` says, in turn. `how`: who asks for the same name in the same way may get the same answer. */
  async find<T>(name: string, find: () => Promise<T>, how = ''): Promise<T> {
    const key = `${name} ${how}`
    const under = this.#under.get(key)
    if (under !== undefined) return (await under) as T
    const mine = this.#begin(name, find)
    this.#under.set(key, mine)
    try {
      return await mine
    } finally {
      this.#under.delete(key)
    }
  }

  async #begin<T>(name: string, find: () => Promise<T>): Promise<T> {
    if (!this.#doubtful.has(name)) return await this.#ask(name, find)
    const mine = this.#last.then(async () => await this.#ask(name, find))
    this.#last = mine.catch(() => undefined)
    return await mine
  }

  async #ask<T>(name: string, find: () => Promise<T>): Promise<T> {
    try {
      const found = await find()
      this.#doubtful.delete(name)
      return found
    } catch (error) {
      this.#doubtful.add(name)
      throw error
    }
  }
}

/** One for the process, as the threads are. Its names are those of the configuration. */
const turns = new NameTurns()

/** All addresses, in the order of the system unless told otherwise; at least one. */
export async function lookUp(name: string, options: Pick<LookupOptions, 'family' | 'order'> = {}): Promise<readonly LookupAddress[]> {
  return await turns.find(
    name,
    async () =>
      await new Promise<readonly LookupAddress[]>((resolve, reject) =>
        lookup(name, { ...options, all: true }, (error, found) => (error === null ? resolve(found) : reject(error)))
      ),
    `${options.family ?? ''} ${options.order ?? ''}`
  )
}

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** The same as sockets want it. */
export function lookUpForSocket(name: string, options: LookupOptions, found: Found): void {
  const { family, order, all = false } = options
  lookUp(name, { ...(family === undefined ? {} : { family }), ...(order === undefined ? {} : { order }) }).then(
    (addresses) => {
      const [first] = addresses
      if (all || first === undefined) found(null, [...addresses])
      else found(null, first.address, first.family)
    },
    (error: Error) => found(error, '')
  )
}
