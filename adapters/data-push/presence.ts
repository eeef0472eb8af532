import type { Host, Watch } from '../../gateway/adapter.js'
import { asGatewayError } from '../../gateway/errors.js'

/** Silent questions after which the target counts as absent: datagrams get lost. */
const tries = 3

export interface PresenceOptions {
  readonly host: Host
  /** As messages name it. */
  readonly target: string
  /** Seconds; null: nobody asks. */
  readonly period: number | null
  /** Asks for the socket's name, which does no harm. Rejects with the reason when there is no answer, or not the right one. */
  readonly ask: () => Promise<void>
}

/** Is the target there? Asked now and then, so that an absent one shows before anybody needs it, and told when it changes. */
export class Presence {
  readonly #options: PresenceOptions
  #trouble: string | undefined
  /** Something is known since the start. */
  #isTold = false
  #timer: Watch | undefined
  #lastHeard = -Infinity
  #isAsking = false
  /** Counts the starts and stops. */
  #turn = 0
  #running = false

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  start(): void {
    this.#turn += 1
    this.#running = true
    this.#trouble = undefined
    this.#lastHeard = -Infinity
    this.#isTold = this.#options.period === null
    if (this.#isTold) return
    // Until it is heard nobody should count on it; that is no news for the log.
    this.#options.host.report('degraded', `nothing heard from ${this.#options.target} yet`)
    this.#look()
  }

  stop(): void {
    this.#turn += 1
    this.#running = false
    this.#timer?.cancel()
    this.#isAsking = false
  }

  /** An answer came. */
  heard(): void {
    this.#lastHeard = this.#options.host.clock.monotonic()
    this.#tell(undefined)
  }

  /** A command or a push found nobody. One lost datagram says little: where it may be asked, the target is asked. */
  missed(reason: string): void {
    if (this.#options.period === null) this.#tell(reason)
    else if (this.#running) this.#look()
  }

  /** Something is wrong that no repetition puts right. */
  wrong(reason: string): void {
    this.#tell(reason)
  }

  #look(): void {
    const { host, period } = this.#options
    if (this.#isAsking) return
    this.#isAsking = true
    this.#timer?.cancel()
    const turn = this.#turn
    void this.#askSome(turn).then(() => {
      if (turn !== this.#turn || period === null) return
      this.#isAsking = false
      this.#timer = host.clock.after(period, () => this.#lookIfQuiet(period))
    })
  }

  #lookIfQuiet(period: number): void {
    const left = this.#lastHeard + period - this.#options.host.clock.monotonic()
    if (left > 0 && this.#trouble === undefined) this.#timer = this.#options.host.clock.after(left, () => this.#lookIfQuiet(period))
    else this.#look()
  }

  /** Never rejects. */
  async #askSome(turn: number): Promise<void> {
    for (let left = tries; left > 0 && turn === this.#turn; left -= 1) {
      try {
        await this.#options.ask()
        if (turn === this.#turn) this.heard()
        return
      } catch (thrown) {
        const error = asGatewayError(thrown)
        if (turn !== this.#turn) return
        // Silence alone may be a loss.
        if (error.class === 'Timeout' && left > 1) continue
        this.#tell(error.message)
        return
      }
    }
  }

  /** The one place that decides what it means for the instance's devices. */
  #tell(trouble: string | undefined): void {
    if (!this.#running || (this.#isTold && trouble === this.#trouble)) return
    const { host, target } = this.#options
    const [before, isNews] = [this.#trouble, this.#isTold]
    this.#trouble = trouble
    this.#isTold = true
    // Not offline: that would make old what somebody else reads of the device, though it is only steered from here.
    host.report(trouble === undefined ? 'online' : 'degraded', trouble ?? `${target} answers`)
    if (trouble === undefined && isNews) host.log.info({ target }, 'the target of pushes answers again')
    if (trouble !== undefined && before === undefined)
      host.log.warn({ target, reason: trouble }, 'the target of pushes does not answer as it should; it is asked on')
  }
}
