import type { Clock, Logger } from '../adapter.js'
import { hour, kindEnd, kindKey, partitionKey, readingsFrom, rollupKey } from './keys.js'
import type { DataKind } from './keys.js'
import { levels } from './rollup.js'
import { slotSpan } from './row.js'
import type { Range, Shelf } from './shelf.js'
import type { Writer } from './writer.js'

export interface RetentionOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly writer: Writer
  /** Seconds for readings and roll-ups of 10 s, and for longer ones. */
  readonly keep: number
  readonly keepRollups: number
  readonly maxBytes: number
  /** The store is in memory, as is what waits. */
  readonly inMemory: boolean
}

const day = 86_400

/** Kinds that go together, and seconds of their partitions: readings first. */
const groups: readonly { readonly kinds: readonly DataKind[]; readonly span: number }[] = [
  { kinds: ['r', 'a'], span: hour },
  { kinds: ['b'], span: levels[1].partition },
  { kinds: ['c'], span: levels[2].partition }
]

type Group = (typeof groups)[number]

/**
 * Bytes below the bound at which the oldest go: LevelDB writes files anew before it removes the old ones, some megabytes at a time whatever
 * there is (seen: twice 12 MB). Of a small bound they have their part. Then a tenth more goes.
 */
const room = { bytes: 25_165_824, part: 0.6, inMemory: 0.2, more: 0.1 }

/** Seconds between two looks at the time, and at the size. */
const every = { time: 600, size: 5 }

/** Seconds of a jump after which the clock is not believed, and for which it is not. */
const jump = { above: 60, day, believedAfter: 3600 }

/** Seconds that are left of an hour in any case. */
const least = 10

/** Removals in one look. */
const rounds = 50

/**
 * Removes what is older than it is to be kept, by hours and days as they are; and when there are too many bytes, first what stands more
 * than a day ahead of the clock, then the oldest readings, then the oldest roll-ups. A clock that has jumped is believed after an hour of
 * going on as clocks do: until then nothing is removed for its age, and nothing for being ahead.
 */
export class Retention {
  readonly #options: RetentionOptions
  /** Wall clock less monotonic time. */
  #offset: number
  /** Monotonic seconds. */
  #believedFrom = 0
  #isSure = false
  #nextByTime = 0
  #nextBySize = 0
  #looking: Promise<void> | undefined
  /** Unix seconds, where the readings of an hour begin that was too large as a whole. */
  #cut = 0
  bytes = 0
  /** Unix seconds: where the oldest partition begins. */
  oldest: number | undefined

  constructor(options: RetentionOptions) {
    this.#options = options
    this.#offset = options.clock.now() - options.clock.monotonic()
  }

  /** Called often; does something now and then. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        // The store is closed, or broken: whoever writes to it will tell.
        this.#options.log.debug({ err: error }, 'the history could not be cleared up')
      })
      .finally(() => {
        this.#looking = undefined
      })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { clock, writer } = this.#options
    const shelf = writer.shelf
    const isBelieved = this.#believes()
    if (shelf === undefined) return
    const now = clock.monotonic()
    if (isBelieved && now >= this.#nextByTime) {
      this.#nextByTime = now + every.time
      await this.#byTime(shelf)
    }
    if (now >= this.#nextBySize) {
      this.#nextBySize = now + every.size
      await this.#bySize(shelf, isBelieved)
    }
  }

  #believes(): boolean {
    const { clock, writer, log } = this.#options
    const offset = clock.now() - clock.monotonic()
    if (!this.#isSure && writer.shelf !== undefined) {
      this.#isSure = true
      // When it was last written; it may have been off for long, or the clock has been set wrong meanwhile.
      const last = Math.max(...[...writer.names.all()].map((series) => series.day))
      const today = clock.now() / day
      if (last > 0 && (today - last > 2 || today < last)) this.#believedFrom = clock.monotonic() + jump.believedAfter
    }
    if (Math.abs(offset - this.#offset) > jump.above) {
      log.warn(
        { seconds: Math.round(offset - this.#offset) },
        'the clock has jumped: for an hour nothing of the history is removed for its age'
      )
      this.#believedFrom = clock.monotonic() + jump.believedAfter
    }
    this.#offset = offset
    return clock.monotonic() >= this.#believedFrom
  }

  async #byTime(shelf: Shelf): Promise<void> {
    const { clock, keep, keepRollups, writer } = this.#options
    const now = clock.now()
    for (const [group, seconds] of [
      [groups[0] as Group, keep],
      // They tell where there are readings.
      [groups[1] as Group, Math.max(keep, keepRollups)],
      [groups[2] as Group, Math.max(keep, keepRollups)]
    ] as const) {
      const before = Math.floor((now - seconds) / group.span)
      if (before > 0) await this.#remove(shelf, group, 0, before)
    }
    const long = groups[2] as Group
    const there = await ends(shelf, long)
    if (there !== undefined) {
      const changes = writer.names.forget((there.first * long.span) / day)
      if (changes.length > 0) await shelf.write(changes)
    }
  }

  async #bySize(shelf: Shelf, isBelieved: boolean): Promise<void> {
    const { maxBytes, inMemory, writer, clock } = this.#options
    const size = async (): Promise<number> => (this.bytes = (await shelf.size()) + (inMemory ? writer.bytes : 0))
    const above =
      maxBytes - (inMemory ? maxBytes * room.inMemory : Math.max(Math.min(room.bytes, maxBytes * room.part), maxBytes * room.more))
    const to = above * (1 - room.more)
    let bytes = await size()
    if (bytes > above) {
      // The journal is written and removed all the time.
      await shelf.compact({ gte: kindKey('j'), lt: kindEnd('j') })
      if (isBelieved)
        for (const group of groups) await this.#remove(shelf, group, Math.floor((clock.now() + day) / group.span) + 1, Infinity)
      for (let round = 0; round < rounds && (bytes = await size()) > to; round++) if (!(await this.#removeOldest(shelf, bytes - to))) break
    }
    const there = await ends(shelf, groups[0] as Group)
    this.oldest = there === undefined ? undefined : there.first * hour
  }

  /** About so many bytes, but not the last partition while there are others. False: there is nothing to remove. */
  async #removeOldest(shelf: Shelf, bytes: number): Promise<boolean> {
    for (const group of groups) {
      const there = await ends(shelf, group)
      if (there === undefined) continue
      if (there.first === there.last) {
        if (group === groups[0] && (await this.#removeWithin(shelf, there.first))) return true
        continue
      }
      // The sizes are rough: not more than a quarter at once.
      let [low, high] = [there.first + 1, there.first + Math.max(Math.floor((there.last - there.first) / 4), 1)]
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        let size = 0
        for (const kind of group.kinds) size += await shelf.sizeOf(rangeOf(kind, there.first, middle))
        if (size >= bytes) high = middle
        else low = middle + 1
      }
      await this.#remove(shelf, group, there.first, low)
      return true
    }
    return false
  }

