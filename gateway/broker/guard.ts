import { Duplex } from 'node:stream'
import type { Identity, Rights } from '../access/identity.js'
import type { Entrance } from './entrance.js'
import { Output } from './output.js'
import type { OutputLimits } from './output.js'
import { checkBody, checkFirst, checkLength, types, wanted } from './packet-check.js'
import type { Refusal } from './packet-check.js'

export interface GuardLimits extends OutputLimits {
  /** Bytes of one packet. */
  readonly maxPacket: number
  /** Bytes of CONNECT: client id, will, user and password. */
  readonly maxConnect: number
  /** Filters of one SUBSCRIBE. */
  readonly maxSubscribe: number
}

/** A limit or a rule by which a connection was cut; the counters of lab/gateway go by these names. */
export type Rule = 'maxPacket' | 'protocol' | 'maxOutput' | 'connectTime' | 'maxSessions'

/** The error with which a connection ends that broke a rule. */
export class Cut extends Error {
  readonly rule: Rule

  constructor(rule: Rule, reason: string) {
    super(reason)
    this.rule = rule
  }
}

/** First byte of CONNECT; its lower four bits are reserved and zero [MQTT-2.2.2-1]. */
const connect = 0x10

/**
 * Bytes of one client in one turn of the process; others have theirs before it goes on. Node reads 2 MB of a socket that has them, which may be
 * 50,000 messages and as much as two seconds for everybody else.
 */
const share = 8192

/** Looks, a second apart, for which one that has hung up is kept while nothing more of what it said is taken: the disk may refuse. */
const patience = 10

/** By these a connection merely ends. */
const hangUps: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE'])

const nothing: Buffer = Buffer.alloc(0)

const pingresp = Buffer.from([0xd0, 0])

/** What Aedes' types leave out of its Client. */
interface Inner {
  readonly _keepaliveTimer: { refresh(): void } | null
  /** It has said DISCONNECT: its will is void. */
  _disconnected: boolean
}

/**
 * The connection that Aedes gets in place of the socket. On the way in it looks at each packet before Aedes does, and cuts the
 * connection when one is too large, no packet that a client may send, or not CONNECT at first (measured: Aedes takes 256 MB
 * from anybody). A packet that is too large is cut by its header, before a byte of it is kept. On the way out it takes everything at
 * once, see {@link Output}: Aedes lets a subscriber that does not read hold up everybody.
 */
export class Guard extends Duplex {
  readonly entrance: Entrance
  readonly output: Output
  /** Messages of QoS 0 that were left out because it reads too slowly. */
  shed = 0
  /** Who is behind it, once it was let in. */
  identity: Identity | undefined
  /** What he may do. */
  rights: Rights | undefined
  /** The same, when not all that its filters match may be shown to it: then each message must be asked about. */
  asked: Rights | undefined
  /** Set by Aedes. */
  client: Inner | undefined
  readonly #inner: Duplex
  readonly #limits: GuardLimits
  /** Bytes of the present packet that are still to come; the header is read when there are none. */
  #left = 0
  /** The first byte of the present packet; bytes of the header read so far, and the length that they announce. */
  #first = 0
  #headerBytes = 0
  #length = 0
  /** Bytes of the body that are to be looked at, 0: no more. Those of earlier chunks are kept, in a buffer with room for more. */
  #wanted = 0
  #kept: Buffer = nothing
  #space: Buffer = nothing
  #connected = false
  /** After DISCONNECT nothing is read [MQTT-3.14.4-2]. */
  #over = false
  #refused = false
  /** Bytes came, and Aedes took some, since the last look. */
  #heard = false
  #taken = false
  /** It has asked whether we are there, and Aedes may not have seen it. */
  #pinged = false
  /** Received, not looked at yet: a chunk of the connection, or two. */
  #held: Buffer[] = []
  /** Aedes has let it in; what comes behind its CONNECT waits for that, or Aedes would keep 42 packets and cut it for the next. */
  #isIn = false
  /** Bytes since it last had to wait for its turn, and whether it waits. */
  #turn = 0
  #waits = false
  /** Aedes has room for more. */
  #room = true
  /** Nothing more will come; behind what is held, Aedes is told. */
  #ended = false
  /** The connection has closed, by this error, and something that came over it is unread; looks since Aedes took some. */
  #gone = false
  #reason: Error | undefined
  #looks = 0

