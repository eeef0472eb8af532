import { told } from '../errors.js'
import type { GatewayError } from '../errors.js'
import { json, textOf } from '../payload.js'
import { formatTime } from '../time.js'

/** Bytes of the refused payload that are kept. */
const keep = 4096

/** A refused message with the reason, as published under lab-dead/. A payload that is no UTF-8 text is given in base64. */
export function deadLetter(refused: {
  topic: string
  payload: Uint8Array
  client: string
  error: GatewayError
  /** Of a command. */
  id?: string | undefined
  now: number
  retain?: boolean
  qos?: 0 | 1 | 2
}): string {
  const { topic, payload, client, error, id, now, retain, qos } = refused
  const cut = payload.length > keep
  const part = cut ? payload.subarray(0, keep) : payload
  const text = textOf(part) ?? (cut ? textOf(trimmed(part)) : undefined)
  return json({
    topic,
    client,
    ...(id === undefined ? {} : { id }),
    time: formatTime(now),
    class: error.class,
    rule: error.rule ?? error.class,
    reason: told(error),
    payload: text ?? Buffer.from(part).toString('base64'),
    ...(text === undefined ? { encoding: 'base64' } : {}),
    ...(cut ? { bytes: payload.length } : {}),
    ...(retain === undefined ? {} : { retain }),
    ...(qos === undefined ? {} : { qos })
  })
}

/** Without the character that the cut may have split. */
function trimmed(part: Uint8Array): Uint8Array {
  let end = part.length
  while (end > 0 && part.length - end < 4 && ((part[end - 1] as number) & 0xc0) === 0x80) end -= 1
  return part.subarray(0, end > 0 ? end - 1 : 0)
}