  /** There is but one hour, and too much in it: the older half goes, down to the last seconds. False: it did already. */
  async #removeWithin(shelf: Shelf, partition: number): Promise<boolean> {
    const { clock, writer } = this.#options
    const begin = partition * hour
    const from = Math.max(begin, this.#cut)
    const to = Math.min(Math.max(clock.now(), begin), begin + hour)
    const cut = from + Math.floor((to - from) / 2 / least) * least
    if (cut === from) return false
    this.#cut = cut
    const [short] = levels
    const ranges = [...writer.names.all()].flatMap(({ number }) =>
      number === undefined
        ? []
        : [
            { gte: readingsFrom(partition, number), lt: readingsFrom(partition, number, cut * 1e6) },
            { gte: rollupKey(short, number, begin), lt: rollupKey(short, number, cut - (cut % short.span)) }
          ]
    )
    // A row that began before the cut held readings up to the end of its slot.
    await this.#raise(shelf, ['r'], Math.ceil(cut / slotSpan) * slotSpan)
    await this.#raise(shelf, ['a'], cut - (cut % short.span))
    await shelf.remove(ranges)
    for (const kind of (groups[0] as Group).kinds) await shelf.compact(rangeOf(kind, partition, partition + 1))
    return true
  }

  /** Says so before they are removed: after a crash in between nobody takes what is left for all. */
  async #raise(shelf: Shelf, kinds: readonly DataKind[], time: number): Promise<void> {
    const change = this.#options.writer.removed.raise(kinds, time)
    if (change !== undefined) await shelf.write([change])
  }

  /** Partitions from one to before another. */
  async #remove(shelf: Shelf, group: Group, from: number, to: number): Promise<void> {
    for (const kind of group.kinds) {
      const range = rangeOf(kind, from, to)
      if (await isEmpty(shelf, range)) continue
      // What is ahead of the clock goes first, and tells nothing of what is before it.
      if (to !== Infinity) await this.#raise(shelf, group.kinds, to * group.span)
      await shelf.remove([range])
      await shelf.compact(range)
      this.#options.log.debug({ kind, from: from * group.span, to: to * group.span }, 'a part of the history was removed')
    }
  }
}

function rangeOf(kind: DataKind, from: number, to: number): Range {
  return { gte: partitionKey(kind, from), lt: to === Infinity ? kindEnd(kind) : partitionKey(kind, to) }
}

async function isEmpty(shelf: Shelf, range: Range): Promise<boolean> {
  const view = shelf.view()
  try {
    for await (const row of view.rows(range, { limit: 1 })) return row === undefined
    return true
  } finally {
    await view.close()
  }
}

/** First and last partition of a group. */
async function ends(shelf: Shelf, { kinds }: Group): Promise<{ first: number; last: number } | undefined> {
  const view = shelf.view()
  try {
    let [first, last] = [Infinity, -Infinity]
    for (const kind of kinds)
      for (const reverse of [false, true])
        for await (const [key] of view.rows({ gte: kindKey(kind), lt: kindEnd(kind) }, { limit: 1, reverse })) {
          const partition = key.readUInt32BE(1)
          first = Math.min(first, partition)
          last = Math.max(last, partition)
        }
    return first <= last ? { first, last } : undefined
  } finally {
    await view.close()
  }
}
