import type { Clock, Command, Exact, Logger } from '../adapter.js'
import type { Checked } from '../config.js'
import type { Devices, Entry } from '../devices.js'
import type { Held, Latest } from '../latest.js'
import type { Step } from '../stories.js'

export interface RunsOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly devices: Devices
  readonly latest: Latest
  readonly checked: Checked
  readonly version: string
  /** Another run, or another state of one: the gateway device tells it. */
  readonly changed: () => void
}

/** Recordings from a start to a stop, each a folder. */
export class Runs {
  constructor(options: RunsOptions) {
    void options
  }

  /** Ends what an earlier run of the gateway left open. Never rejects. */
  async start(): Promise<void> {}

  take(entry: Entry, held: Held): void {
    void [entry, held]
  }

  step(step: Step): void {
    void step
  }

  /** Carries out `run_start` and `run_stop` of the gateway device. */
  async execute(command: Command, signal: AbortSignal): Promise<Exact> {
    await Promise.resolve([command, signal])
    return null
  }

  /** Ends every run, as the gateway stops. */
  async stop(): Promise<void> {}
}
