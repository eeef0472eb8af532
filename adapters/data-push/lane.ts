import type { Clock, Watch } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'

interface Waiting {
  readonly begin: () => void
  readonly give: (error: GatewayError) => void
}

/**
 * What goes to one target, one after another: a socket of the old side has one thread, and its program may look at the last push alone
 * (section 9). So what is no command stays away for a while after one, and no command waits for it.
 */
export class Lane {
  readonly #clock: Clock
  readonly #max: number
  readonly #target: string
  readonly #rest: number
  #waiting: Waiting[] = []
  #busy = false
  /** Monotonic seconds from which no command is to be looked at any more. */
  #quietFrom = -Infinity
  /** Of what gives way and is under way. */
  #between: AbortController | undefined
  /** For what gives way and waits: true to look again, false to give up. */
  #wake: (again: boolean) => void = () => undefined

  /** `max` commands may wait; `target` as messages name it; `rest`: seconds after a command in which nothing else begins. */
  constructor(options: { clock: Clock; max: number; target: string; rest: number }) {
    this.#clock = options.clock
    this.#max = options.max
    this.#target = options.target
    this.#rest = options.rest
  }

  /** Rejects, without having begun, when too many wait, when its turn does not come within so many seconds, or when it is given up before. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal, within: number | undefined): Promise<T> {
    await this.#turn(signal, within)
    try {
      return await work()
    } finally {
      this.#quietFrom = this.#clock.monotonic() + this.#rest
      const next = this.#waiting.shift()
      if (next === undefined) {
        this.#busy = false
        this.#wake(true)
      } else next.begin()
    }
  }

  /**
   * What gives way, one at a time: it begins when commands leave room. One that comes meanwhile begins at once; then `signal` is aborted,
   * and nothing more may be sent. Resolves without having begun when the lane is cleared.
   */
  async between(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (this.#busy || this.#clock.monotonic() < this.#quietFrom) if (!(await this.#room())) return
    const controller = new AbortController()
    this.#between = controller
    try {
      await work(controller.signal)
    } finally {
      if (this.#between === controller) this.#between = undefined
    }
  }

  /** Nobody who waits will begin. */
  clear(): void {
    this.#wake(false)
    this.#between?.abort()
    for (const { give } of this.#waiting.splice(0)) give(new GatewayError('Unreachable', 'the instance was stopped; nothing was sent'))
  }

  async #turn(signal: AbortSignal, within: number | undefined): Promise<void> {
    const late = (): GatewayError => new GatewayError('Busy', `other commands for ${this.#target} were still under way; nothing was sent`)
    if (signal.aborted) throw late()
    if (!this.#busy) {
      this.#busy = true
      this.#between?.abort()
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

  /** True when it is time to look whether there is room; false to give up. */
  #room(): Promise<boolean> {
    return new Promise((resolve) => {
      const left = this.#quietFrom - this.#clock.monotonic()
      const timer = this.#busy ? undefined : this.#clock.after(left, () => resolve(true))
      this.#wake = (again) => {
        timer?.cancel()
        resolve(again)
      }
    })
  }
}
