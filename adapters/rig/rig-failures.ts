/** What a call that failed says, in one line: which rig, which step (echo or answer), how long, and what to do. */
import { GatewayError } from '../../gateway/errors.js'
import type { ErrorClass } from '../../gateway/errors.js'
import { Trouble } from './peer.js'
import type { TroubleKind } from './peer.js'
import type { Ask } from './rig-ask.js'

const maybe = 'it may have been carried out'

const classes: Readonly<Record<TroubleKind, ErrorClass>> = {
  'no-listener': 'Unreachable',
  'echo-timeout': 'Timeout',
  'echo-mismatch': 'DeviceError',
  offline: 'Unreachable',
  'too-large': 'RangeError',
  busy: 'Busy',
  closed: 'Unreachable'
}

export interface FailuresOptions {
  readonly name: string
  /** Its URI. */
  readonly where: string
  /** Seconds. */
  readonly echoWithin: number
}

export class Failures {
  readonly #who: string
  readonly #echoWithin: number

  constructor({ name, where, echoWithin }: FailuresOptions) {
    this.#who = `rig ${name} (${where})`
    this.#echoWithin = echoWithin
  }

  /** It was not echoed. */
  ofTrouble(ask: Ask, thrown: unknown): GatewayError {
    if (!(thrown instanceof Trouble)) return new GatewayError('Internal', `${this.#who}: ${String(thrown)}`, { maybeExecuted: true })
    const { kind, maybeExecuted } = thrown
    return this.#unechoed(ask, kind, thrown.message, maybeExecuted)
  }

  #unechoed(ask: Ask, kind: TroubleKind, said: string, maybeExecuted: boolean): GatewayError {
    return new GatewayError(classes[kind], this.#text(what(ask), kind, said, maybeExecuted), { code: kind, maybeExecuted })
  }

  #text(message: string, kind: TroubleKind, said: string, maybeExecuted: boolean): string {
    const also = maybeExecuted ? maybe : 'nothing was sent'
    switch (kind) {
      case 'no-listener':
        return `${this.#who}: nobody listens there, so ${message} did not arrive; start or restart its program, then send it again`
      case 'echo-timeout':
        return `${this.#who} did not echo ${message} within ${this.#echoWithin} s; ${maybe}: look at the rig, and restart its program if it stays silent`
      case 'echo-mismatch':
        return `${this.#who} did not echo ${message} as it was sent (${said}); ${maybe}: look at the rig`
      case 'too-large':
        return `${message} to ${this.#who} is too long (${said}); nothing was sent: send less data`
      case 'offline':
        return `${this.#who} cannot be reached (${said}); ${also}: look at its program and its network`
      case 'busy':
        return `${this.#who}: too many messages wait already; nothing was sent: send ${message} again later`
      case 'closed':
        return `${this.#who} was left before ${message} was done (${said}); ${also}`
    }
  }

  /** It was echoed after so many seconds, and no answer came. `said`: a report that may be about it, or about an earlier one. */
  answerTimeout(ask: Ask, echo: number, said?: string): GatewayError {
    const advice = 'look at the rig; a slow one needs a longer answerWithin, one that never answers is called with answer: false'
    const reported = said === undefined || ask.event === 'ALYX' ? '' : ` (it reported ${oneLine(said)}, perhaps of an earlier message)`
    const message = `${this.#who} echoed ${what(ask)} after ${milliseconds(echo)} ms but did not answer within ${ask.answerWithin} s${reported}; ${maybe}: ${advice}`
    return new GatewayError('Timeout', message, { code: 'answer-timeout', maybeExecuted: true })
  }

  /** `text`: the rig's own. */
  report(ask: Ask, text: string): GatewayError {
    // An exception may quote what it was about.
    const said = ask.event === 'ALYX' ? 'its text is withheld, as it may hold a login' : oneLine(text)
    const message = `${this.#who} took ${what(ask)} and failed: ${said}; part of it may have been carried out, and the log of the rig says more`
    return new GatewayError('DeviceError', message, { code: 'rig-report', maybeExecuted: true })
  }

  full(ask: Ask): GatewayError {
    return this.#unechoed(ask, 'busy', '', false)
  }

  /** `before`: what it waited for. */
  late(ask: Ask, within: number, before: Ask | undefined): GatewayError {
    const behind = before === undefined ? '' : `, behind ${what(before)}`
    const message = `the turn of ${what(ask)} at ${this.#who} did not come within ${within} s${behind}; nothing was sent: send it again later`
    return new GatewayError('Busy', message, { code: 'busy' })
  }

  /** It waited, and something came that ends what it would have begun. */
  overtaken(ask: Ask, by: Ask): GatewayError {
    const message = `${by.event} came before the turn of ${what(ask)} at ${this.#who}; nothing was sent: send it again if it is still wanted`
    return new GatewayError('Busy', message, { code: 'busy' })
  }

  /** Nobody waits for it any more. */
  left(ask: Ask, isSent: boolean): GatewayError {
    const also = isSent ? maybe : 'nothing was sent'
    return new GatewayError('Timeout', `nobody waits any more for ${what(ask)} to ${this.#who}; ${also}`, { maybeExecuted: isSent })
  }

  closed(ask: Ask, isSent: boolean): GatewayError {
    return this.#unechoed(ask, 'closed', 'the instance was stopped', isSent)
  }
}

function what({ event, raw }: Ask): string {
  return raw?.label ?? event
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1e4) / 10
}

/** What a rig says may have many lines, or be long. */
export function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}
