/** Messages of one controller that were answered, or got a report, of late: the network may bring a copy of one. */
import type { Clock } from '../../gateway/adapter.js'
import type { AnsweredEvent } from './server-policies.js'

/** A message, and what it got. */
export interface Got {
  readonly key: string
  readonly event: AnsweredEvent
  /** Its place among all messages of all controllers. */
  readonly number: number
  readonly answer: Buffer
  readonly isFailed: boolean
}

/** What a copy is: of something that is still as it was; of a start that has ended since. */
export interface Copied {
  readonly got: Got
  readonly isOver: boolean
}

/** Seconds after its answer in which a copy may come. What begins an experiment is not begun by one that overtook nothing, but was overtaken. */
const within = { begins: 2, else: 0.25 }

/** Starts that are remembered. */
const remembered = 8

const begins: ReadonlySet<AnsweredEvent> = new Set(['EXPINIT', 'EXPSTART'])
const ends: ReadonlySet<AnsweredEvent> = new Set(['EXPEND', 'EXPINTERRUPT'])

export class Handled {
  readonly #clock: Clock
  readonly #begun = new Map<string, { readonly got: Got; readonly until: number }>()
  #last: { readonly got: Got; readonly until: number } | undefined
  /** Of the last end of this controller that it knows of. */
  #ended = -1

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(got: Got): void {
    const { key, event } = got
    const now = this.#clock.monotonic()
    if (ends.has(event)) this.#ended = Math.max(this.#ended, got.number)
    this.#last = { got, until: now + within.else }
    if (!begins.has(event)) return
    this.#begun.delete(key)
    this.#begun.set(key, { got, until: now + within.begins })
    const [oldest] = this.#begun.keys()
    if (this.#begun.size > remembered && oldest !== undefined) this.#begun.delete(oldest)
  }

  /**
   * Of what was handled already this is a copy, if it is one. `accepted`: the number of the last message of any controller; `ended`: of the
   * last end. A stop is one only when nothing else was said since and it did not fail: in doubt it is carried out once more.
   */
  copied(key: string, accepted: number, ended: number): Copied | undefined {
    const now = this.#clock.monotonic()
    const begun = this.#begun.get(key)
    if (begun !== undefined && now < begun.until) {
      const { got } = begun
      // Whoever has heard that its experiment is over begins the next one, perhaps in the same words.
      if (got.number < this.#ended) return undefined
      return { got, isOver: got.number < ended }
    }
    const last = this.#last
    if (last === undefined || last.got.key !== key || now >= last.until) return undefined
    const { got } = last
    if (got.event === 'EXPSTATUS' || got.event === 'EXPINFO') return undefined
    if (ends.has(got.event) && (got.isFailed || got.number !== accepted)) return undefined
    return { got, isOver: false }
  }
}
