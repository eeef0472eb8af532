/**
 * The talk of DateDataPullSocket and DataPullSocket: one question a datagram, at most one answer, pure ASCII both ways.
 * Source of every quirk: the protocol notes for PyExpLabSys ("section") and recordings of the real server ("vector", by its id).
 * `undefined` in place of an answer is silence.
 */
import type { Exact } from './exact-json.js'
import { UNKNOWN_COMMMAND, encodeAscii, readAscii } from './ascii-datagram.js'
import { dumps, str } from './python-text.js'

/** Stands where a point would, once it is older than its timeout. Never `null`, never the stale value: furnaces are steered by this. */
export const OLD_DATA = 'OLD_DATA'

/** `raw` is Python's `str`, values joined by separators that are not escaped; `json` is Python's `json.dumps`. */
export type Form = 'raw' | 'json'

export type Question =
  /** A byte of 0x80 or more: no answer of any kind (vector pe-utf8-request). */
  | { readonly kind: 'silent' }
  /** All channels, in declared order; `_wn` is "with names". */
  | { readonly kind: 'raw' | 'raw_wn' | 'json' | 'json_wn' }
  | { readonly kind: 'codenames_raw' | 'codenames_json' | 'name' | 'status' }
  /** Whether the codename exists is for the server to say. It may be empty, or itself be called `raw` (vector ps-named-raw). */
  | { readonly kind: 'point'; readonly codename: string; readonly form: Form }
  | { readonly kind: 'unknown' }

/** `[x, y]`; the original also serves longer points (raw shows two items, json all) and shorter ones (see `encodeRaw`). */
export type Point = readonly Exact[]

export interface Channel {
  readonly codename: string
  readonly point: Point | 'old'
}

export function decodeQuestion(datagram: Uint8Array): Question {
  const text = readAscii(datagram)
  if (text === undefined) return { kind: 'silent' }
  const hash = text.indexOf('#')
  if (hash >= 0) return decodePointQuestion(text, hash)
  // Compared exactly: case, blanks and a trailing newline all matter (vector pu-misc).
  switch (text) {
    case 'raw':
    case 'raw_wn':
    case 'json':
    case 'json_wn':
    case 'codenames_raw':
    case 'codenames_json':
    case 'name':
    case 'status':
      return { kind: text }
    default:
      return { kind: 'unknown' }
  }
}

function decodePointQuestion(text: string, hash: number): Question {
  // A second # makes the form one that does not exist, hence no check of its own.
  const form = text.slice(hash + 1)
  if (form !== 'raw' && form !== 'json') return { kind: 'unknown' }
  return { kind: 'point', codename: text.slice(0, hash), form }
}

/**
 * `x,y;x,y`. Silence when a point has fewer than two items, as in the original (vectors pv-one, pv-empty).
 * Text outside ASCII silences the original; here it is answered with escapes (`caf\xe9`), in all raw forms.
 */
export function encodeRaw(channels: readonly Channel[]): Buffer | undefined {
  let text = ''
  let separator = ''
  for (const { point } of channels) {
    const shown = rawPoint(point)
    if (shown === undefined) return undefined
    text += separator + shown
    separator = ';'
  }
  return encodeAscii(text)
}

/** `codename:x,y;codename:x,y`. Silence as in `encodeRaw`. */
export function encodeRawWithNames(channels: readonly Channel[]): Buffer | undefined {
  let text = ''
  let separator = ''
  for (const { codename, point } of channels) {
    const shown = rawPoint(point)
    if (shown === undefined) return undefined
    text += separator + codename + ':' + shown
    separator = ';'
  }
  return encodeAscii(text)
}

/** `[[x, y], "OLD_DATA"]` */
export function encodeJson(channels: readonly Channel[]): Buffer | undefined {
  let text = '['
  let separator = ''
  for (const { point } of channels) {
    text += separator + jsonPoint(point)
    separator = ', '
  }
  return encodeAscii(text + ']')
}

/**
 * `{"codename": [x, y]}`. `undeclared` are codenames that were set without being declared, in order of first setting:
 * this is the only answer to list them (vectors pg-date, pg-data).
 */
export function encodeJsonWithNames(channels: readonly Channel[], undeclared: readonly Channel[] = []): Buffer | undefined {
  const declared = jsonMembers(channels)
  const others = jsonMembers(undeclared)
  return encodeAscii('{' + declared + (declared !== '' && others !== '' ? ', ' : '') + others + '}')
}

/** `x,y` or `[x, y]`, and for an old one `OLD_DATA` or, in json, the same in quotes. Silence as in `encodeRaw`. */
export function encodePoint(point: Point | 'old', form: Form): Buffer | undefined {
  const text = form === 'raw' ? rawPoint(point) : jsonPoint(point)
  return text === undefined ? undefined : encodeAscii(text)
}

export function encodeCodenamesRaw(codenames: readonly string[]): Buffer | undefined {
  return encodeAscii(codenames.join(','))
}

export function encodeCodenamesJson(codenames: readonly string[]): Buffer | undefined {
  return encodeAscii(dumps(codenames))
}

/** Bare, without the `RET#` that a push socket puts in front (section 8, row 6). May be an empty datagram. */
export function encodeName(name: string): Buffer | undefined {
  return encodeAscii(name)
}

export function encodeStatus(status: Exact): Buffer | undefined {
  return encodeAscii(dumps(status))
}

export function encodeUnknown(): Buffer | undefined {
  return encodeAscii(UNKNOWN_COMMMAND)
}

function jsonMembers(channels: readonly Channel[]): string {
  let text = ''
  for (const { codename, point } of channels) {
    text += (text === '' ? '' : ', ') + dumps(codename) + ': ' + jsonPoint(point)
  }
  return text
}

function jsonPoint(point: Point | 'old'): string {
  return dumps(point === 'old' ? OLD_DATA : point)
}

function rawPoint(point: Point | 'old'): string | undefined {
  if (point === 'old') return OLD_DATA
  const [x, y] = point
  return x === undefined || y === undefined ? undefined : str(x) + ',' + str(y)
}
