/**
 * What a client may send in MQTT 3.1 and 3.1.1, told from the bytes: Aedes takes NUL and bad UTF-8 in topics, `a+`, wills to `w/#`
 * and packet ids of zero. Pure; payloads are never looked at.
 */
import { isUtf8 } from 'node:buffer'

/** Why a connection is cut. `connack`: the return code that it is told before [MQTT-3.2.2-4]. */
export interface Refusal {
  readonly reason: string
  readonly connack?: 1 | 2
}

export const types = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14
}

/** By type: name, the flags that it must carry [MQTT-2.2.2-2] (PUBLISH has its own), and its shortest and longest body in bytes. */
const forms: Readonly<Record<number, { readonly name: string; readonly flags: number; readonly least: number; readonly most: number }>> = {
  [types.connect]: { name: 'CONNECT', flags: 0, least: 12, most: Infinity },
  [types.publish]: { name: 'PUBLISH', flags: -1, least: 3, most: Infinity },
  [types.puback]: { name: 'PUBACK', flags: 0, least: 2, most: 2 },
  [types.pubrec]: { name: 'PUBREC', flags: 0, least: 2, most: 2 },
  [types.pubrel]: { name: 'PUBREL', flags: 2, least: 2, most: 2 },
  [types.pubcomp]: { name: 'PUBCOMP', flags: 0, least: 2, most: 2 },
  [types.subscribe]: { name: 'SUBSCRIBE', flags: 2, least: 6, most: Infinity },
  [types.unsubscribe]: { name: 'UNSUBSCRIBE', flags: 2, least: 5, most: Infinity },
  [types.pingreq]: { name: 'PINGREQ', flags: 0, least: 0, most: 0 },
  [types.disconnect]: { name: 'DISCONNECT', flags: 0, least: 0, most: 0 }
}

/** The first byte of a packet: what is wrong with its type or its flags. */
export function checkFirst(first: number): string | undefined {
  const form = forms[first >> 4]
  if (form === undefined) return `no client sends packets of type ${first >> 4} [MQTT-2.2.1]`
  if (form.flags >= 0) return (first & 15) === form.flags ? undefined : `${form.name} with reserved flags [MQTT-2.2.2-2]`
  if ((first & 6) === 6) return 'PUBLISH with QoS 3 [MQTT-3.3.1-4]'
  return (first & 14) === 8 ? 'PUBLISH with DUP at QoS 0 [MQTT-3.3.1-2]' : undefined
}

/** The fixed header is whole, and its first byte is right: what is wrong with its length. */
export function checkLength(first: number, length: number): string | undefined {
  const { name, least, most } = forms[first >> 4] as (typeof forms)[number]
  return length < least || length > most ? `${name} of ${length} bytes` : undefined
}

/** Bytes of the body that {@link checkBody} wants to see, as far as can be told from those that are `seen`. */
export function wanted(first: number, length: number, seen: Buffer): number {
  if (first >> 4 !== types.publish) return length
  return seen.length < 2 ? 2 : Math.min(length, 2 + seen.readUInt16BE(0) + ((first & 6) === 0 ? 0 : 2))
}

/** The body, as much of it as is {@link wanted}. `maxFilters`: filters of one SUBSCRIBE or UNSUBSCRIBE. */
export function checkBody(first: number, body: Buffer, maxFilters: number): Refusal | undefined {
  const type = first >> 4
  if (type === types.connect) return checkConnect(body)
  if (body.length === 0) return undefined
  const reason =
    type === types.publish
      ? checkPublish(first, body)
      : type === types.subscribe || type === types.unsubscribe
        ? checkFilters(type, body, maxFilters)
        : checkId(body, 0)
  return reason === undefined ? undefined : { reason }
}

function checkId(body: Buffer, at: number): string | undefined {
  return body[at] === 0 && body[at + 1] === 0 ? 'a packet id of zero [MQTT-2.3.1-1]' : undefined
}

function checkPublish(first: number, body: Buffer): string | undefined {
  const end = 2 + body.readUInt16BE(0)
  const id = (first & 6) === 0 ? 0 : 2
  if (body.length < end + id) return 'PUBLISH that ends within its topic'
  return checkName(body, 2, end) ?? (id === 0 ? undefined : checkId(body, end))
}

function checkFilters(type: number, body: Buffer, maxFilters: number): string | undefined {
  const options = type === types.subscribe ? 1 : 0
  let at = 2
  for (let count = 1; at < body.length; count += 1) {
    if (count > maxFilters) return `more than ${maxFilters} filters in one packet (broker.limits.maxSubscribe)`
    const end = at + 2 + (at + 2 <= body.length ? body.readUInt16BE(at) : Infinity)
    if (end + options > body.length) return 'SUBSCRIBE or UNSUBSCRIBE that ends within a filter'
    const wrong = checkFilter(body, at + 2, end)
    if (wrong !== undefined) return wrong
    if (options === 1 && (body[end] as number) > 2) return 'SUBSCRIBE for a QoS above 2 [MQTT-3.8.3-4]'
    at = end + options
  }
  return checkId(body, 0)
}

const [slash, plus, hash] = [0x2f, 0x2b, 0x23]

