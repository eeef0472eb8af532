import { kindEnd, kindKey, nameKey, numberOf } from './keys.js'
import { Series } from './series.js'
import type { Change, View } from './shelf.js'

/** All series, and the numbers that their readings stand under. */
export class Names {
  readonly #series = new Map<string, Series>()
  readonly #day: () => number
  #next = 1

  /** `day`: days since 1970. */
  constructor(day: () => number) {
    this.#day = day
  }

  get size(): number {
    return this.#series.size
  }

  all(): IterableIterator<Series> {
    return this.#series.values()
  }

  find(device: string, codename: string): Series | undefined {
    return this.#series.get(nameOf(device, codename))
  }

  /** The series, which is new if need be. */
  get(device: string, codename: string): Series {
    const name = nameOf(device, codename)
    let series = this.#series.get(name)
    if (series === undefined) this.#series.set(name, (series = new Series(device, codename)))
    return series
  }

  numberOf(series: Series): number {
    series.number ??= this.#next++
    return series.number
  }

  /** Rows of these, as far as they are not in the store as they are; `saved` is to be called when they are written. */
  changes(some: Iterable<Series>): { readonly changes: readonly Change[]; readonly saved: () => void } {
    const today = this.#day()
    const rows: { series: Series; day: number; stale: number | undefined }[] = []
    for (const series of new Set(some)) {
      const { saved, stale } = series
      // A clock that was set back must not make the series look forgotten.
      const day = Math.max(series.day, today)
      series.day = day
      if (saved?.day !== day || saved.stale !== stale) rows.push({ series, day, stale })
    }
    return {
      changes: rows.map(({ series, day, stale }) => ({
        key: nameKey(this.numberOf(series)),
        value: Buffer.from(JSON.stringify([series.device, series.codename, day, stale ?? null]))
      })),
      saved: () => {
        for (const { series, day, stale } of rows) series.saved = { day, stale }
      }
    }
  }

  /** Reads them from the store. Tells which they are, by their numbers. */
  async load(view: View): Promise<ReadonlyMap<number, Series>> {
    const found = new Map<number, Series>()
    for await (const [key, value] of view.rows({ gte: kindKey('n'), lt: kindEnd('n') })) {
      const number = numberOf(key, 0)
      const [device, codename, day, stale] = JSON.parse(value.toString()) as [string, string, number, number | null]
      const series = this.get(device, codename)
      series.number = number
      series.saved = { day, stale: stale ?? undefined }
      series.wasThere = true
      series.day = day
      // What came before the store was open is newer.
      if (!series.isHeard && stale !== null) series.stale = stale
      found.set(number, series)
      this.#next = Math.max(this.#next, number + 1)
    }
    return found
  }

  /** The store is another one, which knows none of them. */
  reset(): void {
    for (const series of this.#series.values()) {
      series.number = undefined
      series.saved = undefined
      series.wasThere = false
    }
    this.#next = 1
  }

  /** Forgets those of which nothing is left: last written before a day, and nothing of them waits. Tells what to remove. */
  forget(before: number): Change[] {
    const changes: Change[] = []
    for (const [name, series] of this.#series) {
      if (series.day >= before || series.part !== undefined || series.number === undefined) continue
      changes.push({ key: nameKey(series.number) })
      series.number = undefined
      series.saved = undefined
      series.wasThere = false
      if (!series.isHeard) this.#series.delete(name)
    }
    return changes
  }
}

const nameOf = (device: string, codename: string): string => `${device}\0${codename}`
