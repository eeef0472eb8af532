/** What the rig says of itself: its status, the experiment and its info object, kept here or taken from readings of others. */
import type { Exact, Host, Ref } from '../../gateway/adapter.js'
import { fromPlain } from '../common/exact-json.js'
import type { ExactMap } from '../common/exact-json.js'
import { refOf } from '../common/ref.js'
import type { Known } from './automatic.js'
import type { EventName, StatusName } from './events.js'
import { readStatus, statusNames } from './events.js'
import { Mirror } from './mirror.js'
import type { ServerReadings } from './server-readings.js'
import { ServerState, maxRef } from './server-state.js'
import type { Place } from './server-state.js'
import type { RigServerConfig } from './types.js'

export interface RigSelfOptions {
  readonly config: RigServerConfig
  readonly host: Host
  readonly readings: ServerReadings
}

export class RigSelf {
  readonly #readings: ServerReadings
  readonly #state: ServerState
  readonly #info: ExactMap
  readonly #status: Mirror | undefined
  readonly #ref: Mirror | undefined
  /** Why there may be no status to tell. */
  readonly whyUnknown: string

  constructor({ config, host, readings }: RigSelfOptions) {
    const { id, device, info, status, expRef } = config
    this.#readings = readings
    this.whyUnknown = `the status of the rig is not known, as ${status} has no fresh reading`
    this.#state = new ServerState(id, () => host.clock.now())
    this.#info = fromPlain(info, { integers: true }) as ExactMap
    const mirror = (source: string, codename: string, read: (value: Exact) => string | undefined, what: string): Mirror => {
      const target: Ref = { device, codename }
      return new Mirror({ host, source: refOf(source), target, read, what, publish: (reading) => readings.publish(reading) })
    }
    if (status !== null) this.#status = mirror(status, 'status', readStatus, `status (${statusNames.join(', ')})`)
    if (expRef !== null) this.#ref = mirror(expRef, 'exp_ref', textOf, 'experiment reference')
  }

  get known(): Known {
    const status = this.#status === undefined ? this.#state.status : (this.#status.value as StatusName | undefined)
    const ref = this.#ref === undefined ? this.#state.ref : this.#ref.value
    return { status, ref: ref === undefined || ref === '' ? null : ref, info: this.#info }
  }

  get isInSession(): boolean {
    return this.#state.isInSession
  }

  start(): void {
    if (this.#status === undefined) this.#readings.status(this.#state.status)
    else this.#status.start()
    if (this.#ref === undefined) this.#readings.ref(this.#state.ref)
    else this.#ref.start()
  }

  stop(): void {
    this.#status?.stop()
    this.#ref?.stop()
  }

  /** A message comes: where it belongs. The experiment that it names is the one from now on. */
  place(event: EventName, elements: readonly Exact[]): Place {
    return this.#watchRef(() => this.#state.place(event, elements))
  }

  /** The event is answered, or was not carried out. */
  left(event: EventName): void {
    this.#watchRef(() => this.#state.left(event))
  }

  /** Of what is no event of an experiment. */
  aside(): Place {
    return this.#state.aside()
  }

  /** The event was carried out. */
  done(event: EventName): void {
    const { status } = this.#state
    this.#state.done(event)
    if (this.#status === undefined && this.#state.status !== status) this.#readings.status(this.#state.status)
  }

  #watchRef<T>(run: () => T): T {
    const { ref } = this.#state
    const result = run()
    if (this.#ref === undefined && this.#state.ref !== ref) this.#readings.ref(this.#state.ref)
    return result
  }

  /** From MQTT: a modern device says what it does. */
  setStatus(status: StatusName): void {
    this.#state.status = status
    this.#readings.status(status)
  }

  setRef(ref: string | null): void {
    this.#state.ref = ref
    this.#readings.ref(ref)
  }
}

function textOf(value: Exact): string | undefined {
  return typeof value === 'string' && value.length <= maxRef ? value : undefined
}
