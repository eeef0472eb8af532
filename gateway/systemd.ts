/**
 * Tells systemd how the service is (`Type=notify`): that it is ready, stops, and goes on working.
 *
 * Node has no datagram sockets of Unix, so systemd's own program says it, one at a time; `NotifyAccess=all` lets it. A native module would have
 * to be built for each processor, and Python need not be there. What it costs: README, Service of systemd.
 */
import { execFile } from 'node:child_process'
import type { Clock, Logger, Watch } from './adapter.js'

/** Milliseconds for systemd's program; it waits until systemd has read what it says. */
const patience = 5000

/** Characters of the status; systemd shows one line. */
const longStatus = 200

export interface SystemdOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Seconds after which the watchdog wants to hear something; undefined: it does not. */
  readonly watchdog: number | undefined
  /** Resolves when the gateway has gone round once: see Pulse. */
  readonly pulse: () => Promise<void>
  /** How the gateway is, in one line. */
  readonly status: () => string
  /** Says these; resolves with what went wrong, if anything did. */
  readonly say: (assignments: readonly string[]) => Promise<Error | undefined>
}

type Environment = Readonly<Record<string, string | undefined>>

/** Whether systemd wants to be told, and how often at least, in seconds; undefined: it is not there. `pid`: ours. */
export function wishesOf(env: Environment, pid: number): { readonly watchdog: number | undefined } | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = env
  if (socket === undefined || socket === '') return undefined
  const seconds = Number(microseconds) / 1e6
  const isOurs = watched === undefined || watched === '' || Number(watched) === pid
  return { watchdog: isOurs && seconds > 0 ? seconds : undefined }
}

/** By the program that comes with systemd. */
export async function sayBySystemd(assignments: readonly string[]): Promise<Error | undefined> {
  return await new Promise((resolve) => {
    execFile('systemd-notify', [...assignments], { timeout: patience, killSignal: 'SIGKILL' }, (error) => resolve(error ?? undefined))
  })
}

/** One of it for a process. */
export class Systemd {
  readonly #options: SystemdOptions
  /** To be said next, by name: what is said again before is said once. */
  #next = new Map<string, string>()
  #saying: Promise<void> | undefined
  #timer: Watch | undefined
  /** A beat is under way: if it never ends, nothing more is said, and systemd starts us again. */
  #isBeating = false
  #told = ''
  #failed = false

  constructor(options: SystemdOptions) {
    this.#options = options
  }

  /** All listeners are open. Of a reload nothing is told: the unit has no `Type=notify-reload`, which old systemds do not know. */
  ready(): void {
    this.#tell({ READY: '1', ...this.#status() })
    const { watchdog, clock } = this.#options
    if (watchdog !== undefined) this.#timer ??= clock.after(watchdog / 2, () => this.#beat())
  }

  /** Resolves when it has been said, and all before. */
  async stopping(): Promise<void> {
    this.#timer?.cancel()
    this.#tell({ STOPPING: '1', STATUS: 'stopping' })
    await this.#saying
  }

  /** At half the time, as sd_watchdog_enabled(3) wants it. */
  #beat(): void {
    const { watchdog = 0, clock, log, pulse } = this.#options
    this.#timer = clock.after(watchdog / 2, () => this.#beat())
    if (this.#isBeating) {
      log.error({}, 'the broker does not go round: systemd is told nothing, and starts the gateway again')
      return
    }
    this.#isBeating = true
    void pulse().then(() => {
      this.#isBeating = false
      this.#tell({ WATCHDOG: '1', ...this.#status() })
    })
  }

  /** Only when it is another one. */
  #status(): { readonly STATUS?: string } {
    const status = this.#options.status().replace(/\s+/g, ' ').slice(0, longStatus)
    if (status === this.#told) return {}
    this.#told = status
    return { STATUS: status }
  }

  #tell(said: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(said)) this.#next.set(name, `${name}=${value}`)
    this.#saying ??= this.#sayAll()
  }

  async #sayAll(): Promise<void> {
    const { say, log } = this.#options
    while (this.#next.size > 0) {
      const assignments = [...this.#next.values()]
      this.#next.clear()
      const error = await say(assignments)
      if (error !== undefined && !this.#failed)
        log.error(
          { reason: error.message },
          'systemd cannot be told how the gateway is: is systemd-notify installed, and NotifyAccess=all in the unit?'
        )
      this.#failed = error !== undefined
    }
    this.#saying = undefined
  }
}
