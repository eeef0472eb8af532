import type { Clock, Logger } from './adapter.js'
import { ClockSync } from './clock-sync.js'
import type { Machine } from './clock-sync.js'
import type { Config } from './config.js'
import { CommandMeter } from './metrics/commands.js'
import { self } from './devices.js'
import type { Parts } from './http/parts.js'
import { Readiness } from './readiness.js'
import type { Unready } from './readiness.js'

export interface OperationOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly config: Config
  readonly machine: Machine | undefined
  /** Not asked before the start. */
  readonly parts: () => Parts
}

/** What concerns who runs the gateway, and no device: whether its clock is right, whether it is ready, what it counts for metrics. */
export class Operation {
  readonly clockSync: ClockSync
  readonly readiness = new Readiness()
  readonly #parts: () => Parts
  readonly commands: CommandMeter

  constructor({ clock, log, config, machine, parts }: OperationOptions) {
    this.#parts = parts
    const changed = (trouble: string | undefined): void => {
      const { states, self: own } = parts()
      states.own(trouble, 'clock')
      own.changed()
      if (trouble === undefined) sayAgain(parts())
    }
    this.clockSync = new ClockSync({ clock, log, machine, config: config.gateway.clock, changed })
    this.commands = new CommandMeter(clock)
  }

  /** What is retained must have been read, and nothing said yet. */
  async start(): Promise<void> {
    const parts = this.#parts()
    await this.clockSync.start(parts.self.lastTime(parts))
  }

  /** Resolves when a message has gone round in the broker; ask again only after that, or when it is given up. */
  async pulse(): Promise<void> {
    await this.#parts().broker.pulse.beat()
  }

  /** In one line, how the gateway is. */
  get told(): string {
    const { states, broker } = this.#parts()
    const { state, reason } = states.of(self)
    return state === 'online' ? `${broker.clientCount} MQTT clients; ${reason}` : `${state}: ${reason}`
  }

  /** Why the gateway has not begun its work; empty: it has. */
  get unready(): readonly Unready[] {
    return this.readiness.reasons(this.#parts())
  }

  stop(): void {
    this.readiness.stopping()
    this.clockSync.stop()
  }
}

/** What the gateway says of itself only when it changes is as true as before, and its time is believed now. */
function sayAgain({ devices, latest }: Pick<Parts, 'devices' | 'latest'>): void {
  for (const entry of devices.codenames(self)) {
    const held = latest.held(entry)
    if (held === undefined || held.stale || held.quality !== 'uncertain' || entry.meta.maxAge !== undefined) continue
    latest.put(entry, latest.weigh(entry, { device: self, codename: entry.codename, value: held.value }), true)
  }
}
