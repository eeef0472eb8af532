import type { Logger } from '../adapter.js'
import type { Entry } from './entry.js'
import type { Sent } from './flight.js'
import type { Journal } from './journal.js'

/** Messages and bytes of them that are put aside at most, for they are in memory; topics of which the bad payload is known. */
const most = { entries: 400, bytes: 4_194_304, topics: 1000 }

/** Messages that are looked through for one on another topic. */
const witnesses = 200

/** Messages at which the broker ends the connection, and those behind them on the same topic. They stay in the journal. */
export class Aside {
  readonly #journal: Journal
  readonly #log: Logger
  /** Topics of which it was told that a message is too large. */
  readonly #large = new Set<string>()
  /** Put aside by themselves: not tried before the next run. */
  readonly #bad = new Set<number>()
  /** The last text that went bad, by topic here. */
  readonly #texts = new Map<string, string>()
  #to = 0
  #witness = 0
  /** Ever put aside in this run. */
  count = 0

  constructor(journal: Journal, log: Logger) {
    this.#journal = journal
    this.#log = log
  }

  /** The broker ends the connection at this. `isWhole`: at all of its topic. */
  bad({ topic, told: { there, text }, entry }: Sent, isWhole: boolean): void {
    const what = isWhole ? 'all on this topic waits, and is tried again in a minute or later' : 'it is put aside, the rest goes on'
    this.#log.error({ topic: there }, `the broker ends the connection at a message: ${what}; see the log there`)
    this.#texts.delete(topic)
    this.#texts.set(topic, text)
    if (this.#texts.size > most.topics) this.#texts.delete(this.#texts.keys().next().value as string)
    if (entry === undefined) {
      this.count += 1
      return
    }
    this.#bad.add(entry.seq)
    this.put(entry)
  }

  /** The next in order; but where one wants a witness, as nothing else was acknowledged since, another goes first: the first of each topic in turn. */
  next(wantsWitness: (topic: string) => boolean): Entry | undefined {
    const first = this.#journal.give()
    if (first === undefined || !wantsWitness(first.topic)) return first
    const others = new Map<string, Entry>()
    for (let n = 0, entry = this.#journal.give(); entry !== undefined && n < witnesses; n += 1, entry = this.#journal.give())
      if (entry.topic !== first.topic && !others.has(entry.topic)) others.set(entry.topic, entry)
    this.#witness += 1
    return [...others.values()][this.#witness % Math.max(1, others.size)] ?? first
  }

  isBad(topic: string, text: string): boolean {
    return this.#texts.get(topic) === text
  }

  tooLarge(topic: string, bytes: number): void {
    if (this.#large.has(topic) || this.#large.size >= most.topics) return
    this.#large.add(topic)
    const next = 'a message is too large for the queue: of this topic only the last goes up, when nothing waits; see queue.maxBytes'
    this.#log.warn({ topic, bytes }, next)
  }

  put(entry: Entry): void {
    this.#journal.window.aside(entry)
    if (entry.seq > this.#to || this.#bad.has(entry.seq)) this.count += 1
    this.#to = Math.max(this.#to, entry.seq)
    let bytes = 0
    for (const { payload } of this.#journal.window.asides.values()) bytes += payload.length
    for (const [seq, oldest] of this.#journal.window.asides) {
      if (this.#journal.window.asides.size <= most.entries && bytes <= most.bytes) break
      bytes -= oldest.payload.length
      this.#bad.delete(seq)
      this.#journal.discard(oldest)
    }
  }

  /** What waits behind the bad ones of these topics is given again. */
  release(isOf: (topic: string) => boolean): void {
    this.#journal.window.release(({ seq, topic }) => !this.#bad.has(seq) && isOf(topic))
  }
}
