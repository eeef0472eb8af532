import { exactEqual } from '../../adapters/common/exact-json.js'
import type { Codename, Exact, Quality } from '../adapter.js'
import type { Held } from '../latest.js'

/** What is kept of a codename: every reading, what changes, nothing, or at most one in each stretch of so many seconds. */
export type Record = NonNullable<Codename['history']>

/** Chooses readings of one codename by its {@link Record}. What becomes bad, uncertain or good again is always kept. */
export class Choice {
  #quality: Quality | undefined
  #value: Exact = null
  #unit: string | undefined
  #stretch = NaN

  /** Keeps it or not; `time` is its place in the history. Asked once for each reading. */
  keeps(record: Record, held: Held, time: number): boolean {
    if (record === 'every') return true
    if (record === 'off') return false
    const { quality, value, unit } = held
    const turned = quality !== this.#quality
    if (record === 'change') {
      if (!turned && unit === this.#unit && exactEqual(value, this.#value)) return false
      this.#value = value
      this.#unit = unit
    } else {
      const stretch = Math.floor(time / record)
      if (!turned && stretch === this.#stretch) return false
      this.#stretch = stretch
    }
    this.#quality = quality
    return true
  }

  /** The next one is kept: nobody knows what happened meanwhile. */
  forget(): void {
    this.#quality = undefined
  }
}
