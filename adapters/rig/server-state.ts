/** What a rig that experiment PCs drive knows of itself: its state, the experiment, and which session a message belongs to. */
import { isExactMap } from '../common/exact-json.js'
import type { Exact } from '../common/exact-json.js'
import { hideTokens } from './conceal.js'
import type { EventName, StatusName } from './events.js'
import { isSameRef, refToSend } from './exp-ref.js'

/** A message's place in the timeline. */
export interface Place {
  /** `<session>/<n>`; of a message outside of a session something else that is as unique. */
  readonly id: string
  readonly session: string | null
}

/** As rigs of iblrig change when they have carried out an event; the others change nothing. */
const statusAfter: Partial<Readonly<Record<EventName, StatusName>>> = {
  EXPINIT: 'INITIALIZED',
  EXPSTART: 'RUNNING',
  EXPEND: 'STOPPED',
  EXPINTERRUPT: 'STOPPED',
  EXPCLEANUP: 'CONNECTED'
}

const begins: ReadonlySet<EventName> = new Set(['EXPINFO', 'EXPINIT', 'EXPSTART'])
const ends: ReadonlySet<EventName> = new Set(['EXPEND', 'EXPINTERRUPT'])

/** Characters of a reference; a longer one is no reference, as little as one that holds a login, and would be told to everybody who asks. */
export const maxRef = 200

export class ServerState {
  readonly #name: string
  readonly #now: () => number
  status: StatusName = 'CONNECTED'
  /** Of this experiment, or the last; null: none. */
  #ref: string | null = null
  /** The reference is that of an experiment that has ended. */
  #isRefOver = false
  #session: string | undefined
  /** What began last, also when it has ended. */
  #last: string | undefined
  #lastRef: string | null = null
  #count = 0
  #sessions = 0

  /** `name` begins the ids; `now`: Unix seconds. */
  constructor(name: string, now: () => number) {
    this.#name = name.slice(0, 30)
    this.#now = now
  }

  get ref(): string | null {
    return this.#ref
  }

  /** From MQTT, or heard: it counts until the next end. */
  set ref(ref: string | null) {
    this.#ref = ref
    this.#isRefOver = false
  }

  get isInSession(): boolean {
    return this.#session !== undefined
  }

  /** A message comes: where it belongs, and the experiment that it names is the one from now on. */
  place(event: EventName, elements: readonly Exact[]): Place {
    const ref = refOfMessage(event, elements)
    if (begins.has(event) && (this.#session === undefined || this.#isOther(ref))) this.#begin()
    if (ref !== undefined) {
      this.ref = ref
      if (this.#session !== undefined) this.#lastRef = ref
    }
    const isAfter = ends.has(event) || event === 'EXPCLEANUP'
    const session = this.#session ?? (isAfter ? this.#last : undefined)
    if (isAfter && this.#session !== undefined) this.#isRefOver = true
    if (ends.has(event)) this.#session = undefined
    this.#count += 1
    return { id: `${session ?? this.#idle()}/${this.#count}`, session: session ?? null }
  }

  /** Of something that is no event: it changes nothing. */
  aside(): Place {
    this.#count += 1
    return { id: `${this.#session ?? this.#idle()}/${this.#count}`, session: this.#session ?? null }
  }

  /** The event was carried out. */
  done(event: EventName): void {
    this.status = statusAfter[event] ?? this.status
  }

  /** The event is answered. A cleanup tells what it cleans up (recording session-raw-to-rig), but the next experiment has nothing to do with it. */
  left(event: EventName): void {
    if (event === 'EXPCLEANUP') this.#forgetRef()
  }

  /** An experiment PC that crashed sends no end; but it, or another, comes back with another experiment. */
  #isOther(ref: string | undefined): boolean {
    return ref !== undefined && this.#lastRef !== null && !isSameRef(ref, this.#lastRef)
  }

  #begin(): void {
    this.#sessions += 1
    this.#session = this.#last = `${this.#stamp()}-${this.#sessions}`
    this.#lastRef = null
    this.#count = 0
    this.#forgetRef()
  }

  #forgetRef(): void {
    if (this.#isRefOver) this.ref = null
  }

  /** Outside of a session. */
  #idle(): string {
    return `${this.#stamp()}-0`
  }

  #stamp(): string {
    return `${this.#name}-${Math.floor(this.#now() * 1000).toString(36)}`
  }
}

/** The reference in a message, where it stands by section 2.1: a text, or what a text can be made of. An info object tells what its sender knows, and decides nothing. */
export function givenRef(event: EventName, elements: readonly Exact[]): Exact | undefined {
  const [first] = elements
  if (event === 'EXPSTART') return first
  if ((event === 'EXPINIT' || event === 'EXPINFO') && first !== undefined) {
    const info = event === 'EXPINIT' ? first : elements[1]
    return info !== undefined && isExactMap(info) ? info.get('exp_ref') : undefined
  }
  return undefined
}

function refOfMessage(event: EventName, elements: readonly Exact[]): string | undefined {
  const given = event === 'EXPINFO' ? undefined : givenRef(event, elements)
  if (given === undefined || given === null) return undefined
  const read = refToSend(given)
  return read.ok && typeof read.value === 'string' && read.value.length <= maxRef && hideTokens(read.value) === read.value
    ? read.value
    : undefined
}