/** A text [MQTT-1.5.3-1, MQTT-1.5.3-2]. */
function checkText(bytes: Buffer, from: number, to: number): string | undefined {
  let ascii = true
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number
    if (byte === 0) return 'a text with NUL [MQTT-1.5.3-2]'
    if (byte >= 0x80) ascii = false
  }
  return ascii || isUtf8(bytes.subarray(from, to)) ? undefined : 'a text that is no UTF-8 [MQTT-1.5.3-1]'
}

/** The name of a topic: not empty [MQTT-4.7.3-1], without wildcards [MQTT-3.3.2-2]. */
function checkName(bytes: Buffer, from: number, to: number): string | undefined {
  if (from === to) return 'an empty topic [MQTT-4.7.3-1]'
  for (let at = from; at < to; at += 1)
    if (bytes[at] === plus || bytes[at] === hash) return 'a wildcard in the name of a topic [MQTT-3.3.2-2]'
  return checkText(bytes, from, to)
}

/** A filter: `+` and `#` alone between slashes, `#` at the end [MQTT-4.7.1-2, MQTT-4.7.1-3]. */
function checkFilter(bytes: Buffer, from: number, to: number): string | undefined {
  if (from === to) return 'an empty filter [MQTT-4.7.3-1]'
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at]
    if (byte !== plus && byte !== hash) continue
    const alone = (at === from || bytes[at - 1] === slash) && (at + 1 === to || (byte === plus && bytes[at + 1] === slash))
    if (!alone) return 'a filter with a wildcard that is no level of its own [MQTT-4.7.1-2, MQTT-4.7.1-3]'
  }
  return checkText(bytes, from, to)
}

/** Protocol names with the level that goes with them. */
const protocols = new Map([
  ['MQTT', 4],
  ['MQIsdp', 3]
])

/** Cuts the body of a CONNECT into its fields; `undefined` beyond its end. */
class Fields {
  readonly #body: Buffer
  at = 0

  constructor(body: Buffer) {
    this.#body = body
  }

  byte(): number | undefined {
    return this.#body[this.at++]
  }

  /** A field with its length before it. */
  field(): Buffer | undefined {
    if (this.at + 2 > this.#body.length) return undefined
    const from = this.at + 2
    const to = from + this.#body.readUInt16BE(this.at)
    if (to > this.#body.length) return undefined
    this.at = to
    return this.#body.subarray(from, to)
  }
}

const cut: Refusal = { reason: 'CONNECT that ends within a field' }

/** [MQTT-3.1] */
function checkConnect(body: Buffer): Refusal | undefined {
  const fields = new Fields(body)
  const level = protocols.get(fields.field()?.toString('latin1') ?? '')
  if (level === undefined) return { reason: 'CONNECT of another protocol [MQTT-3.1.2-1]' }
  const asked = fields.byte()
  if (asked === 5) return { reason: 'it speaks MQTT 5; set the protocol version of the client to MQTT 3.1.1 (4)', connack: 1 }
  if (asked !== level) return { reason: `it speaks level ${asked} of MQTT; spoken here is MQTT 3.1.1 (4) [MQTT-3.1.2-2]`, connack: 1 }
  const flags = fields.byte() ?? 0
  fields.at += 2
  const wrong = checkConnectFlags(flags, level)
  if (wrong !== undefined) return { reason: wrong }
  const id = fields.field()
  if (id === undefined) return cut
  const badId = checkText(id, 0, id.length)
  if (badId !== undefined) return { reason: `client id: ${badId}` }
  if (id.length === 0 && level === 3) return { reason: 'an empty client id, in MQTT 3.1', connack: 2 }
  if (id.length === 0 && (flags & 2) === 0) return { reason: 'an empty client id for a session that lasts [MQTT-3.1.3-8]', connack: 2 }
  if ((flags & 4) !== 0) {
    const [topic, payload] = [fields.field(), fields.field()]
    if (topic === undefined || payload === undefined) return cut
    const badWill = checkName(topic, 0, topic.length)
    if (badWill !== undefined) return { reason: `will: ${badWill}` }
  }
  if ((flags & 0x80) !== 0) {
    const user = fields.field()
    if (user === undefined) return cut
    const badUser = checkText(user, 0, user.length)
    if (badUser !== undefined) return { reason: `user name: ${badUser}` }
  }
  if ((flags & 0x40) !== 0 && fields.field() === undefined) return cut
  return fields.at === body.length ? undefined : { reason: 'CONNECT with more than its flags announce' }
}

function checkConnectFlags(flags: number, level: number): string | undefined {
  if ((flags & 1) !== 0) return 'CONNECT with its reserved flag [MQTT-3.1.2-3]'
  if ((flags & 4) === 0 && (flags & 0x38) !== 0) return 'CONNECT with QoS or retain of a will, and no will [MQTT-3.1.2-13, MQTT-3.1.2-15]'
  if ((flags & 0x18) === 0x18) return 'CONNECT with a will of QoS 3 [MQTT-3.1.2-14]'
  return level === 4 && (flags & 0xc0) === 0x40 ? 'CONNECT with a password and no user [MQTT-3.1.2-22]' : undefined
}
