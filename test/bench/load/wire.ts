/** MQTT 3.1.1 for load: packets made beforehand, and a reader that looks at no more than it must. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export const type = { connack: 2, publish: 3, puback: 4, suback: 9 } as const

export function connectPacket(clientId: string): Buffer {
  return packet(0x10, [text('MQTT'), Buffer.from([4, 2, 0, 0]), text(clientId)])
}

export function subscribePacket(filter: string, qos: 0 | 1): Buffer {
  return packet(0x82, [word(1), text(filter), Buffer.from([qos])])
}

export function publishPacket(topic: string, payload: string, qos: 0 | 1, id: number): Buffer {
  return packet(0x30 | (qos << 1), [text(topic), qos === 0 ? Buffer.alloc(0) : word(id), Buffer.from(payload)])
}

/** One packet: its first byte, and where in the buffer its body begins and ends. */
export type OnPacket = (first: number, buffer: Buffer, start: number, end: number) => void

/** Splits a stream into packets. */
export class Splitter {
  #rest: Buffer | undefined

  take(chunk: Buffer, onPacket: OnPacket): void {
    const buffer = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (;;) {
      let [length, next, shift, byte] = [0, at + 1, 0, 0x80]
      while (byte >= 0x80 && next < buffer.length) {
        byte = buffer[next++] as number
        length |= (byte & 0x7f) << shift
        shift += 7
      }
      if (byte >= 0x80 || next + length > buffer.length) break
      onPacket(buffer[at] as number, buffer, next, next + length)
      at = next + length
    }
    this.#rest = at === buffer.length ? undefined : buffer.subarray(at)
  }
}

/** A connected client. `onPacket` is told everything after CONNACK, `onChunk` when all packets of one read have been told. */
export async function open(
  port: number,
  clientId: string,
  onPacket: OnPacket,
  onChunk: (socket: Socket) => void = () => {}
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const splitter = new Splitter()
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.on('data', (chunk) => {
      splitter.take(chunk, (first, buffer, start, end) => (first >> 4 === type.connack ? resolve() : onPacket(first, buffer, start, end)))
      onChunk(socket)
    })
    socket.write(connectPacket(clientId))
  })
  socket.on('error', () => {})
  return socket
}

/** Collects the PUBACKs for one read, to be written at once. */
export class Acks {
  #ids: number[] = []

  add(id: number): void {
    this.#ids.push(id)
  }

  flush(socket: Socket): void {
    if (this.#ids.length === 0) return
    const buffer = Buffer.allocUnsafe(this.#ids.length * 4)
    this.#ids.forEach((id, i) => {
      buffer.writeUInt16BE(0x4002, i * 4)
      buffer.writeUInt16BE(id, i * 4 + 2)
    })
    this.#ids = []
    socket.write(buffer)
  }
}

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  for (let left = body.length; left > 0 || length.length === 0; left >>= 7) length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

function text(value: string): Buffer {
  return Buffer.concat([word(Buffer.byteLength(value)), Buffer.from(value)])
}

function word(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}