  constructor(inner: Duplex, limits: GuardLimits, entrance: Entrance) {
    super({ writableHighWaterMark: Number.MAX_SAFE_INTEGER })
    this.entrance = entrance
    this.#inner = inner
    this.#limits = limits
    this.output = new Output(inner, limits, {
      full: () => inner.pause(),
      room: () => this.#give(),
      cut: (reason) => this.slow(reason)
    })
    inner.on('data', (chunk: Buffer) => this.#received(chunk))
    inner.on('end', () => {
      this.#ended = true
      this.#give()
    })
    inner.on('error', (error) => this.#closed(error))
    inner.on('close', () => this.#closed())
    this.once('end', () => {
      if (this.#gone) this.destroy(this.#reason)
    })
    // Aedes listens only while it has the client; what breaks before or after must not end the process.
    this.on('error', () => {})
  }

  /** Where it comes from, as logs and limits name it. */
  get address(): string {
    return this.entrance.address
  }

  /** Whether the first packet came, and was a CONNECT. */
  get connected(): boolean {
    return this.#connected
  }

  /** Bytes that wait for the client. */
  get waiting(): number {
    return this.output.waiting + this.writableLength
  }

  /** More waits than is good for it, counting what is corked. */
  get crowded(): boolean {
    return this.output.full || this.waiting > this.#limits.shedOutput
  }

  /** Aedes has told it so, and takes what comes behind its CONNECT. */
  letIn(): void {
    this.#isIn = true
    this.#give()
  }

  /** Cuts a client that does not take what it is sent. */
  slow(reason: string): void {
    this.destroy(new Cut('maxOutput', reason))
  }

  /**
   * Aedes reads nothing more of a client whose messages it cannot acknowledge, because the disk does not take them. Such a client is
   * there, and must be told that we are, or it is cut, or goes, and its will is published. To be called once a second.
   */
  lookAfter(): void {
    this.#looks = this.#gone && !this.#taken ? this.#looks + 1 : 0
    if (this.#looks >= patience) return void this.destroy(this.#reason)
    const isHeld = this.readableLength > 0
    if (isHeld && (this.#heard || this.#inner.isPaused())) this.client?._keepaliveTimer?.refresh()
    // Aedes answers it again, later; nobody minds.
    if (isHeld && !this.#taken && this.#pinged) this.output.add(pingresp)
    if (!isHeld || !this.#taken) this.#pinged = false
    this.#heard = this.#taken = false
  }

  /** Its silence does not count until now: what it said may be unread. Nor does it that it did not read for so many seconds. */
  excuse(seconds: number): void {
    this.output.excuse(seconds)
    this.client?._keepaliveTimer?.refresh()
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size)
    if (chunk !== null) this.#taken = true
    return chunk
  }

  override _read(): void {
    this.#room = true
    this.#give()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.output.add(chunk)
    callback()
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.output.addAll(chunks)
    callback()
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.output.end(callback)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.output.close()
    this.#kept = this.#space = nothing
    if (!this.#refused) this.#inner.destroy()
    callback(error)
  }

  #received(bytes: Buffer): void {
    if (this.#over || this.destroyed || bytes.length === 0) return
    this.#heard = true
    this.#held.push(bytes)
    this.#give()
  }

  /** Aedes may have more of it now. Who is gone sends no more, so that what is held is all. */
  get #isDue(): boolean {
    if (this.destroyed || this.#over || this.#turn >= share || (this.#connected && !this.#isIn)) return false
    return this.#gone || (this.#room && !this.output.full)
  }

  /** Hands on what is held, as far as it may be; the rest waits for its turn, for room, or for the CONNACK. */
  #give(): void {
    for (let first = this.#held[0]; first !== undefined && this.#isDue; first = this.#held[0]) {
      const left = share - this.#turn
      const chunk = this.#scan(first.length > left ? first.subarray(0, left) : first)
      if (chunk instanceof Error) return void this.destroy(chunk)
      if (this.#over) this.#held = []
      else if (chunk.length < first.length) this.#held[0] = first.subarray(chunk.length)
      else this.#held.shift()
      this.#turn += chunk.length
      this.#room = this.push(chunk)
    }
    if (this.#turn >= share) this.#wait()
    if (this.destroyed) return
    if (this.#held.length > 0 || (!this.#isDue && !this.#over)) this.#inner.pause()
    else if (!this.#ended) this.#inner.resume()
    if (this.#held.length === 0 && this.#ended && !this.readableEnded) this.push(null)
  }

  /** It goes on in the next turn. */
  #wait(): void {
    if (this.#waits) return
    this.#waits = true
    setImmediate(() => {
      this.#waits = false
      this.#turn = 0
      this.#give()
    })
  }

  /** The connection has closed. What came over it is read all the same: who has said goodbye did not crash. */
  #closed(error?: NodeJS.ErrnoException): void {
    if (this.#gone || this.destroyed) return
    if (error !== undefined && !hangUps.has(error.code)) return void this.destroy(error)
    const inner = this.#inner.removeAllListeners('data')
    for (let left = inner.read() as Buffer | null; left !== null && !this.#over; left = inner.read() as Buffer | null) this.#held.push(left)
    if (this.#held.length === 0 && this.readableLength === 0) return void this.destroy(error)
    this.#gone = this.#ended = true
    this.#reason = error
    this.output.close()
    this.#give()
  }

  /** What Aedes may see of the chunk, or why the connection must be cut. */
  #scan(chunk: Buffer): Buffer | Error {
    for (let at = 0; at < chunk.length;) {
      const refusal = this.#left > 0 ? this.#body(chunk, at) : this.#header(chunk[at] as number)
      if (refusal instanceof Error) return refusal
      at += refusal
      if (this.#over || (this.#connected && !this.#isIn && this.#left === 0)) return chunk.subarray(0, at)
    }
    return chunk
  }

  #goodbye(): void {
    this.#over = true
    // Also when Aedes comes to read that too late, or never.
    if (this.client !== undefined) this.client._disconnected = true
  }

  /** It is there, although Aedes may not look for a while. */
  #ping(): void {
    this.#pinged = true
    if (this.readableLength > 0) this.client?._keepaliveTimer?.refresh()
  }

  /** One byte of a fixed header: type and flags, then one to four of the remaining length, seven bits each [MQTT-2.2.3]. */
  #header(byte: number): 1 | Error {
    this.#headerBytes += 1
    if (this.#headerBytes === 1) {
      this.#first = byte
      if (!this.#connected) return byte === connect ? 1 : new Cut('protocol', 'the first packet is no MQTT CONNECT')
      const wrong = byte === connect ? 'a second CONNECT [MQTT-3.1.0-2]' : checkFirst(byte)
      return wrong === undefined ? 1 : new Cut('protocol', wrong)
    }
    this.#length += (byte & 0x7f) * 128 ** (this.#headerBytes - 2)
    if (byte >= 0x80) return this.#headerBytes < 5 ? 1 : new Cut('protocol', 'the length of a packet is written in more than four bytes')
    const { maxPacket, maxConnect } = this.#limits
    const [max, name] = this.#connected || maxConnect > maxPacket ? [maxPacket, 'maxPacket'] : [maxConnect, 'maxConnect']
    if (this.#length > max)
      return new Cut('maxPacket', `a packet of ${this.#length} bytes; at most ${max} are taken (broker.limits.${name})`)
    const wrong = checkLength(this.#first, this.#length)
    if (wrong !== undefined) return new Cut('protocol', wrong)
    this.#left = this.#length
    this.#wanted = this.#length === 0 ? 0 : wanted(this.#first, this.#length, nothing)
    if (this.#first >> 4 === types.disconnect) this.#goodbye()
    if (this.#first >> 4 === types.pingreq) this.#ping()
    this.#headerBytes = 0
    this.#length = 0
    return 1
  }

  /** The next bytes of a body; how many of them are dealt with. */
  #body(chunk: Buffer, at: number): number | Error {
    if (this.#wanted === 0) {
      const length = Math.min(this.#left, chunk.length - at)
      this.#left -= length
      return length
    }
    const here = chunk.subarray(at, Math.min(at + this.#wanted - this.#kept.length, at + this.#left))
    // What lies whole in one chunk is looked at where it is.
    if (this.#kept.length === 0 && here.length === this.#wanted) {
      const length = this.#wanted
      const refusal = this.#look(here, this.#left)
      if (refusal !== undefined) return refusal
      if (this.#wanted > 0) return 0
      this.#left -= length
      return length
    }
    this.#keep(here)
    this.#left -= here.length
    return (this.#kept.length === this.#wanted ? this.#look(this.#kept, this.#kept.length + this.#left) : undefined) ?? here.length
  }

  /** All that was wanted has been seen; of PUBLISH, that may first be the length of its topic. */
  #look(seen: Buffer, length: number): Error | undefined {
    const more = wanted(this.#first, length, seen)
    if (more > this.#wanted) {
      this.#wanted = more
      return undefined
    }
    const refusal = checkBody(this.#first, seen, this.#limits.maxSubscribe)
    this.#wanted = 0
    this.#kept = this.#space = nothing
    if (refusal !== undefined) return this.#refuse(refusal)
    this.#connected = true
    return undefined
  }

  #keep(bytes: Buffer): void {
    const { length } = this.#kept
    if (length + bytes.length > this.#space.length) {
      this.#space = Buffer.allocUnsafe((length + bytes.length) * 2)
      this.#kept.copy(this.#space)
    }
    bytes.copy(this.#space, length)
    this.#kept = this.#space.subarray(0, length + bytes.length)
  }

  #refuse({ reason, connack }: Refusal): Error {
    if (connack !== undefined) {
      this.#refused = true
      const inner = this.#inner
      inner.removeAllListeners('data').resume()
      inner.end(Buffer.from([0x20, 2, 0, connack]), () => inner.destroy())
    }
    return new Cut('protocol', reason)
  }
}
