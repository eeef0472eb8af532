import type { AedesPublishPacket, Client } from 'aedes'
import type { PacketLike, Publish } from './store/packet.js'
import { Guard } from './guard.js'
import { encodePublish } from './wire.js'
import type { Publication } from './wire.js'

/** What an outlet needs of the broker. */
export interface OutletOptions {
  /** PUBLISH packets of QoS 1 and 2 that a persistent session may have unacknowledged; the others wait in the store. */
  readonly window: number
  /** Whether the packet may be sent now; may lower its QoS to what was granted. */
  readonly authorizeForward: (client: Client, packet: AedesPublishPacket) => AedesPublishPacket | null | void
  /**
   * About to be sent to a persistent session; may change id and QoS, at once. Of QoS 2 it resolves when that is on disk.
   * False: the session does not keep it, because too much waits for it already; it is counted as lost, and is not sent.
   */
  readonly update: (client: Client, packet: PacketLike) => Promise<boolean>
  /** What waits for the session and was never sent. */
  readonly unsent: (clientId: string) => readonly Publish[]
  /** A message of QoS 0 was left out. */
  readonly shed: (client: Client) => void
}

interface Item {
  readonly packet: PacketLike
  qos: 0 | 1 | 2
  done: (() => void) | undefined
  /** `done` asks for the next retained message, so it must wait: nobody else waits for it. */
  readonly paced: boolean
  /** As it will be sent, once it has a packet id. */
  wire: Wire | undefined
  /** The disk still writes what the packet stands on; it may not be sent yet. */
  isHeld: boolean
}

/** A packet as it is sent. */
type Wire = PacketLike & Publication & { messageId: number | undefined }

/** Of live messages that an outlet holds while the window is full. Those of QoS 1 and 2 beyond that are fetched from the store again. */
const maxLine = 1000

const highestId = 65_535

/** What Aedes' types leave out. */
type Inner = Client & { waitForDrain(done: () => void): void }

/**
 * Everything that is published to one connection goes through here, in the order in which it was emitted, and at most once although
 * several filters match: then with the highest QoS [MQTT-3.3.5-1]. Takes the place of `deliver0` and `deliverQoS` of Aedes' Client.
 *
 * A persistent session has a window: while it is full, messages wait, also those of QoS 0, which would overtake the others.
 * A clean session has none. It is cut when it has left all 65,535 packet ids unacknowledged; none is used twice.
 */
export class Outlet {
  readonly #client: Inner
  readonly #options: OutletOptions
  /** Packet ids that the client has not acknowledged. */
  readonly #open = new Set<number>()
  #lastId = 0
  #line: Item[] = []
  /** Of QoS 0, behind what is not in the line but in the store. */
  #early: Item[] = []
  #head = 0
  #last: Item | undefined
  #started = false
  #scheduled = false
  /** There is more in the store than in the line. */
  #behind = false

  constructor(client: Client, options: OutletOptions) {
    this.#client = client as Inner
    this.#options = options
  }

  /** Replaces Client.deliver0: a filter of QoS 0 matched. */
  readonly deliver0 = (packet: PacketLike, done: () => void): void => this.#offer(packet, 0, done, false)

  /** Replaces Client.deliverQoS: a filter of QoS 1 or 2 matched. */
  readonly deliverQoS = (packet: PacketLike, done: () => void): void => this.#offer(packet, packet.qos ?? 0, done, false)

  /** A retained message, after SUBSCRIBE. `done` is called when it has been written: then comes the next one. */
  retained(packet: PacketLike, done: () => void): void {
    this.#offer(packet, packet.qos ?? 0, done, true)
  }

  /** This id is open since an earlier connection, and its packet sent once more. */
  resent(messageId: number): void {
    this.#open.add(messageId)
  }

