/** PUBLISH as bytes, MQTT 3.1.1 section 3.3. */

export interface Publication {
  readonly topic: string
  readonly payload: string | Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
  /** For QoS 1 and 2. */
  readonly messageId: number | undefined
}

/** A payload of at least so many bytes is not copied. */
const large = 16_384

/** The packet in one piece, or its head and its large payload. */
export function encodePublish({ topic, payload, qos, retain, dup, messageId }: Publication): Buffer[] {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  const topicLength = Buffer.byteLength(topic)
  const length = 2 + topicLength + (qos > 0 ? 2 : 0) + body.length
  const lengthBytes = length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : 4
  const apart = body.length >= large
  const packet = Buffer.allocUnsafe(1 + lengthBytes + length - (apart ? body.length : 0))
  packet[0] = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  let at = 1
  for (let left = length; at <= lengthBytes; left >>>= 7) packet[at++] = at <= lengthBytes ? (left & 0x7f) | 0x80 : left
  at = packet.writeUInt16BE(topicLength, at)
  at += packet.write(topic, at)
  if (qos > 0) at = packet.writeUInt16BE(messageId ?? 0, at)
  if (apart) return [packet, body]
  body.copy(packet, at)
  return [packet]
}
