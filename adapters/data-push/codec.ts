/**
 * The talk of DataPushSocket: a datagram brings a dict of values, one answer says what became of it. Pure ASCII both ways.
 * Source of every quirk: the protocol notes for PyExpLabSys ("section") and recordings of the real server ("vector", by its id).
 * `undefined` in place of an answer is silence.
 */
import { isExactMap, parseExact, type Exact } from '../common/exact-json.js'
import { UNKNOWN_COMMMAND, encodeAscii, readAscii } from '../common/ascii-datagram.js'
import { dumps, repr, str } from '../common/python-text.js'
import { decodeRaw, encodeRaw } from './raw.js'

/** What `commands` is answered with, after `RET#` (section 5.1). */
export const COMMANDS = '["json_wn#", "raw_wn#", "name", "status", "commands"]'

/**
 * The bounds of the original's JSON reader. Python 3.11 refuses longer integers (vector je-intdigits); text nested deeper than
 * about 1000 makes it mute (section 12), where we say that it could not be decoded.
 */
const JSON_BOUNDS = { maxDepth: 1000, maxIntegerDigits: 4300, words: true }

/** Stored · return value, name or commands · refused, nothing stored · stored, but the callback or its formatting failed. */
export type Prefix = 'ACK#' | 'RET#' | 'ERROR#' | 'EXCEP#'

export type Form = 'json_wn' | 'raw_wn'

export type ReturnFormat = 'json' | 'raw' | 'string'

export type Push =
  /** A byte of 0x80 or more: no answer of any kind, nothing stored (section 1). */
  | { readonly kind: 'silent' }
  | { readonly kind: 'name' | 'commands' | 'status' }
  /** The map is the caller's own to keep and to change. */
  | { readonly kind: 'push'; readonly values: Map<string, Exact>; readonly form: Form }
  /** `text` is what follows `ERROR#`. */
  | { readonly kind: 'error'; readonly text: string }

export function decodePush(datagram: Uint8Array): Push {
  const text = readAscii(datagram)
  if (text === undefined) return { kind: 'silent' }
  if (text === 'name' || text === 'commands' || text === 'status') return { kind: text }
  // Exactly one # in the whole datagram, so one inside a JSON text kills the push (vector pm-two-hashes).
  const hash = text.indexOf('#')
  if (hash < 0 || text.includes('#', hash + 1)) return { kind: 'error', text: UNKNOWN_COMMMAND }
  const payload = text.slice(hash + 1)
  switch (text.slice(0, hash)) {
    case 'json_wn':
      return decodeJsonPush(payload)
    case 'raw_wn': {
      const raw = decodeRaw(payload)
      return raw.ok ? { kind: 'push', values: raw.values, form: 'raw_wn' } : { kind: 'error', text: raw.error }
    }
    default:
      return { kind: 'error', text: UNKNOWN_COMMMAND }
  }
}

/** Both refusals carry the text back verbatim, newlines and all (vectors je-control, je-truncated). */
function decodeJsonPush(payload: string): Push {
  const parsed = parseExact(payload, JSON_BOUNDS)
  if (!parsed.ok) return { kind: 'error', text: `The string '${payload}' could not be decoded as JSON` }
  if (!isExactMap(parsed.value)) {
    return { kind: 'error', text: `The object '${str(parsed.value)}' returned after decoding the JSON string is not a dict` }
  }
  return { kind: 'push', values: new Map(parsed.value), form: 'json_wn' }
}

/**
 * Stored: the dict as Python 3 prints it. PyExpLabSys' own tests read it with a Python literal parser, field clients look at three
 * letters (section 5.4).
 */
export function encodeAck(values: ReadonlyMap<string, Exact>): Buffer | undefined {
  return encodeText('ACK#', repr(values))
}

export function encodeError(text: string): Buffer | undefined {
  return encodeText('ERROR#', text)
}

/** What a direct callback returned. A value that has no raw form is an `EXCEP#`: by then the push is stored (section 5.5). */
export function encodeReturn(value: Exact, format: ReturnFormat): Buffer | undefined {
  if (format === 'json') return encodeText('RET#', dumps(value))
  if (format === 'string') return encodeText('RET#', str(value))
  const raw = encodeRaw(value)
  return raw.ok ? encodeText('RET#', raw.text) : encodeException(`Raw conversion failed with message:${raw.error}`)
}

/** `text` is Python's `str` of the exception: often quoted for a KeyError, empty for one without message (vectors dx-pop, dx-noargs). */
export function encodeException(text: string): Buffer | undefined {
  return encodeText('EXCEP#', text)
}

/** `status` is the one answer without prefix: the host checker reads it as JSON from the first byte (section 8, row 7). */
export function encodeStatus(status: Exact): Buffer | undefined {
  return encodeAscii(dumps(status))
}

/** Also for `name` and `commands`, both `RET#`. The text may hold further #: a client splits on the first only (vector pm-hash-name). */
export function encodeText(prefix: Prefix, text: string): Buffer | undefined {
  return encodeAscii(prefix + text)
}

export { decodeAnswer, decodeReturn, encodePush, isAnswerable } from './outgoing.js'
export type { Answer } from './outgoing.js'
