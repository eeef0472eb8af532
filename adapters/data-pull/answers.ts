/**
 * What a real DateDataPullSocket or DataPullSocket answers, read for a client that asks it. Three dialects are in the field (Python 3,
 * and two of Python 2) and differ only in how many digits a raw float has: 12 in Python 2 (section 3). Never throws.
 */
import { UNKNOWN_COMMMAND } from '../common/ascii-datagram.js'
import { isExactList, isExactMap, parseExact } from '../common/exact-json.js'
import type { Exact } from '../common/exact-json.js'
import { isAscii } from '../common/python-text.js'

/** What one channel said. A point is its first two items, as in the raw forms. */
export type Told =
  | { readonly kind: 'point'; readonly x: Exact; readonly y: Exact }
  /** `OLD_DATA` in the place of the point. */
  | { readonly kind: 'old' }
  | Refused

/** A bad command, or a codename that is not there: the server does not tell them apart (section 4.1). */
export type Refused = { readonly kind: 'unknown' } | Broken

/** Not of this protocol. The reason is the same for all that is wrong in the same way: who reports it can tell news from repetition. */
export interface Broken {
  readonly kind: 'broken'
  readonly reason: string
}

export type Answer<T> = { readonly kind: 'told'; readonly told: T } | Refused

const OLD = 'OLD_DATA'

/** Bytes that clients and servers of this family read at a time: a datagram that is just as long has perhaps lost its end (sections 1, 9). */
const readSizes = [1024, 2048, 4096, 8192]

/** `codename#json`: `[x, y]` or `"OLD_DATA"`. */
export function decodeJsonPoint(datagram: Uint8Array): Told {
  const answer = readJson(datagram)
  return answer.kind === 'told' ? jsonPoint(answer.told) : answer
}

/** `codename#raw`: `x,y` or `OLD_DATA`. All after the first comma is y, as texts are not escaped. */
export function decodeRawPoint(datagram: Uint8Array): Told {
  const answer = readText(datagram)
  if (answer.kind !== 'told') return answer
  const point = rawPoint(answer.told)
  // A number is never so long; a text that was cut would pass for a whole one.
  if (point.kind === 'point' && isCut(answer.told)) return cut(answer.told)
  return point
}

/** `json`: the channels in their order. */
export function decodeJson(datagram: Uint8Array): Answer<readonly Told[]> {
  const answer = readJson(datagram)
  if (answer.kind !== 'told') return answer
  if (!isExactList(answer.told)) return broken('no list')
  return { kind: 'told', told: answer.told.map(jsonPoint) }
}

/** `json_wn`: codename to point. */
export function decodeJsonWithNames(datagram: Uint8Array): Answer<ReadonlyMap<string, Told>> {
  const answer = readJson(datagram)
  if (answer.kind !== 'told') return answer
  if (!isExactMap(answer.told)) return broken('no object')
  return { kind: 'told', told: new Map(Array.from(answer.told, ([codename, point]) => [codename, jsonPoint(point)])) }
}

/** `raw`: the channels in their order, joined by `;`. A text that holds one reads as two channels. */
export function decodeRaw(datagram: Uint8Array): Answer<readonly Told[]> {
  const answer = readText(datagram)
  if (answer.kind !== 'told') return answer
  if (isCut(answer.told)) return cut(answer.told)
  return { kind: 'told', told: answer.told === '' ? [] : answer.told.split(';').map(rawPoint) }
}

/** `raw_wn`: `codename:x,y`, joined by `;`. */
export function decodeRawWithNames(datagram: Uint8Array): Answer<ReadonlyMap<string, Told>> {
  const answer = readText(datagram)
  if (answer.kind !== 'told') return answer
  if (isCut(answer.told)) return cut(answer.told)
  const channels = new Map<string, Told>()
  for (const part of answer.told === '' ? [] : answer.told.split(';')) {
    const colon = part.indexOf(':')
    if (colon < 0) return broken('no codename')
    channels.set(part.slice(0, colon), rawPoint(part.slice(colon + 1)))
  }
  return { kind: 'told', told: channels }
}

