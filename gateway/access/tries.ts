/** Seconds since some moment, see Clock. */
type Monotonic = () => number

/** Seconds: the longest wait, and after how long without a try all is forgotten. */
const longest = 60
const forgetAfter = 900

/** Keys that are remembered. */
const most = 4096

interface Wrong {
  count: number
  /** When it may try again. */
  until: number
  at: number
}

/**
 * Wrong tries to log in, by some key: after `free` in a row wait 1, 2, 4 … 60 s. Of more keys than can be remembered those are forgotten that
 * have been quiet for longest.
 */
export class Tries {
  readonly #monotonic: Monotonic
  readonly #free: number
  readonly #wrong = new Map<string, Wrong>()

  constructor(monotonic: Monotonic, free: number) {
    this.#monotonic = monotonic
    this.#free = free
  }

  get size(): number {
    return this.#wrong.size
  }

  /** Seconds to wait, 0: none. */
  wait(key: string): number {
    const wrong = this.#wrong.get(key)
    return wrong === undefined ? 0 : Math.max(0, wrong.until - this.#monotonic())
  }

  failed(key: string): void {
    const now = this.#monotonic()
    const before = this.#wrong.get(key)
    const count = before !== undefined && now - before.at < forgetAfter ? before.count + 1 : 1
    const wait = count < this.#free ? 0 : Math.min(longest, 2 ** (count - this.#free))
    // At the end: the first of the map is the oldest.
    this.#wrong.delete(key)
    this.#wrong.set(key, { count, until: now + wait, at: now })
    for (const [first, { at }] of this.#wrong) {
      if (this.#wrong.size <= most && now - at < forgetAfter) break
      this.#wrong.delete(first)
    }
  }

  succeeded(key: string): void {
    this.#wrong.delete(key)
  }
}

/** Whose tries are counted together: of IPv6 the first 64 bits, as one computer has all the rest. */
export function network(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!address.includes(':')) return address
  const [head = ''] = address.toLowerCase().split('%')
  const [left = '', right] = head.split('::')
  const groups = left === '' ? [] : left.split(':')
  const rest = right === undefined || right === '' ? [] : right.split(':')
  const filled =
    right === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill('0'), ...rest]
  return `${filled
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
