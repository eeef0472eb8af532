/** What goes wrong over HTTP, told as RFC 9457 says (application/problem+json). */
import { STATUS_CODES } from 'node:http'
import type { Problem } from '../../schemas/types.js'
import { GatewayError, told } from '../errors.js'
import type { ErrorClass, GatewayErrorOptions } from '../errors.js'
import { json } from '../payload.js'

/** The one table of what a failure of each class is over HTTP. */
export const statuses: Readonly<Record<ErrorClass, number>> = {
  BadPayload: 400,
  WrongType: 400,
  RangeError: 400,
  NotFinite: 400,
  Retained: 400,
  ReadOnly: 403,
  Forbidden: 403,
  UnknownDevice: 404,
  UnknownCodename: 404,
  Busy: 409,
  Locked: 409,
  Expired: 409,
  RateLimited: 429,
  Internal: 500,
  DeviceError: 502,
  Unreachable: 503,
  Stale: 503,
  Timeout: 504
}

export const problemType = 'application/problem+json; charset=utf-8'

interface HttpErrorOptions extends GatewayErrorOptions {
  /** Instead of that of its class. */
  readonly status?: number
  /** The member or parameter that is wrong: `/value`, `?points`. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A refusal that only HTTP knows, or one that says which part of the request is wrong. */
export class HttpError extends GatewayError {
  readonly status: number
  readonly path: string | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(errorClass: ErrorClass, message: string, options: HttpErrorOptions = {}) {
    super(errorClass, message, options)
    this.status = options.status ?? statuses[errorClass]
    this.path = options.path
    this.headers = options.headers ?? {}
  }
}

/** There is nothing at this address. It has no class: the classes are of devices and commands. */
export function notFound(detail: string): HttpError {
  return new HttpError('BadPayload', detail, { status: 404, rule: 'path' })
}

export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `id`: of the command that it came of. */
export function problemOf(error: GatewayError, id?: string): ProblemAnswer {
  const status = error instanceof HttpError ? error.status : statuses[error.class]
  const problem: Problem = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? error.class,
    status,
    detail: told(error),
    class: error.class,
    retryable: error.retryable,
    // Fastify writes its own into what its validator is given.
    ...(error.code === undefined || error.code.startsWith('FST_') ? {} : { code: error.code }),
    ...(error.rule === undefined ? {} : { rule: error.rule }),
    ...(error.maybeExecuted ? { maybeExecuted: true } : {}),
    ...(error instanceof HttpError && error.path !== undefined ? { path: error.path } : {}),
    ...(id === undefined ? {} : { id })
  }
  const wait = status === 429 || status === 503 ? { 'retry-after': '1' } : {}
  return { status, headers: { ...wait, ...(error instanceof HttpError ? error.headers : {}) }, body: json(problem) + '\n' }
}

/** What Fastify itself refuses, by its code; whatever is not here is a fault of ours. */
const fastifyCodes: Readonly<Record<string, () => HttpError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new HttpError('BadPayload', 'the body is longer than broker.limits.maxPacket', { status: 413, rule: 'maxPacket' }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => notJson(),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new HttpError('BadPayload', 'the body has another length than its header says', { rule: 'length' }),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new HttpError('BadPayload', 'the body is empty', { rule: 'json' }),
  // Nobody is there to read it.
  ECONNRESET: () => new HttpError('BadPayload', 'the request ended before all of it came', { rule: 'length' }),
  FST_ERR_BAD_URL: () => new HttpError('BadPayload', 'the address is not percent-encoded UTF-8', { rule: 'path' }),
  FST_ERR_MAX_PARAM_LENGTH: () => new HttpError('BadPayload', 'a name in the address is too long', { status: 414, rule: 'path' })
}

export function notJson(): HttpError {
  return new HttpError('BadPayload', 'send JSON, with the header content-type: application/json', {
    status: 415,
    rule: 'content-type',
    headers: { accept: 'application/json' }
  })
}

/** Any thrown thing as an error that can be told. */
export function asHttpError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  const { code } = thrown as { code?: unknown }
  const known = typeof code === 'string' ? fastifyCodes[code] : undefined
  if (known !== undefined) return known()
  return new GatewayError('Internal', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
}
