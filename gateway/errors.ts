/** Errors of the gateway: one table of classes, one type. Checked against the README by test/architecture.test.ts. */
import type { Exact, Latest, Ref } from './adapter.js'

/** Classes of refusal that reach people: replies, dead letters, legacy errors. `retryable`: the same again may succeed later. */
export const errorClasses = {
  BadPayload: {
    retryable: false,
    help: 'The payload is not understood, or breaks the schema in its form. Send what the codename’s meta shows.'
  },
  UnknownDevice: { retryable: false, help: 'No such device. Check the topic, or declare the device in the configuration.' },
  UnknownCodename: { retryable: false, help: 'The device has no such codename. Check the topic, or declare it in the configuration.' },
  ReadOnly: { retryable: false, help: 'The codename takes no such command. Its meta says whether it is settable or callable.' },
  WrongType: { retryable: false, help: 'The value has another type than the codename’s schema asks for.' },
  RangeError: { retryable: false, help: 'The value lies outside what the codename’s schema allows.' },
  Forbidden: {
    retryable: false,
    help: 'Somebody else holds the right to write here. See `adapters` and `devices.X.client` in the configuration.'
  },
  Retained: {
    retryable: false,
    help: 'Commands must not be retained: they would run again at every reconnect. Publish without the retain flag.'
  },
  NotFinite: { retryable: false, help: 'NaN and infinities have no place in JSON or in a set.' },
  Busy: { retryable: true, help: 'A command for this codename is still running. Wait for its reply.' },
  Locked: { retryable: true, help: 'The device refuses while a lock or an interlock is on.' },
  Expired: { retryable: true, help: 'The command came after its `expires`. Check the sender’s clock, or send it again.' },
  Timeout: { retryable: true, help: 'No answer in time; the command may have been carried out. Read before you repeat it.' },
  Unreachable: { retryable: true, help: 'The device is offline. Its state topic says why.' },
  DeviceError: { retryable: true, help: 'The device itself refused; the message is its own text.' },
  Stale: { retryable: true, help: 'There is no fresh reading to answer with.' },
  RateLimited: { retryable: true, help: 'Too much at once: a queue or a cap is full. Send less, or raise the limit.' },
  Internal: { retryable: true, help: 'A fault of the gateway. The log has the details; please report it.' }
} as const satisfies Record<string, { retryable: boolean; help: string }>

export type ErrorClass = keyof typeof errorClasses

export interface GatewayErrorOptions {
  /** The protocol's own code. */
  code?: string
  /** The contract's rule that was broken, e.g. `maximum`. */
  rule?: string
  maybeExecuted?: boolean
  cause?: unknown
}

/** A refusal or failure with its class; the message tells a person what happened, and what to do where that is not obvious. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly class: ErrorClass
  readonly code: string | undefined
  readonly rule: string | undefined
  readonly maybeExecuted: boolean

  constructor(errorClass: ErrorClass, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.class = errorClass
    this.code = options.code
    this.rule = options.rule
    this.maybeExecuted = options.maybeExecuted ?? false
  }

  get retryable(): boolean {
    return errorClasses[this.class].retryable
  }
}

/** What people are told. The text of a fault of ours may hold anything, paths of this machine too: the log has it. */
export function told(error: GatewayError): string {
  return error.class === 'Internal' ? errorClasses.Internal.help : error.message
}

/** Any thrown thing as a GatewayError; what is not one already becomes Internal. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new GatewayError('Internal', message, { cause: error })
}

/** What is known of a codename whose last reading is asked for. */
export interface Asked extends Ref {
  /** Seconds; see Codename. */
  readonly maxAge?: number | undefined
  /** The device says that it is not there. */
  readonly isOffline: boolean
}

/** The value of a last reading, when it can stand for the present one; throws `Stale`, which says why it cannot. */
export function freshValue(latest: Latest | undefined, asked: Asked): Exact {
  const what = `${asked.device}/${asked.codename}`
  if (latest === undefined) throw new GatewayError('Stale', `${what} has no reading yet`)
  if (latest.quality === 'bad')
    throw new GatewayError('Stale', `the last reading of ${what} is bad: ${latest.error?.message ?? 'it has no value'}`)
  if (latest.old) throw new GatewayError('Stale', `the last reading of ${what} is ${whyOld(latest, asked)}`)
  return latest.value
}

function whyOld({ source, age }: Latest, { device, maxAge, isOffline }: Asked): string {
  const shown = `${age.toFixed(1)} s old`
  if (source === 'restored') return `of an earlier run of the gateway, and ${shown}`
  if (isOffline) return `${shown}, and ${device} is offline: its state says why`
  if (maxAge !== undefined && age > maxAge) return shown
  // Its source said so, or the device was offline since, and is there again.
  return `stale, from ${age.toFixed(1)} s ago, and no other has come since`
}
