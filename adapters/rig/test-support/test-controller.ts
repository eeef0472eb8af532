import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** Milliseconds that a test waits for what must come. */
const patience = 3000

/** An experiment PC as bytes, over UDP or TCP: it says what the test says, and keeps what it gets until somebody asks for it. */
export class TestController {
  /** Address and port, as the gateway sees them. */
  readonly name: string
  readonly #write: (bytes: Buffer) => void
  readonly #end: () => Promise<void>
  /** Datagrams; of a connection one piece, as it has no frames. */
  #came: Buffer[] = []
  readonly #isStream: boolean
  #look: (() => void) | undefined
  #isClosed = false
  #probes = 0

  private constructor(name: string, isStream: boolean, write: (bytes: Buffer) => void, end: () => Promise<void>) {
    this.name = name
    this.#isStream = isStream
    this.#write = write
    this.#end = end
  }

  static async udp(port: number): Promise<TestController> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve))
    const controller = new TestController(
      `127.0.0.1:${socket.address().port}`,
      false,
      (bytes) => socket.send(bytes),
      () => new Promise((resolve) => socket.close(() => resolve()))
    )
    socket.on('message', (bytes) => controller.#take(bytes))
    socket.on('error', () => {})
    return controller
  }

  static async tcp(port: number): Promise<TestController> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    const controller = new TestController(`127.0.0.1:${socket.localPort}`, true, (bytes) => socket.write(bytes), end(socket))
    socket.on('data', (bytes: Buffer) => controller.#take(bytes))
    socket.on('error', () => {})
    socket.once('close', () => {
      controller.#isClosed = true
      controller.#look?.()
    })
    return controller
  }

  send(bytes: Buffer | string): void {
    this.#write(Buffer.from(bytes))
  }

  /** The next payload must be this one. */
  async expect(payload: Buffer | string): Promise<void> {
    const wanted = Buffer.from(payload)
    await this.#until(() => this.#has(wanted.length), `no ${wanted.toString()}`)
    const next = this.#isStream ? this.#split(wanted.length) : this.#came.shift()
    assert.equal(next?.toString('latin1'), wanted.toString('latin1'))
  }

  /** The next payload; of a connection all that has come. */
  async next(): Promise<string> {
    await this.#until(() => this.#came.length > 0, 'nothing came')
    return (this.#came.shift() as Buffer).toString()
  }

  /** Says this and gets it back. */
  async echoed(payload: Buffer | string): Promise<void> {
    this.send(payload)
    await this.expect(payload)
  }

  /** Says this, and gets only that back. */
  async echoedAs(payload: Buffer | string, back: Buffer | string): Promise<void> {
    this.send(payload)
    await this.expect(back)
  }

  /** Takes what has come until now. */
  async taken(): Promise<string[]> {
    this.#probes += 1
    const probe = `"probe ${this.#probes}"`
    this.send(probe)
    const found: string[] = []
    for (let next = await this.next(); next !== probe; next = await this.next()) found.push(next)
    return found
  }

  /** Gets a message and sends it back, as every peer does at once. */
  async echoes(payload: Buffer | string): Promise<void> {
    await this.expect(payload)
    this.send(payload)
  }

  /** Nothing more has come: what is said now is the next that comes back. */
  async assertQuiet(): Promise<void> {
    this.#probes += 1
    await this.echoed(`"probe ${this.#probes}"`)
    assert.deepEqual(
      this.#came.map((bytes) => bytes.toString()),
      []
    )
  }

  /** The other side ends the connection. */
  async closed(): Promise<void> {
    await this.#until(() => this.#isClosed, 'the connection is still there')
  }

  async close(): Promise<void> {
    await this.#end()
  }

  #take(bytes: Buffer): void {
    if (this.#isStream) this.#came = [Buffer.concat([...this.#came, bytes])]
    else this.#came.push(bytes)
    this.#look?.()
  }

  #has(length: number): boolean {
    return this.#isStream ? (this.#came[0]?.length ?? 0) >= length : this.#came.length > 0
  }

  #split(length: number): Buffer {
    const [all] = this.#came as [Buffer]
    this.#came = all.length > length ? [all.subarray(length)] : []
    return all.subarray(0, length)
  }

  async #until(is: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#look = undefined
        reject(new Error(`${what}; what came is ${this.#came.map(String).join(' | ')}`))
      }, patience)
      this.#look = () => {
        if (!is()) return
        clearTimeout(timer)
        this.#look = undefined
        resolve()
      }
      this.#look()
    })
  }
}

function end(socket: Socket): () => Promise<void> {
  return async () => {
    if (socket.destroyed) return
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
      socket.destroy()
    })
  }
}
