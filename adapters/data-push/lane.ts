import type { Clock, Watch } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'

interface Waiting {
  readonly begin: () => void
  readonly give: (error: GatewayError) => void
}

/** What goes to one target, one after another: a socket of the old side has one thread, and its program may look at the last push alone. */
export class Lane {
  readonly #clock: Clock
  readonly #max: number
  readonly #target: string
  #waiting: Waiting[] = []
  #busy = false

  /** `max` may wait; `target` as messages name it. */
  constructor(options: { clock: Clock; max: number; target: string }) {
    this.#clock = options.clock
    this.#max = options.max
    this.#target = options.target
  }

  /** Rejects, without having begun, when too many wait, when its turn does not come within so many seconds, or when it is given up before. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal, within: number | undefined): Promise<T> {
    await this.#turn(signal, within)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#busy = false
      else next.begin()
    }
  }

  /** Nobody who waits will begin. */
  clear(): void {
    for (const { give } of this.#waiting.splice(0)) give(new GatewayError('Unreachable', 'the instance was stopped; nothing was sent'))
  }

  async #turn(signal: AbortSignal, within: number | undefined): Promise<void> {
    const late = (): GatewayError => new GatewayError('Busy', `other commands for ${this.#target} were still under way; nothing was sent`)
    if (signal.aborted) throw late()
    if (!this.#busy) {
      this.#busy = true
      return
    }
    if (this.#waiting.length >= this.#max)
      throw new GatewayError('RateLimited', `${this.#max} commands wait for ${this.#target} already; nothing was sent`)
    await new Promise<void>((resolve, reject) => {
      let timer: Watch | undefined
      const settle = (run: () => void): void => {
        timer?.cancel()
        signal.removeEventListener('abort', aborted)
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        run()
      }
      const waiting: Waiting = { begin: () => settle(resolve), give: (error) => settle(() => reject(error)) }
      const aborted = (): void => waiting.give(late())
      signal.addEventListener('abort', aborted, { once: true })
      if (within !== undefined) timer = this.#clock.after(within, aborted)
      this.#waiting.push(waiting)
    })
  }
}
