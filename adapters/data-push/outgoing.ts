/**
 * The client's side of the talk: values as a datagram, and what the answer to it means. Part of the codec, and as pure.
 * Sources as in codec.ts.
 */
import { isExactList, isExactMap, parseExact, type Exact, type ExactMap } from '../common/exact-json.js'
import { readBytes } from '../common/ascii-datagram.js'
import { dumps, isAscii, typeName } from '../common/python-text.js'
import { decodeRawReturn, encodeRawPush } from './raw.js'

/** `auto`: floats leave as raw_wn, which names their type; anything else as json_wn, where our floats keep their `.0` too. */
export type PushForm = 'json_wn' | 'raw_wn' | 'auto'

/** `error` tells people why no push socket could take it. */
export type Encoded = { readonly ok: true; readonly datagram: Buffer } | { readonly ok: false; readonly error: string }

export function encodePush(values: ExactMap, form: PushForm): Encoded {
  const raw = form === 'json_wn' || (form === 'auto' && !isOfFloats(values)) ? undefined : encodeRawPush(values)
  if (form === 'raw_wn' && raw?.ok === false) return raw
  const text = raw?.ok === true ? `raw_wn#${raw.text}` : `json_wn#${withoutHash(dumps(values))}`
  // The rest would be cut off, and the push acknowledged all the same (vector re-truncated).
  if (text.length > readBytes)
    return { ok: false, error: `the push has ${text.length} bytes; a push socket reads no more than ${readBytes}` }
  return { ok: true, datagram: Buffer.from(text, 'latin1') }
}

function isOfFloats(values: ExactMap): boolean {
  const all = [...values.values()]
  return all.length > 0 && all.every((value) => (isExactList(value) ? value.every(isFloat) : isFloat(value)))
}

function isFloat(value: Exact): boolean {
  return typeName(value) === 'float'
}

/** A second # anywhere in the datagram kills the push (section 5.1). In JSON it only stands in texts, where it has another spelling. */
function withoutHash(json: string): string {
  return json.replaceAll('#', '\\u0023')
}

/** Can a real push socket acknowledge these? Under Python 3 it stores a text outside ASCII, and is silent (section 5.4). */
export function isAnswerable(values: Exact): boolean {
  if (typeof values === 'string') return isAscii(values)
  if (isExactList(values)) return values.every(isAnswerable)
  return !isExactMap(values) || [...values].every(([key, value]) => isAscii(key) && isAnswerable(value))
}

/** `refused`: nothing was stored · `failed`: stored, but the callback or the formatting of its value failed · `foreign`: no push socket speaks so. */
export interface Answer {
  readonly kind: 'acknowledged' | 'returned' | 'refused' | 'failed' | 'foreign'
  /** What follows the prefix; of a foreign answer the whole. */
  readonly text: string
}

const prefixes = new Map<string, Answer['kind']>([
  ['ACK', 'acknowledged'],
  ['RET', 'returned'],
  ['ERROR', 'refused'],
  ['EXCEP', 'failed']
])

/** Only the first # counts, as the text may hold more; of ACK# nothing but the prefix, as its dict is written in three dialects (section 5.4). */
export function decodeAnswer(datagram: Uint8Array): Answer {
  const text = Buffer.from(datagram).toString('latin1')
  const hash = text.indexOf('#')
  const kind = hash < 0 ? undefined : prefixes.get(text.slice(0, hash))
  return kind === undefined ? { kind: 'foreign', text } : { kind, text: text.slice(hash + 1) }
}

export type Returned = { readonly ok: true; readonly value: Exact } | { readonly ok: false; readonly error: string }

/** What a direct callback returned, in the form that its socket was made with. */
export function decodeReturn(text: string, format: 'json' | 'raw' | 'string'): Returned {
  if (format === 'string') return { ok: true, value: text }
  if (format === 'raw') return decodeRawReturn(text)
  const parsed = parseExact(text, { words: true })
  return parsed.ok ? parsed : { ok: false, error: `${parsed.error} at ${parsed.at}` }
}