/** `codenames_json`. */
export function decodeCodenames(datagram: Uint8Array): Answer<readonly string[]> {
  const answer = readJson(datagram)
  if (answer.kind !== 'told') return answer
  const names = isExactList(answer.told) ? answer.told.filter((name) => typeof name === 'string') : undefined
  if (names === undefined || names.length !== (answer.told as readonly Exact[]).length) return broken('no list of codenames')
  return { kind: 'told', told: names }
}

/** `name`: bare, and perhaps empty; a push socket would put `RET#` in front (section 8, row 6). */
export function decodeName(datagram: Uint8Array): Answer<string> {
  const text = asciiOf(datagram)
  return text === undefined ? notAscii : { kind: 'told', told: text }
}

const notAscii: Broken = { kind: 'broken', reason: 'bytes beyond ASCII' }

/** Not `readAscii`, which cuts as the servers cut questions; answers are as long as a datagram can be. */
function asciiOf(datagram: Uint8Array): string | undefined {
  const text = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength).toString('latin1')
  return isAscii(text) ? text : undefined
}

function readText(datagram: Uint8Array): Answer<string> {
  const text = asciiOf(datagram)
  if (text === undefined) return notAscii
  return text === UNKNOWN_COMMMAND ? { kind: 'unknown' } : { kind: 'told', told: text }
}

function readJson(datagram: Uint8Array): Answer<Exact> {
  const answer = readText(datagram)
  if (answer.kind !== 'told') return answer
  const parsed = parseExact(answer.told, { words: true })
  if (parsed.ok) return { kind: 'told', told: parsed.value }
  return isCut(answer.told) ? cut(answer.told) : broken('no JSON')
}

function jsonPoint(value: Exact): Told {
  if (value === OLD) return { kind: 'old' }
  const [x, y] = isExactList(value) ? value : []
  return x === undefined || y === undefined ? broken(noPoint) : { kind: 'point', x, y }
}

function rawPoint(text: string): Told {
  if (text === OLD) return { kind: 'old' }
  const comma = text.indexOf(',')
  if (comma < 0) return broken(noPoint)
  return { kind: 'point', x: rawValue(text.slice(0, comma)), y: rawValue(text.slice(comma + 1)) }
}

/** As Python prints numbers, and a little more freely, for servers that are not PyExpLabSys. No leading zeros: those are texts. */
const rawInteger = /^[+-]?(?:0|[1-9]\d*)$/
const rawFloat = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i

const rawWords = new Map<string, Exact>([
  ['True', true],
  ['False', false],
  ['None', null]
])

/** As Python's float() reads them: other servers write `NaN` and `-nan`. Passed on as texts they would look like good values. */
const rawNotFinite = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i

/** Longer ones are texts: BigInt takes more time than digits. Python stops there too. */
const integerDigits = 4300

/** Raw text does not say whether it was a text: `47` is taken for a number. Lists and dicts stay texts. */
function rawValue(text: string): Exact {
  const word = rawWords.get(text)
  if (word !== undefined) return word
  const bare = text.trim()
  const [isSpecial, sign, nan] = rawNotFinite.exec(bare) ?? []
  if (isSpecial !== undefined) return nan !== undefined ? NaN : sign === '-' ? -Infinity : Infinity
  if (rawInteger.test(bare) && bare.length <= integerDigits) return BigInt(bare.replace('+', ''))
  return rawFloat.test(bare) && !rawInteger.test(bare) ? Number(bare) : text
}

function isCut(text: string): boolean {
  return readSizes.includes(text.length)
}

const noPoint = 'no point of x and y'

function cut({ length }: string): Broken {
  return broken(`${length} bytes, where it was probably cut`)
}

function broken(reason: string): Broken {
  return { kind: 'broken', reason }
}
