import { connect } from 'node:net'
import type { Socket } from 'node:net'

export type Answer = 'connack' | 'puback' | 'pubrec' | 'pubcomp' | 'suback' | 'pingresp' | 'publish'

const answers: Readonly<Record<number, Answer>> = {
  2: 'connack',
  3: 'publish',
  4: 'puback',
  5: 'pubrec',
  7: 'pubcomp',
  9: 'suback',
  13: 'pingresp'
}

/** MQTT 3.1.1 by hand, for what no decent client sends. */
export const packets = {
  connect: (clientId: string): Buffer => packet(0x10, text('MQTT'), Buffer.from([4, 2, 0, 0]), text(clientId)),
  publish: (
    topic: string,
    payload: string | Buffer,
    options: { qos?: number; dup?: boolean; retain?: boolean; id?: number } = {}
  ): Buffer => {
    const { qos = 0, dup = false, retain = false, id = 1 } = options
    const flags = (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    return packet(0x30 | flags, text(topic), qos > 0 ? word(id) : Buffer.alloc(0), Buffer.from(payload))
  },
  pubrel: (id: number): Buffer => packet(0x62, word(id))
}

/** A connection that sends what it is told. */
export class RawClient {
  readonly socket: Socket
  readonly #came: Answer[] = []
  readonly #looking = new Set<() => void>()
  #rest = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', () => {})
  }

  static async connect(port: number, clientId: string): Promise<RawClient> {
    const client = new RawClient(connect(port, '127.0.0.1'))
    client.send(packets.connect(clientId))
    await client.next('connack')
    return client
  }

  /** All in one write. */
  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  /** The next answer of this kind. */
  async next(kind: Answer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${kind}; came: ${this.#came.join(' ')}`)), 3000)
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
      if (kind !== undefined) this.#came.push(kind)
      this.#rest = this.#rest.subarray(at + length)
      for (const look of this.#looking) look()
    }
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
