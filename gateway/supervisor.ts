import type { Adapter, Clock, Command, Exact, Logger, Watch } from './adapter.js'
import { GatewayError, asGatewayError } from './errors.js'
import type { State } from './states.js'

/** Waits between attempts, in seconds: the first, how they grow, the longest, and how far chance may move them. */
export interface Schedule {
  readonly first: number
  readonly factor: number
  readonly longest: number
  /** 0.2: from 80 % to 120 %, so that many instances do not knock at one moment. */
  readonly jitter: number
}

export const retrySchedule: Schedule = { first: 1, factor: 2, longest: 60, jitter: 0.2 }

/** Seconds to wait before attempt `n`, counted from 1. `random` is between 0 and 1. */
export function wait({ first, factor, longest, jitter }: Schedule, n: number, random: number): number {
  const bare = Math.min(first * factor ** (n - 1), longest)
  return bare * (1 + jitter * (2 * random - 1))
}

/** Seconds that `start` and `stop` of an adapter may take; for a stop it may say another time. */
const startWithin = 30
const usualStop = 2

/** Seconds after which a running instance is taken for healthy, and the next failure waits the first wait again. */
const settledAfter = 60

export interface SupervisorOptions {
  readonly id: string
  readonly adapter: Adapter
  readonly clock: Clock
  readonly log: Logger
  readonly schedule?: Schedule
  readonly random?: () => number
  /** With `device`: of that one alone. */
  readonly state: (state: State, reason: string, device?: string) => void
}

/** The last thing that went wrong, and when it began; Unix seconds. */
export interface LastError {
  readonly message: string
  readonly at: number
}

export interface Details {
  /** Starts, with the one that works; begun anew when it had worked for a minute. */
  readonly attempts: number
  /** Seconds until it is started again. */
  readonly retryIn: number | undefined
  /** Stays when it works again. */
  readonly lastError: LastError | undefined
}

