/** What the store takes from Aedes, and what it keeps. Plain objects: the classes of aedes-packet are not needed to hold state. */

export type Qos = 0 | 1 | 2

/** Whoever a call is about. Aedes hands over its Client object, one per connection: the store tells connections apart by that object. */
export interface ClientRef {
  id: string
}

export interface BrokerRef {
  id: string
}

/** A packet as Aedes hands it over. */
export interface PacketLike {
  cmd?: string | undefined
  brokerId?: string | null | undefined
  brokerCounter?: number | undefined
  topic?: string | undefined
  payload?: string | Buffer | undefined
  qos?: Qos | undefined
  retain?: boolean | undefined
  dup?: boolean | undefined
  messageId?: number | undefined
  // Beyond MQTT 3.1.1; aedes-packet carries them from copy to copy, and so does `publishOf`.
  clientId?: string | undefined
  nl?: boolean | undefined
  properties?: object | undefined
  messageExpiry?: number | undefined
  /** Of a will: who left it; undefined: nobody who told his name. */
  user?: string | undefined
}

/** A PUBLISH as it is kept; `messageId` is undefined until it was sent. */
export interface Publish extends PacketLike {
  cmd: 'publish'
  topic: string
  payload: string | Buffer
  qos: Qos
  retain: boolean
  dup: boolean
  messageId: number | undefined
}

/** What is left of a QoS 2 message after its PUBREC. */
export interface Pubrel {
  cmd: 'pubrel'
  messageId: number
}

/** `rh`, `rap`, `nl` are MQTT 5; Aedes passes them through. */
export interface Subscription {
  topic: string
  qos: Qos
  rh?: number | undefined
  rap?: boolean | undefined
  nl?: boolean | undefined
  subscriptionIdentifier?: number | undefined
}

export interface ClientSubscription extends Omit<Subscription, 'subscriptionIdentifier'> {
  clientId: string
}

const carried = ['clientId', 'nl', 'properties', 'messageExpiry'] as const

/** A copy to keep: Aedes goes on changing `retain`, `qos` and `clientId` of the packet it handed over. */
export function publishOf(packet: PacketLike): Publish {
  const copy: Publish = {
    cmd: 'publish',
    brokerId: packet.brokerId,
    brokerCounter: packet.brokerCounter,
    topic: packet.topic ?? '',
    payload: ownOf(packet.payload ?? Buffer.alloc(0)),
    qos: packet.qos ?? 0,
    retain: packet.retain ?? false,
    dup: false,
    messageId: undefined
  }
  for (const field of carried) {
    if (Object.hasOwn(packet, field)) Object.assign(copy, { [field]: packet[field] })
  }
  return copy
}

/** A payload that is a small part of what was read from the network would keep all of that in memory. */
export function ownOf(payload: string | Buffer): string | Buffer {
  if (typeof payload === 'string' || payload.buffer.byteLength <= 2 * payload.length + 1024) return payload
  const own = Buffer.allocUnsafeSlow(payload.length)
  payload.copy(own)
  return own
}
