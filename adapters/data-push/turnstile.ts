import type { Clock, Watch } from '../../gateway/adapter.js'

/** One request on its way to an answer. */
export interface Job {
  /** Carries it out; resolves with the answer. Once `signal` is aborted its answer is not wanted, and it should begin nothing new. */
  readonly run: (signal: AbortSignal) => Promise<Buffer | undefined>
  /** The answer when time is up, whether it is being carried out or still waits. */
  readonly late: () => Buffer | undefined
  readonly answer: (reply: Buffer | undefined) => void
}

interface Waiting extends Job {
  readonly controller: AbortController
  deadline: Watch | undefined
  /** It is over: answered, told that it is late, or dropped at a stop. */
  state: 'open' | 'answered' | 'late' | 'dropped'
}

/**
 * A callback_direct socket answers strictly one request at a time, in order (section 1, vector dl-blocking). Here it also answers
 * each within its time: a late UDP answer would be read as the answer to the next question (section 10.3). One that was told so
 * still holds up the others until it has really ended, and what was not begun by its own time is not begun at all. As each has
 * the same time from its arrival on, the order holds.
 */
export class Turnstile {
  readonly #clock: Clock
  readonly #within: number
  readonly #max: number
  readonly #tooLate: () => void
  #waiting: Waiting[] = []
  #running: Waiting | undefined

  /** `within` in seconds from arrival; `max` requests may wait; `tooLate`: an answer came after its time and was dropped. */
  constructor(options: { clock: Clock; within: number; max: number; tooLate: () => void }) {
    this.#clock = options.clock
    this.#within = options.within
    this.#max = options.max
    this.#tooLate = options.tooLate
  }

  get length(): number {
    return this.#waiting.length
  }

  /** False: too many wait already. */
  push(job: Job): boolean {
    if (this.#waiting.length >= this.#max) return false
    const waiting: Waiting = { ...job, controller: new AbortController(), deadline: undefined, state: 'open' }
    waiting.deadline = this.#clock.after(this.#within, () => this.#timeUp(waiting))
    this.#waiting.push(waiting)
    this.#next()
    return true
  }

  /** Nobody is answered any more. */
  clear(): void {
    for (const job of [...this.#waiting, ...(this.#running === undefined ? [] : [this.#running])]) this.#end(job, 'dropped')
    this.#waiting = []
    this.#running = undefined
  }

  #timeUp(job: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== job)
    this.#end(job, 'late')
    job.answer(job.late())
  }

  #end(job: Waiting, state: 'answered' | 'late' | 'dropped'): void {
    job.state = state
    job.deadline?.cancel()
    if (state !== 'answered') job.controller.abort()
  }

  #next(): void {
    if (this.#running !== undefined) return
    const job = this.#waiting.shift()
    if (job === undefined) return
    this.#running = job
    job.run(job.controller.signal).then(
      (reply) => this.#done(job, reply),
      // `run` turns every failure into an answer; a fault of ours must not hold up the socket.
      () => this.#done(job, job.late())
    )
  }

  #done(job: Waiting, reply: Buffer | undefined): void {
    // After a stop another may be running.
    if (job.state === 'dropped') return
    this.#running = undefined
    if (job.state === 'late') this.#tooLate()
    else {
      this.#end(job, 'answered')
      job.answer(reply)
    }
    this.#next()
  }
}
