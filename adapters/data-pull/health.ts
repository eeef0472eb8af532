/** Whether a real pull socket can be reached, as its device's state and in the log: said when it changes, and not again. */
import type { Host } from '../../gateway/adapter.js'

export interface HealthOptions {
  readonly host: Host
  /** For people. */
  readonly where: string
  /** Rounds in a row without success. */
  readonly offlineAfter: number
  /** The device is offline now, whose readings the gateway makes stale. */
  readonly lost: () => void
}

type State = 'online' | 'degraded' | 'offline'

export class Health {
  readonly #options: HealthOptions
  #state: State = 'offline'
  #reason = ''
  #missed = 0
  /** Reasons that are in the log since the socket last answered; more than a few are only noise. */
  readonly #logged = new Set<string>()

  constructor(options: HealthOptions) {
    this.#options = options
  }

  /** Nobody has been heard yet, and nobody has been missed. */
  start(): void {
    this.#missed = 0
    this.#state = 'offline'
    this.#say(`nothing heard from ${this.#options.where} yet`)
  }

  /** It answered; `troubles` are with some of its channels. */
  answered(troubles: readonly string[]): void {
    const { where, host } = this.#options
    this.#missed = 0
    const [state, reason] = troubles.length === 0 ? (['online', `${where} answers`] as const) : (['degraded', listed(troubles)] as const)
    if (state === this.#state && reason === this.#reason) return
    const before = this.#state
    this.#state = state
    this.#logged.clear()
    this.#say(reason)
    if (state === 'degraded') host.log.warn({ reason }, 'not all channels are as they should be')
    else host.log.info({ target: where }, before === 'offline' ? 'the socket answers' : 'all channels are as they should be')
  }

  /** A round without an answer that is understood. One datagram may be lost without harm; a clear word counts at once. */
  missed(reason: string, isClear = false): void {
    const { offlineAfter, host, lost } = this.#options
    this.#missed += 1
    if (!isClear && this.#missed < offlineAfter) return
    if (this.#state === 'offline' && this.#reason === reason) return
    this.#state = 'offline'
    lost()
    this.#say(reason)
    if (this.#logged.has(reason) || this.#logged.size >= reasonsLogged) return
    this.#logged.add(reason)
    host.log.warn({ reason }, 'the socket is not there, or not the one that is meant; it is asked again and again')
  }

  #say(reason: string): void {
    this.#reason = reason
    this.#options.host.report(this.#state, reason)
  }
}

const shown = 3
const reasonsLogged = 5

function listed(troubles: readonly string[]): string {
  const more = troubles.length - shown
  return troubles.slice(0, shown).join('; ') + (more > 0 ? `; and ${more} more` : '')
}
