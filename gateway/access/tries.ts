/** Seconds since some moment, see Clock. */
type Monotonic = () => number

/** Wrong tries in a row that cost nothing. */
const free = 5

/** Seconds: the longest wait, and after how long without a try all is forgotten. */
const longest = 60
const forgetAfter = 900

/** Addresses that are remembered. */
const most = 4096

interface Wrong {
  count: number
  /** When it may try again. */
  until: number
  at: number
}

/**
 * Wrong tries to log in, by address: after five in a row wait 1, 2, 4 … 60 s. Of IPv6 the first 64 bits count, as one computer has all the
 * rest; of more addresses than can be remembered those are forgotten that have been quiet for longest.
 */
export class Tries {
  readonly #monotonic: Monotonic
  readonly #wrong = new Map<string, Wrong>()

  constructor(monotonic: Monotonic) {
    this.#monotonic = monotonic
  }

  get size(): number {
    return this.#wrong.size
  }

  /** Seconds to wait, 0: none. */
  wait(address: string): number {
    const wrong = this.#wrong.get(network(address))
    return wrong === undefined ? 0 : Math.max(0, wrong.until - this.#monotonic())
  }

  failed(address: string): void {
    const key = network(address)
    const now = this.#monotonic()
    const before = this.#wrong.get(key)
    const count = before !== undefined && now - before.at < forgetAfter ? before.count + 1 : 1
    const wait = count < free ? 0 : Math.min(longest, 2 ** (count - free))
    // At the end: the first of the map is the oldest.
    this.#wrong.delete(key)
    this.#wrong.set(key, { count, until: now + wait, at: now })
    for (const [first, { at }] of this.#wrong) {
      if (this.#wrong.size <= most && now - at < forgetAfter) break
      this.#wrong.delete(first)
    }
  }

  succeeded(address: string): void {
    this.#wrong.delete(network(address))
  }
}

/** Whose tries are counted together. */
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
