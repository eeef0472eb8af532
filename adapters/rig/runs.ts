/** Which rigs run, by what is known: an instance has one of these, since a rig may stand in several groups and be driven alone too. */
import type { Host } from '../../gateway/adapter.js'
import type { GatewayError } from '../../gateway/errors.js'
import type { EventName, StatusName } from './events.js'

const endings: ReadonlySet<EventName> = new Set(['EXPEND', 'EXPINTERRUPT', 'EXPCLEANUP'])

/** Name of the note. */
const noted = 'running'

/** Seconds for the note to be on disk. */
const keptWithin = 1

/** Outlives a crash: a rig goes on running when the gateway does not. */
export class Runs {
  readonly #host: Host
  readonly #running: Set<string>
  /** Of rigs that are being started: whether they ran before. */
  readonly #before = new Map<string, boolean>()
  /** Of rigs that ran: what has ended that. */
  readonly #ended = new Map<string, EventName>()
  readonly #watches = new Set<() => void>()

  constructor(host: Host, names: readonly string[]) {
    this.#host = host
    const before = (host.notes().get(noted) ?? '').split(' ')
    this.#running = new Set(names.filter((name) => before.includes(name)))
  }

  has(name: string): boolean {
    return this.#running.has(name)
  }

  /**
   * It is asked now. A start may be carried out from here on, whatever becomes of us: resolves when that is on disk, or the disk takes
   * too long. Undefined: nothing is to be waited for.
   */
  begun(name: string, event: EventName): Promise<unknown> | undefined {
    if (event !== 'EXPSTART') return undefined
    this.#before.set(name, this.has(name))
    this.#ended.delete(name)
    this.#set(name, true)
    return this.#host.kept(keptWithin)
  }

  /** It carried out what it was asked, or echoed it where that was enough. */
  done(name: string, event: EventName): void {
    if (event === 'EXPSTART') {
      this.#before.delete(name)
      this.#set(name, true)
    } else if (endings.has(event)) {
      if (this.has(name)) this.#ended.set(name, event)
      this.#set(name, false)
    }
  }

  /** Nobody knows whether it did, unless nothing can have arrived. One that took a start and failed may run in part. */
  failed(name: string, event: EventName, { maybeExecuted }: GatewayError): void {
    if (event !== 'EXPSTART') return
    const before = this.#before.get(name)
    this.#before.delete(name)
    if (maybeExecuted) this.#set(name, true)
    else if (before !== undefined) this.#set(name, before)
  }

  /** What it says of itself, or what follows from what it did. */
  heard(name: string, status: StatusName): void {
    this.#before.delete(name)
    this.#ended.delete(name)
    this.#set(name, status === 'RUNNING')
  }

  /**
   * It says that it failed at this; undefined: it does not say at what. True: by its echo it was taken to have ended, but may run still.
   */
  reported(name: string, event: EventName | undefined): boolean {
    const ended = this.#ended.get(name)
    if (ended === undefined || (event !== undefined && event !== ended)) return false
    this.#ended.delete(name)
    this.#set(name, true)
    return true
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