/** Starts one instance, keeps it running for ever, and stops it. One that fails neither delays nor stops another. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #schedule: Schedule
  #attempts = 0
  #running = false
  #stopped = false
  /** The adapter has spoken for its devices itself since it was last started. */
  #reported = false
  #retry: Watch | undefined
  /** Monotonic seconds. */
  #retryAt: number | undefined
  #lastError: LastError | undefined
  /** It has worked since its last error. */
  #isWell = true
  #starting: AbortController | undefined
  /** Monotonic seconds. */
  #startedAt: number | undefined
  /** Starts and stops of the adapter, one after another. */
  #work: Promise<void> = Promise.resolve()

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#schedule = options.schedule ?? retrySchedule
  }

  /** What people want to know of it beside its state. */
  get details(): Details {
    const { clock } = this.#options
    const retryIn = this.#retryAt === undefined ? undefined : Math.max(0, this.#retryAt - clock.monotonic())
    return { attempts: this.#attempts, retryIn, lastError: this.#lastError }
  }

  get running(): boolean {
    return this.#running
  }

  /** May it publish? Its readings are of a device that is there, or about to be. */
  get isActive(): boolean {
    return this.#running || this.#starting !== undefined
  }

  /** Seconds. */
  get stopWithin(): number {
    return this.#options.adapter.stopWithin ?? usualStop
  }

  get adapter(): Adapter {
    return this.#options.adapter
  }

  /** Resolves when the first attempt has ended, well or not. Never rejects. */
  start(): Promise<void> {
    this.#work = this.#work.then(() => this.#attempt())
    return this.#work
  }

  /** The instance says that it broke, perhaps before it had started. */
  failed(error: Error): void {
    this.#starting?.abort(error)
    if (this.#stopped || !this.#running) return
    this.#running = false
    this.#wrong(error.message)
    this.#options.state('offline', error.message)
    this.#work = this.#work.then(() => this.#halt()).then(() => this.#again(error))
  }

  /** What the adapter says of its devices, or of one of them; one that is down says nothing. */
  report(state: State, reason: string, device?: string): void {
    if (this.#stopped || !this.isActive) return
    this.#reported ||= device === undefined
    if (device === undefined) this.#heard(state, reason)
    else if (state === 'offline') this.#wrong(`${device}: ${reason}`)
    this.#options.state(state, reason, device)
  }

  /** Complete and idempotent. Resolves when the adapter has stopped, or did not within its time. */
  async stop(why = 'the gateway is stopping'): Promise<void> {
    this.#stopped = true
    this.#running = false
    this.#retry?.cancel()
    this.#retryAt = undefined
    this.#starting?.abort(new Error(why))
    this.#work = this.#work.then(() => this.#halt())
    await this.#work
  }

  /** A command for this instance; rejects at once when it is down. */
  async execute(command: Command, signal: AbortSignal): Promise<Exact> {
    const { adapter, id } = this.#options
    if (!this.#running) throw new GatewayError('Unreachable', `the instance ${id} is not running`)
    if (adapter.execute === undefined) throw new GatewayError('ReadOnly', `the instance ${id} carries out no commands`)
    return await adapter.execute(command, signal)
  }

  #heard(state: State, reason: string): void {
    if (state === 'offline' || state === 'degraded') this.#wrong(reason)
    else this.#isWell = true
  }

  /** The same again is no other error, unless it worked in between. */
  #wrong(message: string): void {
    if (this.#isWell || this.#lastError?.message !== message) this.#lastError = { message, at: this.#options.clock.now() }
    this.#isWell = false
  }

  async #attempt(): Promise<void> {
    // Whoever starts it twice gets it once.
    if (this.#stopped || this.#running) return
    const { adapter, clock, state, log } = this.#options
    this.#attempts += 1
    this.#retryAt = undefined
    const starting = new AbortController()
    this.#starting = starting
    this.#reported = false
    const timer = clock.after(startWithin, () => starting.abort(new GatewayError('Timeout', `did not start within ${startWithin} s`)))
    try {
      await unlessAborted(adapter.start(starting.signal), starting.signal)
      if (this.#stopped) return
      // It may have failed between its start's end and here.
      starting.signal.throwIfAborted()
      this.#running = true
      this.#startedAt = clock.monotonic()
      if (!this.#reported) this.#isWell = true
      if (!this.#reported) state('online', this.#attempts > 1 ? `started at attempt ${this.#attempts}` : 'started')
      if (this.#attempts > 1) log.info({ attempt: this.#attempts }, 'the instance works again')
    } catch (error) {
      // While the gateway stops, `stop` sees to the rest.
      if (this.#stopped) return
      await this.#halt()
      this.#again(error)
    } finally {
      timer.cancel()
      this.#starting = undefined
    }
  }

  async #halt(): Promise<void> {
    const { adapter, clock, log } = this.#options
    const { stopWithin } = this
    const late = new AbortController()
    const timer = clock.after(stopWithin, () => late.abort(new GatewayError('Timeout', `did not stop within ${stopWithin} s`)))
    try {
      await unlessAborted(adapter.stop(), late.signal)
    } catch (error) {
      log.error({ err: asGatewayError(error) }, 'the instance did not stop cleanly')
    } finally {
      timer.cancel()
    }
  }

  #again(thrown: unknown): void {
    if (this.#stopped) return
    const { clock, log, state, random } = this.#options
    const error = asGatewayError(thrown)
    if (this.#startedAt !== undefined && clock.monotonic() - this.#startedAt > settledAfter) this.#attempts = 1
    this.#startedAt = undefined
    const seconds = wait(this.#schedule, Math.max(this.#attempts, 1), (random ?? Math.random)())
    this.#wrong(error.message)
    state('offline', error.message)
    log.warn(
      { reason: error.message, attempt: this.#attempts, retryIn: Number(seconds.toFixed(1)) },
      'the instance failed and is started again'
    )
    this.#retryAt = clock.monotonic() + seconds
    this.#retry = clock.after(seconds, () => void this.start())
  }
}

/** The promise, or the reason of the signal; what the promise does then is nobody's concern. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const give = (): void => reject(signal.reason as Error)
    if (signal.aborted) give()
    else signal.addEventListener('abort', give, { once: true })
    promise.then(resolve, reject)
  })
}
