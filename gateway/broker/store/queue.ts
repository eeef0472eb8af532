import { type PacketLike, publishOf, type Publish, type Pubrel, type Qos } from './packet.js'

const highestId = 65535

/** Bytes that a message takes besides its topic and payload, roughly. */
const overhead = 256

export interface Entry {
  key: string
  /** Its row in the journal. */
  row: string
  packet: Publish | Pubrel
  /** The connection it was last sent on; undefined: never sent. */
  sentOn: number | undefined
  /** Its row is on disk with the packet id, or as PUBREL. Only asked for QoS 2. */
  isKept?: boolean
}

/** Where a queue notes its changes. */
export interface QueueRows {
  /** A new row, after all that there are. */
  next(): string
  put(entry: Entry): void
  del(row: string): void
}

/** How a message is queued for one subscription. */
export interface Terms {
  qos?: Qos | undefined
  /** Retain as published, MQTT 5. */
  rap?: boolean | undefined
}

/** What one session has still to receive or to acknowledge, in order of arrival. Found by broker number or packet id, never by search. */
export class Queue {
  readonly #entries = new Map<string, Entry>()
  readonly #byId = new Map<number, Entry>()
  readonly #rows: QueueRows | undefined
  readonly #grown: (bytes: number) => void
  #unnumbered = 0
  #bytes = 0

  /** `grown`: told by how much it takes more or less memory, roughly. */
  constructor(rows?: QueueRows, grown: (bytes: number) => void = () => {}) {
    this.#rows = rows
    this.#grown = grown
  }

  get size(): number {
    return this.#entries.size
  }

  /** Of topics and payloads. */
  get bytes(): number {
    return this.#bytes
  }

  /** The memory that it takes, roughly. */
  get weight(): number {
    return this.#bytes + this.#entries.size * overhead
  }

  /** Is this message here already, for another filter? */
  has(packet: PacketLike): boolean {
    return this.#entries.has(keyOf(packet) ?? '')
  }

  /** Once per message: a second filter that matches may only raise the QoS [MQTT-3.3.5-1]. */
  add(packet: PacketLike, terms: Terms): void {
    const asked = packet.qos ?? 0
    const qos = Math.min(asked, terms.qos ?? asked) as Qos
    const key = keyOf(packet) ?? `unnumbered:${this.#unnumbered++}`
    const queued = this.#entries.get(key)
    if (queued) {
      if (queued.sentOn === undefined && queued.packet.cmd === 'publish' && qos > queued.packet.qos) {
        queued.packet.qos = qos
        this.#rows?.put(queued)
      }
      return
    }
    const copy = publishOf(packet)
    copy.qos = qos
    // For an established subscription the flag is 0 [MQTT-3.3.1-9]; Aedes clears it too, but only on the way to a connected client.
    copy.retain = copy.retain && terms.rap === true
    this.#keep({ key, row: this.#rows?.next() ?? '', packet: copy, sentOn: undefined })
  }

  /** At start: an entry as it was kept; `sent` on some connection that is gone. In the order of the rows. */
  restore(row: string, packet: PacketLike, sent: boolean): void {
    const known: Publish | Pubrel = packet.cmd === 'pubrel' ? { cmd: 'pubrel', messageId: packet.messageId ?? 0 } : (packet as Publish)
    const key = packet.cmd === 'pubrel' ? `pubrel:${packet.messageId}` : (keyOf(packet) ?? `unnumbered:${this.#unnumbered++}`)
    const entry: Entry = { key, row, packet: known, sentOn: sent ? 0 : undefined, isKept: sent }
    this.#entries.set(key, entry)
    this.#grow(bytesOf(known), 1)
    if (known.messageId !== undefined) this.#byId.set(known.messageId, entry)
  }

