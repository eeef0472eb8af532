import type { Clock, Watch } from '../adapter.js'

/** Who wants to know that what was taken in so far is on the disk, or need not be any more. */
export class Kept {
  readonly #clock: Clock
  /** Number of the last message that was taken in; and of the oldest of those that are waited for; undefined: there is none. */
  readonly #last: () => number
  readonly #oldest: () => number | undefined
  /** Asked in this turn: what they ask about may be taken in at its end only. */
  #fresh: (() => void)[] = []
  #asked: { readonly mark: number; readonly run: () => void }[] = []
  #timer: Watch | undefined

  constructor(clock: Clock, last: () => number, oldest: () => number | undefined) {
    this.#clock = clock
    this.#last = last
    this.#oldest = oldest
  }

  when(run: () => void): void {
    this.#fresh.push(run)
    this.#timer ??= this.#clock.after(0, () => {
      this.#timer = undefined
      const mark = this.#last()
      // One by one: they may be more than a call takes arguments.
      for (const each of this.#fresh) this.#asked.push({ mark, run: each })
      this.#fresh = []
      this.look()
    })
  }

  /** After each batch. */
  look(): void {
    const oldest = this.#oldest() ?? Infinity
    const count = this.#asked.findIndex(({ mark }) => mark >= oldest)
    for (const { run } of this.#asked.splice(0, count < 0 ? this.#asked.length : count)) run()
  }

  close(): void {
    this.#timer?.cancel()
  }
}
