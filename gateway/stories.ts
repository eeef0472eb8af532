import type { Op, Ref } from './adapter.js'
import type { Devices, Entry } from './devices.js'
import type { GatewayError } from './errors.js'
import type { Held } from './latest.js'
import type { Clock, Exact, Logger } from './adapter.js'

/** One moment in the life of a command. What is secret (logins) has no steps. */
export interface Step extends Ref {
  /** Unix seconds. */
  readonly at: number
  /** Ends in exactly one of `done`, `failed` and `refused`; `late`: an answer that came after that, and was dropped. */
  readonly what: 'asked' | 'checked' | 'written' | 'begun' | 'accepted' | 'done' | 'failed' | 'refused' | 'late'
  /** The one that the reply carries. What one message of the old side causes has one id for all its commands. */
  readonly id: string
  readonly op: Op
  /** MQTT client id, or the id of the instance whose legacy client asked. */
  readonly client: string
  /** With `begun`: the instance that carries it out; left out there: the native device does. */
  readonly instance?: string
  /** With `asked`: what for; with `done`: what came of it. */
  readonly value?: Exact
  /** With `failed` and `refused`. */
  readonly error?: GatewayError
}

export interface StoriesOptions {
  readonly clock: Clock
  readonly devices: Devices
  readonly log: Logger
}

/** What became of the last commands: who asked, what was done, what the device said, and the reading that came of it. */
export class Stories {
  constructor(options: StoriesOptions) {
    void options
  }

  step(step: Step): void {
    void step
  }

  take(entry: Entry, held: Held): void {
    void [entry, held]
  }
}
