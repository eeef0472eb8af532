import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { patient } from './patience.js'

/** Milliseconds that a test waits for what must come. */
const patience = patient(8000)

export type Answer = 'connack' | 'puback' | 'pubrec' | 'pubrel' | 'pubcomp' | 'suback' | 'unsuback' | 'pingresp' | 'publish'

const answers: Readonly<Record<number, Answer>> = {
  2: 'connack',
  3: 'publish',
  4: 'puback',
  5: 'pubrec',
  6: 'pubrel',
  7: 'pubcomp',
  9: 'suback',
  11: 'unsuback',
  13: 'pingresp'
}

/** A PUBLISH as it came. */
export interface Received {
  readonly topic: string
  readonly text: string
  readonly qos: number
  readonly dup: boolean
  readonly retain: boolean
  /** Undefined for QoS 0. */
  readonly id: number | undefined
}

export interface ConnectOptions {
  readonly clean?: boolean
  /** Seconds. */
  readonly keepalive?: number
  readonly will?: { readonly topic: string; readonly payload: string; readonly qos?: number }
  /** 3: MQTT 3.1. */
  readonly level?: 3 | 4
  readonly user?: string
  readonly password?: string
}

/** MQTT 3.1.1 by hand, for what no decent client sends. */
export const packets = {
  connect: (clientId: string, { clean = true, keepalive = 0, will, level = 4, user, password }: ConnectOptions = {}): Buffer => {
    const login = (user === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
    const flags = login | (clean ? 2 : 0) | (will ? 4 | ((will.qos ?? 0) << 3) : 0)
    const parts = [will?.topic, will?.payload, user, password].filter((part) => part !== undefined).map(text)
    return packet(0x10, text(level === 4 ? 'MQTT' : 'MQIsdp'), Buffer.from([level, flags]), word(keepalive), text(clientId), ...parts)
  },
  publish: (
    topic: string,
    payload: string | Buffer,
    options: { qos?: number; dup?: boolean; retain?: boolean; id?: number } = {}
  ): Buffer => {
    const { qos = 0, dup = false, retain = false, id = 1 } = options
    const flags = (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    return packet(0x30 | flags, text(topic), qos > 0 ? word(id) : Buffer.alloc(0), Buffer.from(payload))
  },
  puback: (id: number): Buffer => packet(0x40, word(id)),
  pubrec: (id: number): Buffer => packet(0x50, word(id)),
  pubrel: (id: number): Buffer => packet(0x62, word(id)),
  pubcomp: (id: number): Buffer => packet(0x70, word(id)),
  subscribe: (id: number, ...filters: readonly [filter: string, qos: number][]): Buffer =>
    packet(0x82, word(id), ...filters.flatMap(([filter, qos]) => [text(filter), Buffer.from([qos])])),
  unsubscribe: (id: number, ...filters: readonly string[]): Buffer => packet(0xa2, word(id), ...filters.map(text))
}

/** A connection that sends what it is told. */
export class RawClient {
  readonly socket: Socket
  readonly #came: Answer[] = []
  readonly #looking = new Set<() => void>()
  /** Every PUBLISH, in order; `onPublish` may take them instead. */
  readonly received: Received[] = []
  onPublish: ((packet: Received) => void) | undefined
  /** Takes PUBACKs. */
  onPuback: ((id: number) => void) | undefined
  /** Takes PUBRELs. */
  onPubrel: ((id: number) => void) | undefined
  /** Take the other halves of QoS 2. */
  onPubrec: ((id: number) => void) | undefined
  onPubcomp: ((id: number) => void) | undefined
  /** The first packet that came. */
  first: Answer | undefined
  /** From the last CONNACK. */
  sessionPresent = false
  code: number | undefined
  /** From the last SUBACK. */
  granted: number[] = []
  #rest = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', () => {})
  }

  static async connect(port: number, clientId: string, options: ConnectOptions = {}): Promise<RawClient> {
    const client = RawClient.open(port, clientId, options)
    await client.next('connack')
    return client
  }

  /** The same, without waiting for the CONNACK. */
  static open(port: number, clientId: string, options: ConnectOptions = {}): RawClient {
    const client = new RawClient(connect(port, '127.0.0.1'))
    client.send(packets.connect(clientId, options))
    return client
  }

  /** All in one write. */
  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  /** The next answer of this kind. */
  async next(kind: Answer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${kind}; came: ${this.#came.join(' ')}`)), patience)
      const look = (): void => {
        const index = this.#came.indexOf(kind)
        if (index < 0) return
        this.#came.splice(index, 1)
        clearTimeout(timer)
        this.#looking.delete(look)
        resolve()
      }
      this.#looking.add(look)
      look()
    })
  }

  /** Resolves when so many PUBLISH packets have come in all; for a client without `onPublish`. */
  async has(count: number): Promise<readonly Received[]> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.received.length} of ${count} messages came`)), patience)
      const look = (): void => {
        if (this.received.length < count) return
        clearTimeout(timer)
        this.#looking.delete(look)
        resolve()
      }
      this.#looking.add(look)
      look()
    })
    return this.received
  }

  /** A PINGREQ has made its way: what the broker had to answer before has come. */
  async settled(): Promise<void> {
    this.send(Buffer.from([0xc0, 0]))
    await this.next('pingresp')
  }

  /** Resolves when the broker has cut the connection. */
  async closed(): Promise<void> {
    if (!this.socket.destroyed) await new Promise<void>((resolve) => this.socket.once('close', () => resolve()))
  }

  close(): void {
    this.socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      let [length, at] = [0, 1]
      for (let byte = 0x80; byte & 0x80; at++) {
        if (at >= this.#rest.length) return
        byte = this.#rest[at] as number
        length |= (byte & 0x7f) << (7 * (at - 1))
      }
      if (this.#rest.length < at + length) return
      const kind = answers[(this.#rest[0] as number) >> 4]
      const flags = this.#rest[0] as number
      const body = this.#rest.subarray(at, at + length)
      this.#rest = this.#rest.subarray(at + length)
      this.first ??= kind
      if (kind === 'connack') {
        this.sessionPresent = body[0] === 1
        this.code = body[1]
      }
      if (kind === 'suback') this.granted = [...body.subarray(2)]
      if (kind === 'publish') {
        const packet = readPublish(flags, body)
        if (this.onPublish) this.onPublish(packet)
        else this.received.push(packet)
      }
      if (kind === 'puback' && this.onPuback) this.onPuback(body.readUInt16BE(0))
      else if (kind === 'pubrel' && this.onPubrel) this.onPubrel(body.readUInt16BE(0))
      else if (kind === 'pubrec' && this.onPubrec) this.onPubrec(body.readUInt16BE(0))
      else if (kind === 'pubcomp' && this.onPubcomp) this.onPubcomp(body.readUInt16BE(0))
      else if (kind !== undefined && !(kind === 'publish' && this.onPublish)) this.#came.push(kind)
      for (const look of this.#looking) look()
    }
  }
}

function readPublish(flags: number, body: Buffer): Received {
  const qos = (flags >> 1) & 3
  const end = 2 + body.readUInt16BE(0)
  return {
    topic: body.toString('utf8', 2, end),
    text: body.toString('utf8', end + (qos > 0 ? 2 : 0)),
    qos,
    dup: (flags & 8) > 0,
    retain: (flags & 1) > 0,
    id: qos > 0 ? body.readUInt16BE(end) : undefined
  }
}

function packet(first: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let left = body.length
  do {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
    left >>= 7
  } while (left > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

function text(value: string): Buffer {
  return Buffer.concat([word(Buffer.byteLength(value)), Buffer.from(value)])
}

function word(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}
