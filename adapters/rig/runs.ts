/** Which rigs run, by what is known: an instance has one of these, since a rig may stand in several groups and be driven alone too. */
import type { Host } from '../../gateway/adapter.js'
import type { EventName } from './events.js'
import { mayHaveDone } from './group-outcome.js'
import type { Outcome } from './group-outcome.js'

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

  set(name: string, runs: boolean): void {
    if (runs === this.has(name)) return
    if (runs) this.#running.add(name)
    else this.#running.delete(name)
    this.#host.note(noted, this.#running.size === 0 ? undefined : [...this.#running].join(' '))
    for (const run of this.#watches) run()
  }

  /** What came of a message to this rig. */
  note(name: string, event: EventName, outcome: Outcome): void {
    if (event === 'EXPSTART') {
      // One that took it and failed says so: it does not run.
      const isFailure = outcome.kind === 'failed' && outcome.error.code === 'rig-report'
      if (mayHaveDone(outcome) && !isFailure) this.set(name, true)
    } else if (endings.has(event) && outcome.kind === 'done') this.set(name, false)
  }

  watch(run: () => void): void {
    this.#watches.add(run)
  }
}
