/** Rig messages as bytes (section 2). "Section" and "table" mean the notes on the rig messages of iblutil. */
import { isUtf8 } from 'node:buffer'
import { isExactList, parseExact } from '../common/exact-json.js'
import type { Exact } from '../common/exact-json.js'
import { dumps } from '../common/python-text.js'
import { concealed, hideTokens } from './conceal.js'
import { classify, numberOf } from './events.js'
import type { EventName } from './events.js'

export { classify, readStatus, statusToSend } from './events.js'

export interface Message {
  readonly kind: 'message'
  readonly event: EventName
  /** After the event number; at least one, but for the bare `[32]` with which older peers ask for the state (section 2.1). */
  readonly elements: readonly Exact[]
}

/** A listener failed over there. Logins that it quotes are hidden. */
export interface Report {
  readonly kind: 'report'
  readonly text: string
  /** The event that failed, where the report tells it. */
  readonly event: EventName | undefined
  /** The message that failed, where the report quotes it (section 11). */
  readonly about?: string
  /** After the 0; the second may be a text, the message as received (section 11). */
  readonly elements: readonly Exact[]
}

/** Not understood. */
export interface Odd {
  readonly kind: 'odd'
  readonly reason: string
  /** By its number it comes from a peer older than 1.11 (section 12). */
  readonly isOlder?: true
}

export type Payload = Message | Report | Odd

export interface ReadOptions {
  /** 127 is ALYX: a peer whose numbers are int8 cannot say 128 (section 11). */
  readonly int8?: boolean
}

/** Lists and objects that may be open at once; a reading that is read back from MQTT may have 200, and has some of its own. */
const maxDepth = 190

/** Numbers of events before 1.11 that mean nothing since (section 12). */
const olderNumbers: ReadonlySet<Exact> = new Set([10n, 20n, 30n, 40n, 50n])

/** Characters of what a stranger said that stand in a reason. */
const maxReason = 300

const byteOrderMark = '\uFEFF'

const beginOfList = /^[ \t\r\n]*\[/

/** Never throws. Lenient as section 2 says: NaN and the infinities, integers of any size, any white space, a byte order mark. */
export function readPayload(bytes: Uint8Array, options: ReadOptions = {}): Payload {
  if (!isUtf8(bytes)) return odd('not UTF-8')
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const text = whole.startsWith(byteOrderMark) ? whole.slice(1) : whole
  // To find that out by reading costs far more, and babblers do not tire.
  if (!beginOfList.test(text)) return odd('no list')
  const parsed = parseExact(text, { words: true, maxDepth })
  if (!parsed.ok) return odd(`not JSON: ${parsed.error} at ${parsed.at}`)
  if (!isExactList(parsed.value)) return odd('no list')
  const [first, ...elements] = parsed.value
  if (first === undefined) return odd('an empty list')
  return readElements(first, elements, options)
}

/**
 * Does whoever sends this wait to get it back (section 3, step 2, and section 9)? Reports, fewer than two characters and what is not
 * UTF-8 are never echoed, not even where the 0 of a report stands behind blanks. For the echo itself, which comes before all reading.
 */
export function mustEcho(bytes: Uint8Array): boolean {
  const second = lengthOfFirst(bytes)
  if (bytes.length <= second || bytes[second] === zero || !isUtf8(bytes)) return false
  let at = skipBlanks(bytes, bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0)
  if (bytes[at] !== 0x5b) return true
  at = skipBlanks(bytes, at + 1)
  if (bytes[at] !== zero) return true
  const after = bytes[skipBlanks(bytes, at + 1)]
  return after !== 0x2c && after !== 0x5d
}

/** In the layout of Python's json.dumps, which the peers written in MATLAB need (section 11). */
export function encodeMessage(event: EventName, elements: readonly Exact[]): Buffer {
  return Buffer.from(dumps([BigInt(numberOf[event]), ...elements]))
}

/** `text` as in Python: `Class: text`. */
export function encodeReport(text: string, event: EventName): Buffer {
  return Buffer.from(dumps([0n, text, BigInt(numberOf[event])]))
}

const zero = 0x30

function readElements(first: Exact, elements: readonly Exact[], options: ReadOptions): Payload {
  const event = options.int8 === true && first === 127n ? 128n : first
  const classified = classify(event)
  if (!classified.ok)
    return olderNumbers.has(first)
      ? { ...odd(`event ${dumps(first)} of iblutil before 1.11`), isOlder: true }
      : odd(hideTokens(classified.message).slice(0, maxReason))
  const { name } = classified
  const [element, failed] = elements
  if (element === undefined && name !== 'EXPSTATUS') return odd(`${name ?? 'a report'} without elements`)
  if (name !== null) return { kind: 'message', event: name, elements }
  const shown = concealed(undefined, elements)
  const text = typeof shown[0] === 'string' ? shown[0] : dumps(shown[0] as Exact)
  return {
    kind: 'report',
    text,
    event: failed === undefined ? undefined : eventOfFailed(failed, options),
    ...(typeof shown[1] === 'string' ? { about: shown[1] } : {}),
    elements: shown
  }
}

/** The third element of a report: the number of the event, its name, or the message (section 11). */
function eventOfFailed(failed: Exact, options: ReadOptions): EventName | undefined {
  const quoted = typeof failed === 'string' && beginOfList.test(failed) ? parseExact(failed, { words: true, maxDepth }) : undefined
  const first = quoted?.ok === true && isExactList(quoted.value) ? quoted.value[0] : failed
  if (first === undefined) return undefined
  const known = classify(options.int8 === true && first === 127n ? 128n : first)
  return known.ok ? (known.name ?? undefined) : undefined
}

function odd(reason: string): Odd {
  return { kind: 'odd', reason }
}

/** Bytes of the first character. */
function lengthOfFirst([first = 0]: Uint8Array): number {
  if (first < 0xc0) return 1
  if (first < 0xe0) return 2
  return first < 0xf0 ? 3 : 4
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from
  while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at += 1
  return at
}
