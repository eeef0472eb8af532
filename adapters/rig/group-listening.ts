/** Waits until each rig of a group has sent a message of an event, whoever made it do so. */
import type { Clock } from '../../gateway/adapter.js'
import { asGatewayError } from '../../gateway/errors.js'
import type { EventName } from './events.js'
import type { Outcome } from './group-outcome.js'
import type { GroupRig } from './group-rig.js'

export interface ListeningOptions {
  readonly rigs: readonly GroupRig[]
  readonly event: EventName
  /** Seconds for all of them. */
  readonly within: number
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly onWaiting: () => void
}

export class Listening {
  readonly #options: ListeningOptions
  readonly #waiting = new Set<string>()
  readonly #outcomes = new Map<string, Outcome>()

  constructor(options: ListeningOptions) {
    this.#options = options
  }

  get waiting(): readonly string[] {
    return [...this.#waiting]
  }

  /** Resolves when each rig has sent one, or its time is over. Never rejects. */
  async run(): Promise<ReadonlyMap<string, Outcome>> {
    await Promise.all(this.#options.rigs.map((rig) => this.#next(rig)))
    return this.#outcomes
  }

  async #next(rig: GroupRig): Promise<void> {
    const { event, within, signal, clock, onWaiting } = this.#options
    const began = clock.monotonic()
    this.#waiting.add(rig.name)
    onWaiting()
    try {
      const elements = await rig.next(event, within, signal)
      this.#outcomes.set(rig.name, { kind: 'done', elements, answer: clock.monotonic() - began })
    } catch (thrown) {
      this.#outcomes.set(rig.name, { kind: 'failed', error: asGatewayError(thrown) })
    }
    this.#waiting.delete(rig.name)
    onWaiting()
  }
}
