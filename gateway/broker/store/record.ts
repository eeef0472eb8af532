/** Rows of the journal as bytes: binary, since JSON would cost more than the write. */
import type { PacketLike, Publish, Pubrel, Qos } from './packet.js'

/**
 * A packet with what is known beside it: flags (1), packet id (2, 0: none), broker counter (8), lengths of broker id (1), topic (2)
 * and extras (4), these three, then the payload to the end. Big endian.
 */
const head = 18

const flag = { retain: 4, dup: 8, pubrel: 16, sent: 32, text: 64 } as const

/** The rest of what a packet may carry, see packet.ts. Rare, so JSON is good enough. */
const extras = ['clientId', 'nl', 'properties', 'messageExpiry', 'user'] as const

export interface Recorded {
  readonly packet: PacketLike
  readonly sent: boolean
}

export function encodePacket(packet: PacketLike, sent = false): Buffer {
  const { payload = '', topic = '' } = packet
  const brokerId = packet.brokerId ?? ''
  const more = extrasOf(packet)
  const payloadSize = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
  const topicSize = Buffer.byteLength(topic)
  const idSize = Buffer.byteLength(brokerId)
  const moreSize = Buffer.byteLength(more)
  const bytes = Buffer.allocUnsafe(head + idSize + topicSize + moreSize + payloadSize)
  bytes[0] =
    (packet.qos ?? 0) |
    (packet.retain ? flag.retain : 0) |
    (packet.dup ? flag.dup : 0) |
    (packet.cmd === 'pubrel' ? flag.pubrel : 0) |
    (sent ? flag.sent : 0) |
    (typeof payload === 'string' ? flag.text : 0)
  bytes.writeUInt16BE(packet.messageId ?? 0, 1)
  bytes.writeDoubleBE(packet.brokerCounter ?? 0, 3)
  bytes[11] = idSize
  bytes.writeUInt16BE(topicSize, 12)
  bytes.writeUInt32BE(moreSize, 14)
  let at = head
  at += bytes.write(brokerId, at)
  at += bytes.write(topic, at)
  at += bytes.write(more, at)
  if (typeof payload === 'string') bytes.write(payload, at)
  else bytes.set(payload, at)
  return bytes
}

/** The payload is a view of `bytes`. */
export function decodePacket(bytes: Buffer): Recorded {
  const flags = bytes[0] ?? 0
  const messageId = bytes.readUInt16BE(1) || undefined
  const sent = (flags & flag.sent) > 0
  if (flags & flag.pubrel) return { packet: { cmd: 'pubrel', messageId: messageId ?? 0 } satisfies Pubrel, sent }
  const idEnd = head + (bytes[11] ?? 0)
  const topicEnd = idEnd + bytes.readUInt16BE(12)
  const moreEnd = topicEnd + bytes.readUInt32BE(14)
  const payload = bytes.subarray(moreEnd)
  const packet: Publish = {
    cmd: 'publish',
    brokerId: bytes.toString('utf8', head, idEnd) || undefined,
    brokerCounter: bytes.readDoubleBE(3) || undefined,
    topic: bytes.toString('utf8', idEnd, topicEnd),
    payload: flags & flag.text ? payload.toString() : payload,
    qos: (flags & 3) as Qos,
    retain: (flags & flag.retain) > 0,
    dup: (flags & flag.dup) > 0,
    messageId
  }
  if (moreEnd > topicEnd) Object.assign(packet, JSON.parse(bytes.toString('utf8', topicEnd, moreEnd)))
  return { packet, sent }
}

function extrasOf(packet: PacketLike): string {
  if (extras.every((name) => packet[name] === undefined)) return ''
  return JSON.stringify(Object.fromEntries(extras.map((name) => [name, packet[name]])))
}

/** Bytes that a packet takes in memory and on disk, roughly. */
export function sizeOf({ payload, topic }: PacketLike): number {
  return head + (payload?.length ?? 0) + (topic?.length ?? 0)
}

/** What a row holds, as the first letter of its key. */
export const kinds = {
  noted: 'n',
  command: 'c',
  filter: 'f',
  inbound: 'i',
  queued: 'q',
  retained: 'r',
  receiving: 'm',
  session: 's',
  will: 'w'
} as const

export type Kind = (typeof kinds)[keyof typeof kinds]

/** The client id goes with its length, as it may contain anything; `rest` tells the rows of a client apart. */
export function clientKey(kind: Kind, clientId: string, rest = ''): string {
  return kind + clientId.length.toString(16).padStart(4, '0') + clientId + rest
}

/** The reverse of {@link clientKey}. */
export function readClientKey(key: string): { clientId: string; rest: string } {
  const end = 5 + Number.parseInt(key.slice(1, 5), 16)
  return { clientId: key.slice(5, end), rest: key.slice(end) }
}

/** Numbers up to 2^52 that sort as text. */
export function ordered(number: number): string {
  return number.toString(16).padStart(13, '0')
}
