/** Who waits for the next message of an event, whether the rig was asked for it or not. */
import type { Clock, Exact } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import type { EventName } from './events.js'

/** Waits at one time. */
const max = 64

interface Waiter {
  readonly event: EventName
  readonly give: (elements: readonly Exact[]) => void
  readonly end: (error: GatewayError) => void
}

export class Listeners {
  readonly #clock: Clock
  /** For people. */
  readonly #name: string
  readonly #waiters = new Set<Waiter>()

  constructor(clock: Clock, name: string) {
    this.#clock = clock
    this.#name = name
  }

  /** Rejects with Timeout after so many seconds. */
  async next(event: EventName, within: number, signal?: AbortSignal): Promise<readonly Exact[]> {
    signal?.throwIfAborted()
    if (this.#waiters.size >= max) throw new GatewayError('Busy', `${max} wait for messages of ${this.#name} already`, { code: 'busy' })
    return await new Promise((resolve, reject) => {
      const over = (): void => {
        limit.cancel()
        signal?.removeEventListener('abort', aborted)
        this.#waiters.delete(waiter)
      }
      const end = (error: GatewayError): void => {
        over()
        reject(error)
      }
      const waiter: Waiter = {
        event,
        end,
        give: (elements) => {
          over()
          resolve(elements)
        }
      }
      const aborted = (): void => end(new GatewayError('Timeout', 'nobody waits for it any more'))
      const limit = this.#clock.after(within, () =>
        end(new GatewayError('Timeout', `${this.#name} sent no ${event} within ${within} s`, { code: 'answer-timeout' }))
      )
      signal?.addEventListener('abort', aborted, { once: true })
      this.#waiters.add(waiter)
    })
  }

  /** All who wait for this event are served by one message, as in the original (section 10). */
  tell(event: EventName, elements: readonly Exact[]): void {
    for (const waiter of [...this.#waiters]) if (waiter.event === event) waiter.give(elements)
  }

  close(error: GatewayError): void {
    for (const waiter of [...this.#waiters]) waiter.end(error)
  }
}
