/** What is asked of a rig, and what comes of it. */
import type { Clock, Exact } from '../../gateway/adapter.js'
import type { GatewayError } from '../../gateway/errors.js'
import type { EventName } from './events.js'
import type { Link } from './rig-link.js'

export interface Ask {
  readonly event: EventName
  /** After the event number. */
  readonly elements: readonly Exact[]
  /** An answer of the same event is waited for; false: the echo is enough. */
  readonly answer: boolean
  /** Seconds for the answer, from the echo on. */
  readonly answerWithin: number
  /** Before all others that wait; a stop behind interrupts. Never before what is under way. */
  readonly priority?: 'interrupt' | 'stop'
  /** While it waits it is never sent then; afterwards only nobody is told any more: its answer is echoed all the same. */
  readonly signal?: AbortSignal
  /** Unix seconds after which it is not sent any more. */
  readonly expires?: number
  /** Of our own accord: what comes of it is no event. */
  readonly isPoll?: boolean
  /** Sent as it stands: what an expert wrote, and how it is called in texts; event and elements are what it is taken for. */
  readonly raw?: { readonly bytes: Buffer; readonly label: string }
}

export interface Answered {
  /** After the event number. */
  readonly elements: readonly Exact[]
  readonly event: EventName
  /** Seconds from the message to its echo. */
  readonly echo: number
  /** Seconds from the echo to the answer. */
  readonly answer: number
  /** Seconds that it waited for its turn. */
  readonly waited: number
  /** What a person should know of it. */
  readonly note?: string
}

/** Both reject with a GatewayError; either may be left alone. `echoed` tells the seconds. */
export interface Asked {
  readonly echoed: Promise<{ readonly echo: number; readonly waited: number }>
  readonly answered: Promise<Answered>
  /** It does not wait for its turn any more: a signal cannot take it back. */
  readonly isSent: boolean
}

export interface RigOptions {
  readonly name: string
  readonly device: string
  /** For people: its URI. */
  readonly where: string
  readonly clock: Clock
  /** Seconds, for the texts of failures. */
  readonly echoWithin: number
  readonly link: Pick<Link, 'send' | 'isAwaiting'>
  /** It is to leave now; what this returns is waited for first. */
  readonly onBegin: (ask: Ask) => Promise<unknown> | undefined
  /** It is there. */
  readonly onEchoed: () => void
  /** It echoed, and answered if it was to; `answered` is undefined when the echo was enough. */
  readonly onDone: (ask: Ask, answered: Answered | undefined) => void
  readonly onFailed: (ask: Ask, error: GatewayError) => void
}
