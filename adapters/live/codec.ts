/**
 * The talk of LiveSocket: hosts send batches of points to the live proxy, which shows them to web pages.
 * Source of every quirk: the protocol notes for PyExpLabSys ("section") and recordings of the real proxy ("vector", by its id).
 */
import { isExactList, isExactMap, parseExact } from '../common/exact-json.js'
import type { Exact, ExactMap } from '../common/exact-json.js'
import { dumps } from '../common/python-text.js'

/** Stands where a point would: what came before belongs to another series (section 7.1). */
export const RESET = 'RESET'

/** Bytes that the proxy reads of a datagram; a longer one is cut there, and is no JSON any more (section 7.2, vector px-8k-fits). */
export const datagramBytes = 8192

/** What the recorded proxy accepts, NaN included (vector px-nan). */
const words = { words: true }

export interface Batch {
  readonly host: string
  /** Codename to point, `[x, y]` or {@link RESET}; whatever else a host sends stays what it is. */
  readonly data: ExactMap
  /** The whole object, with members that nobody knows. */
  readonly whole: ExactMap
}

export type Datagram =
  | { readonly kind: 'batch'; readonly batch: Batch }
  /** The proxy counts these (section 7.2). */
  | { readonly kind: 'no-json'; readonly reason: string }
  /** JSON of another form ends the real proxy (section 7.4, vectors px-fatal-no-host, px-fatal-list). */
  | { readonly kind: 'no-batch'; readonly reason: string }

export function decodeDatagram(datagram: Uint8Array): Datagram {
  const text = utf8(strip(datagram.subarray(0, datagramBytes)))
  if (text === undefined) return { kind: 'no-json', reason: 'it is no UTF-8 text' }
  const parsed = parseExact(text, words)
  if (!parsed.ok) {
    const cut = datagram.length > datagramBytes ? `; it has more than ${datagramBytes} bytes and was cut there` : ''
    return { kind: 'no-json', reason: `it is no JSON: ${parsed.error} at character ${parsed.at + 1}${cut}` }
  }
  const { value } = parsed
  if (!isExactMap(value)) return { kind: 'no-batch', reason: 'it is no JSON object' }
  const [host, data] = [value.get('host'), value.get('data')]
  if (typeof host !== 'string') return { kind: 'no-batch', reason: 'it has no host, which is a text' }
  if (data === undefined || !isExactMap(data)) return { kind: 'no-batch', reason: 'it has no data, which is an object' }
  return { kind: 'batch', batch: { host, data, whole: value } }
}

/** What a point says; `other` is of no form that a LiveSocket sends. */
export type Point =
  { readonly kind: 'point'; readonly x: Exact; readonly y: Exact } | { readonly kind: 'reset' } | { readonly kind: 'other' }

export function decodePoint(point: Exact): Point {
  if (point === RESET) return { kind: 'reset' }
  if (!isExactList(point) || point.length !== 2) return { kind: 'other' }
  return { kind: 'point', x: point[0] as Exact, y: point[1] as Exact }
}

/** Unix seconds of the years 2000 to 2099. */
const [earliest, latest] = [946_684_800, 4_102_444_800]

/** x as Unix seconds, where it looks like such; and where it looks like milliseconds, a mistake that must not pass for x,y data. */
export function timeOf(x: Exact): { readonly seconds: number } | 'milliseconds' | undefined {
  if (typeof x !== 'number' && typeof x !== 'bigint') return undefined
  const number = Number(x)
  if (number >= earliest && number < latest) return { seconds: number }
  return number >= earliest * 1000 && number < latest * 1000 ? 'milliseconds' : undefined
}

/** A batch as pages get it: as Python's json writes it, members in their order, and each point alone for those that subscribe later. */
export function encodeForPages({ data, whole }: Batch): { readonly text: string; readonly points: ReadonlyMap<string, string> } {
  const points = new Map([...data].map(([codename, point]) => [codename, dumps(finite(point))]))
  const members = [...whole].map(([key, value]) => `${dumps(key)}: ${key === 'data' ? object(points) : dumps(finite(value))}`)
  return { text: `{${members.join(', ')}}`, points }
}

/** `points`: codename to the point's own JSON. What a LiveSocket sends, and what a page gets for what it has subscribed to. */
export function encodeBatch(host: string, points: Iterable<readonly [string, string]>): string {
  return `{"host": ${dumps(host)}, "data": ${object(points)}}`
}

/** A point for a page. */
export function pagePoint(point: Exact): string {
  return dumps(finite(point))
}

/** A point for a proxy: NaN and the infinities are words, as in Python's json (vector le-nan). */
export function proxyPoint(point: Exact): string {
  return dumps(point)
}

export type Frame =
  | { readonly kind: 'subscribe'; readonly channels: readonly Channel[] }
  /** Any other action (vector px-unknown-action). */
  | { readonly kind: 'ignored' }
  /** The real proxy raises, and the connection is gone with 1006 (section 7.3). */
  | { readonly kind: 'wrong'; readonly reason: string }

export interface Channel {
  readonly host: string
  readonly codename: string
}

/** A text frame or a binary one, which makes no difference (vector px-binary-frame). */
export function decodeFrame(frame: Uint8Array): Frame {
  const text = utf8(frame)
  if (text === undefined) return { kind: 'wrong', reason: 'a frame is no UTF-8 text' }
  const parsed = parseExact(text, words)
  if (!parsed.ok) return { kind: 'wrong', reason: `a frame is no JSON: ${parsed.error} at character ${parsed.at + 1}` }
  if (!isExactMap(parsed.value)) return { kind: 'wrong', reason: 'a frame is no JSON object' }
  if (parsed.value.get('action') !== 'subscribe') return { kind: 'ignored' }
  const subscriptions = parsed.value.get('subscriptions')
  if (subscriptions === undefined || !isExactList(subscriptions)) return { kind: 'wrong', reason: 'subscriptions is no list' }
  const channels: Channel[] = []
  for (const subscription of subscriptions) {
    const parts = typeof subscription === 'string' ? subscription.split(':') : []
    const [host, codename] = parts
    if (host === undefined || codename === undefined || parts.length !== 2)
      return { kind: 'wrong', reason: `the subscription ${dumps(subscription).slice(0, 100)} is not of the form host:codename` }
    channels.push({ host, codename })
  }
  return { kind: 'subscribe', channels }
}

function object(members: Iterable<readonly [string, string]>): string {
  return `{${Array.from(members, ([key, value]) => `${dumps(key)}: ${value}`).join(', ')}}`
}

/** JSON.parse of a page throws at the words NaN and Infinity, and the page is dead (section 7.3): null instead. */
function finite(value: Exact): Exact {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (isExactList(value)) return value.map(finite)
  return isExactMap(value) ? new Map(Array.from(value, ([key, item]) => [key, finite(item)])) : value
}

/** As Python's strip() of bytes, which takes away more than JSON allows around it. */
function strip(bytes: Uint8Array): Uint8Array {
  const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d)
  let [start, end] = [0, bytes.length]
  while (isSpace(bytes[start])) start += 1
  while (end > start && isSpace(bytes[end - 1])) end -= 1
  return bytes.subarray(start, end)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