  /** Everything there is, in order. */
  entries(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /** The session ends: nothing of it is kept. */
  clear(): void {
    for (const { row } of this.#entries.values()) this.#rows?.del(row)
    this.#grow(-this.#bytes, -this.#entries.size)
    this.#entries.clear()
    this.#byId.clear()
  }

  /**
   * Called just before a PUBLISH or PUBREL is written. Changes `packet`, which Aedes writes as soon as this returns:
   * - a packet id that is still open for another message becomes a free one. Aedes counts from a random id at each connection
   *   (`_nextId`) and never asks which are open;
   * - the QoS becomes that of the queue, min(published, granted). Aedes applies the granted QoS to exact filters only.
   *
   * A message that is not (any more) here is left alone: Aedes sends it, and nobody waits for its PUBACK.
   */
  sending(packet: PacketLike, connection: number): Entry | undefined | 'no id' {
    if (packet.messageId === undefined) return undefined
    if (packet.cmd === 'pubrel') return this.#release(packet.messageId, connection)
    const entry = this.#entries.get(keyOf(packet) ?? '')
    if (entry?.packet.cmd !== 'publish') return undefined
    const id = entry.packet.messageId ?? this.#freeId(packet.messageId)
    if (id === undefined) return 'no id'
    entry.packet.messageId = id
    entry.sentOn = connection
    this.#byId.set(id, entry)
    this.#rows?.put(entry)
    packet.messageId = id
    packet.qos = entry.packet.qos
    return entry
  }

  /** PUBACK or PUBCOMP. A packet without id names no message: see Store.outgoingClearMessageId. */
  settle(messageId: number | undefined): Publish | Pubrel | undefined {
    const entry = messageId === undefined ? undefined : this.#byId.get(messageId)
    return entry && this.#remove(entry)
  }

  /** Takes out a message by its broker number. */
  forget(packet: PacketLike): Publish | Pubrel | undefined {
    const entry = this.#entries.get(keyOf(packet) ?? '')
    return entry && this.#remove(entry)
  }

  /** What was never sent. */
  unsent(): Publish[] {
    return [...this.#entries.values()].flatMap(({ packet, sentOn }) => (sentOn === undefined && packet.cmd === 'publish' ? [packet] : []))
  }

  /**
   * What there is now, for a session that returned on `connection`; DUP on what was sent on another one [MQTT-3.3.1-1].
   * What is acknowledged, or sent by the way of live messages, before its turn comes is left out.
   */
  replay(connection: number): Generator<Publish | Pubrel> {
    const now = [...this.#entries.values()].map((entry) => ({ entry, sentOn: entry.sentOn }))
    return this.#replay(now, connection)
  }

  *#replay(turns: { entry: Entry; sentOn: number | undefined }[], connection: number): Generator<Publish | Pubrel> {
    for (const { entry, sentOn } of turns) {
      if (this.#entries.get(entry.key) !== entry || entry.sentOn !== sentOn) continue
      if (entry.packet.cmd === 'publish' && sentOn !== undefined && sentOn !== connection) entry.packet.dup = true
      yield entry.packet
    }
  }

  /** A QoS 2 message from a retained topic was never queued, but its PUBREL must survive the connection all the same. */
  #release(messageId: number, connection: number): Entry {
    const packet: Pubrel = { cmd: 'pubrel', messageId }
    const entry: Entry = this.#byId.get(messageId) ?? {
      key: `pubrel:${messageId}`,
      row: this.#rows?.next() ?? '',
      packet,
      sentOn: connection
    }
    if (this.#entries.has(entry.key)) this.#grow(-bytesOf(entry.packet), -1)
    if (entry.packet.cmd === 'publish') entry.isKept = false
    entry.packet = packet
    entry.sentOn = connection
    this.#byId.set(messageId, entry)
    this.#keep(entry)
    return entry
  }

  #keep(entry: Entry): void {
    this.#entries.set(entry.key, entry)
    this.#grow(bytesOf(entry.packet), 1)
    this.#rows?.put(entry)
  }

  #grow(bytes: number, entries: number): void {
    this.#bytes += bytes
    this.#grown(bytes + entries * overhead)
  }

  #freeId(wanted: number): number | undefined {
    if (this.#byId.size >= highestId) return undefined
    let id = wanted
    while (this.#byId.has(id)) id = id >= highestId ? 1 : id + 1
    return id
  }

  #remove(entry: Entry): Publish | Pubrel {
    this.#entries.delete(entry.key)
    this.#grow(-bytesOf(entry.packet), -1)
    this.#rows?.del(entry.row)
    if (entry.packet.messageId !== undefined) this.#byId.delete(entry.packet.messageId)
    return entry.packet
  }
}

function bytesOf(packet: Publish | Pubrel): number {
  return packet.cmd === 'publish' ? packet.topic.length + packet.payload.length : 0
}

function keyOf({ brokerId, brokerCounter }: PacketLike): string | undefined {
  return brokerId && brokerCounter ? `${brokerId}:${brokerCounter}` : undefined
}
