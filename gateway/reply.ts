/** Commands and replies as JSON. */
import type { Exact, Logger, Op } from './adapter.js'
import { toPlain } from '../adapters/common/exact-json.js'
import type { Envelope } from './envelope.js'
import { told } from './errors.js'
import type { GatewayError } from './errors.js'
import { json } from './payload.js'
import { formatTime } from './time.js'

/** What a reply tells beside its value and time. */
export interface ReplyFields {
  readonly id: string
  readonly op: Op | 'history'
  readonly client: string
  readonly phase: 'accepted' | 'done' | 'failed'
  readonly error?: GatewayError
}

export function replyPayload({ id, op, client, phase, error }: ReplyFields, value: Exact | undefined, now: number): string {
  return json({
    id,
    op,
    client,
    phase,
    time: formatTime(now),
    ...(phase === 'done' && value !== undefined ? { value: toPlain(value) } : {}),
    ...(error === undefined
      ? {}
      : {
          error: {
            class: error.class,
            message: told(error),
            retryable: error.retryable,
            ...(error.code === undefined ? {} : { code: error.code }),
            ...(error.maybeExecuted ? { maybeExecuted: true } : {})
          }
        })
  })
}

/** The reply does not tell the text of a fault of ours; so the log does. */
export function logFault(log: Logger, { id, op, client, error }: Omit<ReplyFields, 'phase'>): void {
  if (error?.class === 'Internal') log.error({ id, op, client, err: error.cause ?? error }, 'the gateway failed on a command')
}

/** A page of a history, of which the value is JSON already. The same bytes as {@link replyPayload} would give. */
export function pagePayload({ id, client, phase }: ReplyFields, value: string, now: number): string {
  return `{"client":${JSON.stringify(client)},"id":${JSON.stringify(id)},"op":"history","phase":"${phase}","time":"${formatTime(now)}","value":${value}}`
}

/** A command as a native device gets it: always JSON with an id. */
export function commandPayload(op: Op, id: string, { value, expires }: Envelope): string {
  const member = op === 'call' ? 'arguments' : 'value'
  return json({
    id,
    ...(value === undefined ? {} : { [member]: toPlain(value) }),
    ...(expires === undefined ? {} : { expires: formatTime(expires) })
  })
}