  acknowledged(messageId: number | undefined): void {
    if (messageId !== undefined && this.#open.delete(messageId) && this.#waiting > 0) this.#schedule()
  }

  /** What was sent before has been sent again: now comes what never was, and what was published meanwhile. */
  start(): void {
    this.#started = true
    if (!this.#client.clean) this.#fetch()
  }

  /** The connection has ended: nobody waits for it any more. */
  close(): void {
    const rest = [...this.#line.slice(this.#head), ...this.#early]
    this.#line = []
    this.#early = []
    this.#head = 0
    this.#last = undefined
    for (const { done } of rest) done?.()
  }

  get #waiting(): number {
    return this.#line.length - this.#head
  }

  #offer(packet: PacketLike, qos: 0 | 1 | 2, done: () => void, paced: boolean): void {
    if (this.#client.closed) return done()
    const last = this.#last
    if (last !== undefined && !paced && last.packet.brokerCounter === packet.brokerCounter) {
      // Another filter matched as well. Both come in one turn, so nothing has been sent yet.
      if (qos > last.qos) last.qos = qos
      return done()
    }
    const item: Item = { packet, qos, done, paced, wire: undefined, isHeld: false }
    this.#last = item
    if (this.#client.clean) this.#line.push(item)
    else if (!this.#offerLate(item)) return
    this.#schedule()
  }

  /** To a persistent session. What the line cannot take waits in the store, if it is kept there at all. False: nothing to be sent now. */
  #offerLate(item: Item): boolean {
    if (!this.#behind && this.#waiting >= maxLine) this.#behind = true
    if (this.#started && !this.#behind) {
      this.#line.push(item)
      return true
    }
    const { qos, paced, done } = item
    if (qos === 0 && (paced || this.#early.length < maxLine)) this.#early.push(item)
    else if (qos === 0) this.#options.shed(this.#client)
    if (!paced || qos > 0) {
      item.done = undefined
      done?.()
    }
    return false
  }

  /** Later, as Aedes does, so that a publisher whose message goes to itself does not recurse; once for all that come meanwhile. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    const client = this.#client
    if (client.closed) return this.close()
    const dones: (() => void)[] = []
    this.#send(dones)
    this.#release(dones)
    const run = (): void => {
      for (const done of dones) done()
    }
    if (client.conn.writableNeedDrain && dones.length > 0) client.waitForDrain(run)
    else run()
  }

  #send(dones: (() => void)[]): void {
    const { conn, clean } = this.#client
    const guard = conn instanceof Guard ? conn : undefined
    let crowded = false
    conn.cork()
    while (this.#head < this.#line.length && !this.#client.closed && !conn.destroyed) {
      const item = this.#line[this.#head] as Item
      if (item.qos > 0 && !clean && item.wire === undefined && this.#open.size >= this.#options.window) break
      // The session keeps it: the client need not be cut for what it has had no time to read.
      crowded = item.qos > 0 && !clean && guard?.crowded === true
      if (crowded) break
      this.#prepare(item)
      if (item.isHeld) {
        this.#prepareMore()
        break
      }
      this.#head++
      if (item.wire !== undefined) this.#put(item.wire)
      if (item.done) dones.push(item.done)
    }
    conn.uncork()
    if (crowded) void guard?.output.room().then(() => this.#schedule())
    if (this.#head === this.#line.length) {
      this.#line = []
      this.#head = 0
      if (this.#behind) this.#fetch()
    } else if (this.#head > maxLine) {
      this.#line.splice(0, this.#head)
      this.#head = 0
    }
  }

  /** Nobody waits for what has to wait for an acknowledgement. Those before the first one without `done` were let go earlier. */
  #release(dones: (() => void)[]): void {
    const from = dones.length
    for (let at = this.#line.length - 1; at >= this.#head; at--) {
      const item = this.#line[at] as Item
      if (item.paced) continue
      if (item.done === undefined) break
      dones.push(item.done)
      item.done = undefined
    }
    if (dones.length > from + 1) dones.push(...dones.splice(from).reverse())
  }

  /** The line is empty: what has never been sent, and what came of QoS 0 meanwhile, in its place. */
  #fetch(): void {
    const kept = this.#options.unsent(this.#client.id).map(itemOf)
    // What a filter of QoS 1 matched as well is kept.
    const early = this.#early.filter(({ qos }) => qos === 0)
    this.#early = []
    this.#behind = false
    this.#last = undefined
    this.#line = early.length === 0 ? kept : [...kept, ...early].sort((a, b) => numberOf(a) - numberOf(b))
    this.#head = 0
    if (this.#line.length > 0) this.#schedule()
  }

  /** Gives it its packet id. What shall not be sent has no `wire` after this. */
  #prepare(item: Item): void {
    if (item.wire !== undefined) return
    const client = this.#client
    const { brokerId, brokerCounter, topic = '', payload = '', retain = false } = item.packet
    const wire: Wire = { cmd: 'publish', brokerId, brokerCounter, topic, payload, qos: item.qos, retain, dup: false, messageId: undefined }
    if (!this.#options.authorizeForward(client, wire as AedesPublishPacket)) return
    item.wire = wire
    if (wire.qos === 0) return
    wire.messageId = this.#freeId()
    if (wire.messageId === undefined) {
      item.wire = undefined
      client.emit('error', new Error(`it has left ${highestId} messages unacknowledged`))
      return
    }
    if (!client.clean) this.#update(item, wire)
    // The id is now that of the store.
    if (item.wire !== undefined) this.#open.add(wire.messageId)
  }

  #update(item: Item, wire: Wire): void {
    item.isHeld = true
    let isLate = false
    const kept = (isThere: boolean): void => {
      item.isHeld = false
      if (!isThere) item.wire = undefined
      if (isLate) this.#schedule()
    }
    this.#options.update(this.#client, wire).then(kept, (error: unknown) => this.#client.emit('error', error))
    isLate = true
  }

  /** One write of the disk for all of QoS 2 that the window takes. */
  #prepareMore(): void {
    for (let at = this.#head + 1; at < this.#line.length && this.#open.size < this.#options.window; at++) {
      const item = this.#line[at] as Item
      // What counts as sent is sent again first, so that one of QoS 1 must not be left out between.
      if (item.qos !== 2) break
      this.#prepare(item)
    }
  }

  #put(wire: Wire): void {
    for (const bytes of encodePublish(wire)) this.#client.conn.write(bytes)
  }

  #freeId(): number | undefined {
    if (this.#open.size >= highestId) return undefined
    do this.#lastId = this.#lastId >= highestId ? 1 : this.#lastId + 1
    while (this.#open.has(this.#lastId))
    return this.#lastId
  }
}

function itemOf(packet: Publish): Item {
  return { packet, qos: packet.qos, done: undefined, paced: false, wire: undefined, isHeld: false }
}

function numberOf({ packet }: Item): number {
  return packet.brokerCounter ?? 0
}
