import type { Codename, Command, Exact, Host, Reading, Watch } from '../../gateway/adapter.js'
import { asGatewayError, GatewayError } from '../../gateway/errors.js'
import { modelOf } from './models/index.js'
import type { Model, Readings, Task } from './models/model.js'
import { createRandom, seedFor } from './random.js'
import type { Random } from './random.js'
import type { Settings } from './settings.js'

/** Seconds that a model catches up at most; a laptop that slept has not heated the furnace. */
const longestStep = 60
/** Age of a reading, in periods, above which it is old. */
const periodsUntilOld = 4

/** What is declared of an instrument's codenames. */
export function codenamesOf(settings: Settings): ReadonlyMap<string, Codename> {
  const withAge = ([codename, meta]: [string, Codename]): [string, Codename] =>
    meta.callable === undefined ? [codename, { ...meta, maxAge: periodsUntilOld * settings.period }] : [codename, meta]
  return new Map(Object.entries(modelOf(settings).codenames).map(withAge))
}

/** One model in real time: steps it, publishes what it reports, hands it the commands. */
export class Instrument {
  readonly #device: string
  readonly #period: number
  readonly #host: Host
  readonly #model: Model
  readonly #random: Random
  /** Monotonic time up to which the model has been stepped, and of the next reading. */
  #stepped = 0
  #due = 0
  #timer: Watch | undefined
  /** Aborted by stop; undefined while not started. */
  #running: AbortController | undefined
  /** Wakes the calls that wait, for a set may have ended them. */
  readonly #waiting = new Set<() => void>()
  #isRefused = false

  constructor(device: string, settings: Settings, host: Host) {
    this.#device = device
    this.#period = settings.period
    this.#host = host
    this.#model = modelOf(settings)
    this.#random = createRandom(seedFor(device, settings.seed))
  }

  /** Publishes a first reading of everything; then one each period, by absolute time. */
  async start(): Promise<void> {
    this.stop()
    this.#running = new AbortController()
    this.#due = this.#stepped = this.#host.clock.monotonic()
    this.#schedule()
    await this.#refresh()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const running = this.#running
    this.#running = undefined
    running?.abort()
  }

  /** Value of the reply: what the device reports after a set or get; what the call returns. */
  async execute({ op, codename, value }: Command, signal: AbortSignal): Promise<Exact> {
    if (this.#running === undefined) throw stopped(false)
    this.#advance()
    if (op === 'call') return this.#run(this.#model.call(codename, value), AbortSignal.any([signal, this.#running.signal]))
    if (op === 'set') this.#model.set(codename, value)
    const reported = (await this.#refresh())[codename]
    for (const wake of this.#waiting) wake()
    if (reported === undefined) throw new GatewayError('ReadOnly', `${codename} has no value to get; it can only be called`)
    return reported
  }

  async #run(task: Task, ended: AbortSignal): Promise<Exact> {
    try {
      await this.#refresh()
      while (task.outcome === undefined) {
        await this.#wait(task.remaining, ended)
        await this.#refresh()
      }
    } catch (error) {
      this.#model.cancel(task)
      throw error
    }
    if ('error' in task.outcome) throw task.outcome.error
    return task.outcome.value
  }

  #wait(seconds: number, ended: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        timer.cancel()
        this.#waiting.delete(settle)
        ended.removeEventListener('abort', settle)
        if (!ended.aborted) resolve()
        else
          reject(
            this.#running === undefined
              ? stopped(true)
              : new GatewayError('Timeout', 'broken off before it was done', { maybeExecuted: true })
          )
      }
      const timer = this.#host.clock.after(Math.max(0, seconds), settle)
      this.#waiting.add(settle)
      ended.addEventListener('abort', settle)
      if (ended.aborted) settle()
    })
  }

  #schedule(): void {
    const now = this.#host.clock.monotonic()
    // Late by more than a period: readings that nobody took are left out, the beat stays.
    this.#due += this.#period * Math.max(1, Math.ceil((now - this.#due) / this.#period))
    this.#timer = this.#host.clock.after(this.#due - now, () => {
      this.#schedule()
      this.#refresh().catch((error: unknown) => this.#host.failed(asGatewayError(error)))
    })
  }

  #advance(): Readings {
    const now = this.#host.clock.monotonic()
    const seconds = Math.min(longestStep, Math.max(0, now - this.#stepped))
    this.#stepped = now
    return this.#model.step(seconds, this.#random)
  }

  async #refresh(): Promise<Readings> {
    if (this.#running === undefined) throw stopped(true)
    const readings = this.#advance()
    const published = Object.entries(readings).map(([codename, value]) => this.#reading(codename, value))
    try {
      await this.#host.publish(...published)
      this.#isRefused = false
    } catch (error) {
      this.#host.count('dropped', published.length)
      if (!this.#isRefused)
        this.#host.log.warn({ device: this.#device, error }, 'readings refused; the instrument goes on and tries again each period')
      this.#isRefused = true
    }
    return readings
  }

  #reading(codename: string, value: Exact): Reading {
    const unit = this.#model.codenames[codename]?.unit
    return { device: this.#device, codename, value, source: 'simulated', ...(unit === undefined ? {} : { unit }) }
  }
}

function stopped(maybeExecuted: boolean): GatewayError {
  return new GatewayError('Unreachable', 'the simulator has been stopped', { maybeExecuted })
}
