import type { Clock, Logger } from '../adapter.js'
import { hour, kindEnd, kindKey, numberOf, partitionKey, readingsFrom, rollupKey, timeOf } from './keys.js'
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
  /** There is something to tell, or no more. */
  readonly changed: () => void
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
const room = { bytes: 25_165_824, part: 0.6, inMemory: 0.3, more: 0.1 }

/** Bytes that the files grow by for each byte that is written, at most: the journal, the row, and both once more in order. */
const growth = 2

/** Seconds between two looks at the time, and at the size. */
const every = { time: 600, size: 5 }

/** Seconds of a jump after which the clock is not believed, and for which it is not. */
const jump = { above: 60, day, believedAfter: 3600 }

/** Removals in one look. */
const rounds = 100

/** Seconds without removing anything of the last hour after which there is room enough again. */
const roomyAfter = 3600

/**
 * Removes what is older than it is to be kept, by hours and days as they are; and when there are too many bytes, first what stands more
 * than a day ahead of the clock, then the oldest readings, then, when only the last hour of these is left, the oldest of what is largest:
 * readings of the hour, or roll-ups. Before anything is written there must be {@link room} for it, so the bound holds at any rate. A clock that has jumped is believed after an hour of
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
  /** Monotonic seconds at which readings of the last hour were removed for room. */
  #cutAt = -Infinity
  /** Bytes that were written since the size was looked at, roughly. */
  #grown = 0
  #trouble: string | undefined
  bytes = 0
  /** Unix seconds: where the oldest partition begins. */
  oldest: number | undefined

  constructor(options: RetentionOptions) {
    this.#options = options
    this.#offset = options.clock.now() - options.clock.monotonic()
  }

  /** Why not even an hour of readings is kept, and what to do. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Makes room for bytes that are about to be written. Resolves with a reason when there is none for them. */
  async room(bytes: number): Promise<string | undefined> {
    const { writer, maxBytes } = this.#options
    const more = growth * bytes
    if (this.bytes + this.#grown + more > this.#above && writer.shelf !== undefined) {
      const { shelf } = writer
      while (this.#looking !== undefined) await this.#looking
      const making = this.#bySize(shelf, this.#isBelieved(), more)
      // One at a time; what fails is told to who is about to write.
      this.#looking = making.then(ended, ended).finally(() => (this.#looking = undefined))
      await making
      if (this.bytes + more > maxBytes) return `there is no room for more within ${this.#bound}: raise it, or record less (history)`
    }
    this.#grown += more
    return undefined
  }

  get #bound(): string {
    const { maxBytes, inMemory } = this.#options
    return `${Math.round(maxBytes / 104_857.6) / 10} MiB (history.${inMemory ? 'maxMemory' : 'maxBytes'})`
  }

  /** Bytes at which the oldest go. */
  get #above(): number {
    const { maxBytes, inMemory } = this.#options
    return maxBytes - (inMemory ? maxBytes * room.inMemory : Math.max(Math.min(room.bytes, maxBytes * room.part), maxBytes * room.more))
  }

  #isBelieved(): boolean {
    return this.#options.clock.monotonic() >= this.#believedFrom
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
      let last = 0
      for (const series of writer.names.all()) last = Math.max(last, series.day)
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
    return this.#isBelieved()
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

  /** `more`: bytes for which there is to be room besides. */
  async #bySize(shelf: Shelf, isBelieved: boolean, more = 0): Promise<void> {
    const { inMemory, writer, clock } = this.#options
    const size = async (): Promise<number> => {
      this.#grown = 0
      return (this.bytes = (await shelf.size()) + (inMemory ? writer.bytes : 0))
    }
    const above = this.#above - more
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
    this.#tell()
  }

  /** Says once that the bound is too small, and once that it is not any more. */
  #tell(): void {
    const { clock, log, changed } = this.#options
    const isTight = clock.monotonic() - this.#cutAt < roomyAfter
    if (isTight === (this.#trouble !== undefined)) return
    this.#trouble = isTight
      ? `readings of the last hour are removed to stay within ${this.#bound}: raise it, or record less (history)`
      : undefined
    if (this.#trouble === undefined) log.info({}, 'the history has room for the last hour again')
    else log.warn({}, `the history is too large: ${this.#trouble}`)
    changed()
  }

  /** About so many bytes of the oldest readings; if there is but one hour of them, of what is largest. False: there is nothing to remove. */
  async #removeOldest(shelf: Shelf, bytes: number): Promise<boolean> {
    const [readings] = groups as [Group]
    const there = await ends(shelf, readings)
    if (there !== undefined && there.first < there.last) {
      // The sizes are rough: not more than a quarter at once.
      let [low, high] = [there.first + 1, there.first + Math.max(Math.floor((there.last - there.first) / 4), 1)]
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        if ((await sizeOf(shelf, readings, there.first, middle)) >= bytes) high = middle
        else low = middle + 1
      }
      await this.#remove(shelf, readings, there.first, low)
      return true
    }
    let largest: Group | undefined
    let most = -1
    for (const group of groups) {
      if ((await ends(shelf, group)) === undefined) continue
      const size = await sizeOf(shelf, group, 0, Infinity)
      if (size > most) [largest, most] = [group, size]
    }
    if (largest === undefined) return false
    const { first } = (await ends(shelf, largest)) as { first: number }
    if (largest === readings) await this.#removeWithin(shelf, first)
    else await this.#remove(shelf, largest, first, first + 1)
    return true
  }

  /** There is but one hour, and too much in it: the older half of its rows goes. */
  async #removeWithin(shelf: Shelf, partition: number): Promise<void> {
    const readings = groups[0] as Group
    this.#cutAt = this.#options.clock.monotonic()
    const times: number[] = []
    const numbers = new Set<number>()
    const view = shelf.view()
    try {
      for await (const [key] of view.rows(rangeOf('r', partition, partition + 1), { isKeys: true })) {
        times.push(timeOf(key))
        numbers.add(numberOf(key, 1))
      }
    } finally {
      await view.close()
    }
    times.sort((a, b) => a - b)
    const middle = times[Math.floor(times.length / 2)] as number
    const cut = middle > (times[0] as number) ? middle : times.find((time) => time > middle)
    if (cut === undefined) {
      await this.#remove(shelf, readings, partition, partition + 1)
      return
    }
    const begin = partition * hour
    const [short] = levels
    // A row that began before the cut held readings up to the end of its slot.
    await this.#raise(shelf, ['r'], Math.ceil(cut / 1e6 / slotSpan) * slotSpan)
    await this.#raise(shelf, ['a'], cut / 1e6 - ((cut / 1e6) % short.span))
    await shelf.remove(
      [...numbers].flatMap((number) => [
        { gte: readingsFrom(partition, number), lt: readingsFrom(partition, number, cut) },
        { gte: rollupKey(short, number, begin), lt: rollupKey(short, number, cut / 1e6 - ((cut / 1e6) % short.span)) }
      ])
    )
    for (const kind of readings.kinds) await shelf.compact(rangeOf(kind, partition, partition + 1))
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

const ended = (): void => {}

function rangeOf(kind: DataKind, from: number, to: number): Range {
  return { gte: partitionKey(kind, from), lt: to === Infinity ? kindEnd(kind) : partitionKey(kind, to) }
}

async function sizeOf(shelf: Shelf, { kinds }: Group, from: number, to: number): Promise<number> {
  let size = 0
  for (const kind of kinds) size += await shelf.sizeOf(rangeOf(kind, from, to))
  return size
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
