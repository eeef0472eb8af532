import { Duplex } from 'node:stream'

/** Bytes of the first packet, CONNECT: client id, will, user and password. */
const maxConnect = 65_536

/** First byte of CONNECT; its lower four bits are reserved and zero [MQTT-2.2.2-1]. */
const connect = 0x10

/**
 * The connection that Aedes gets in place of the socket. It reads fixed headers only, and cuts the connection before a byte is kept
 * of a packet that is too large, or when the first packet is no CONNECT: Aedes itself would take 256 MB from anybody (BROKER.md section 3).
 */
export class Guard extends Duplex {
  readonly #inner: Duplex
  readonly #maxPacket: number
  /** Bytes of the present packet that are still to come; the header is read when there are none. */
  #left = 0
  /** Bytes of the header read so far, and the length that they announce. */
  #headerBytes = 0
  #length = 0
  #connected = false

  constructor(inner: Duplex, maxPacket: number) {
    super()
    this.#inner = inner
    this.#maxPacket = maxPacket
    inner.on('data', (chunk: Buffer) => this.#received(chunk))
    inner.on('end', () => this.push(null))
    inner.on('error', (error) => this.destroy(error))
    inner.on('close', () => this.destroy())
    // Aedes listens only while it has the client; what breaks before or after must not end the process.
    this.on('error', () => {})
  }

  override _read(): void {
    this.#inner.resume()
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#inner.write(chunk, encoding, callback)
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], callback: (error?: Error | null) => void): void {
    this.#inner.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#inner.end(() => callback())
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#inner.destroy()
    callback(error)
  }

  #received(chunk: Buffer): void {
    const refusal = this.#scan(chunk)
    if (refusal !== undefined) this.destroy(new Error(refusal))
    else if (!this.push(chunk)) this.#inner.pause()
  }

  /** Why the connection must be cut; undefined when all is well. */
  #scan(chunk: Buffer): string | undefined {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, chunk.length - at)
        this.#left -= passed
        at += passed
        continue
      }
      const refusal = this.#header(chunk[at] as number)
      if (refusal !== undefined) return refusal
      at += 1
    }
    return undefined
  }

  /** One byte of a fixed header: type and flags, then one to four of the remaining length, seven bits each [MQTT-2.2.3]. */
  #header(byte: number): string | undefined {
    this.#headerBytes += 1
    if (this.#headerBytes === 1) return this.#connected || byte === connect ? undefined : 'the first packet is no MQTT CONNECT'
    this.#length += (byte & 0x7f) * 128 ** (this.#headerBytes - 2)
    if (byte >= 0x80) return this.#headerBytes < 5 ? undefined : 'the length of a packet is written in more than four bytes'
    const max = this.#connected ? this.#maxPacket : Math.min(maxConnect, this.#maxPacket)
    if (this.#length > max) return `a packet of ${this.#length} bytes; at most ${max} are taken (broker.limits.maxPacket)`
    this.#left = this.#length
    this.#headerBytes = 0
    this.#length = 0
    this.#connected = true
    return undefined
  }
}
