/** Which rigs run, by what is known: an instance has one of these, since a rig may stand in several groups and be driven alone too. */
import type { Host } from '../../gateway/adapter.js'
import type { GatewayError } from '../../gateway/errors.js'
import type { EventName, StatusName } from './events.js'

const endings: ReadonlySet<EventName> = new Set(['EXPEND', 'EXPINTERRUPT', 'EXPCLEANUP'])

/** Name of the note. */
const noted = 'running'

/** Outlives a crash: a rig goes on running when the gateway does not. */
export class Runs {
  readonly #host: Host
  readonly #running: Set<string>
  readonly #watches = new Set<() => void>()

  constructor(host: Host, names: readonly string[]) {
    this.#host = host
    const before = (host.notes().get(noted) ?? '').split(' ')
    this.#running = new Set(names.filter((name) => before.includes(name)))
  }

  has(name: string): boolean {
    return this.#running.has(name)
  }

  /** It carried out what it was asked, or echoed it where that was enough. */
  done(name: string, event: EventName): void {
    if (event === 'EXPSTART') this.#set(name, true)
    else if (endings.has(event)) this.#set(name, false)
  }

  /** Nobody knows whether it did; one that took it and failed says so itself. */
  failed(name: string, event: EventName, { code, maybeExecuted }: GatewayError): void {
    if (event === 'EXPSTART' && maybeExecuted && code !== 'rig-report') this.#set(name, true)
  }

  /** What it says of itself, or what follows from what it did. */
  heard(name: string, status: StatusName): void {
    this.#set(name, status === 'RUNNING')
  }

  watch(run: () => void): void {
    this.#watches.add(run)
  }

  #set(name: string, runs: boolean): void {
    if (runs === this.has(name)) return
    if (runs) this.#running.add(name)
    else this.#running.delete(name)
    this.#host.note(noted, this.#running.size === 0 ? undefined : [...this.#running].join(' '))
    for (const run of this.#watches) run()
  }
}
