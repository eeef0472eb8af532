import type { Writable } from 'node:stream'

export interface OutputLimits {
  /** Bytes of one packet. */
  readonly maxPacket: number
  /** Bytes that may wait for a client before messages of QoS 0 to it are left out. */
  readonly shedOutput: number
  /** Bytes that may wait for a client before it is cut. */
  readonly maxOutput: number
}

/** Bytes that are handed to the socket in one go: how often progress is seen, and small packets travel together. */
const batch = 65_536

/** Messages that streams of Aedes hold between us and the store: they were let through when there was room, and come all the same. */
const onTheWay = 32

/**
 * What waits to be sent to one client. Takes everything and never makes the writer wait; the writer asks first: {@link full},
 * {@link overdue}, {@link room}. Bytes count from here until the system has taken them.
 */
export class Output {
  readonly #inner: Writable
  readonly #limits: OutputLimits
  readonly #on: { full(): void; room(): void; cut(reason: string): void }
  #queue: Buffer[] = []
  #head = 0
  #queued = 0
  #sending = 0
  /** Bytes since the beginning: taken, and handed on to the system. */
  #taken = 0
  #sent = 0
  /** A message of QoS 1 or 2 ends beyond this byte, and waits since then (seconds of a monotonic clock). */
  #promise: { at: number; since: number } | undefined
  #full = false
  #closed = false
  #waiters: (() => void)[] = []
  #ended: (() => void) | undefined

  /** `full` and `room`: the client's own packets should stop and go on; their answers would pile up. */
  constructor(inner: Writable, limits: OutputLimits, on: { full(): void; room(): void; cut(reason: string): void }) {
    this.#inner = inner
    this.#limits = limits
    this.#on = on
  }

  /** Bytes. */
  get waiting(): number {
    return this.#queued + this.#sending
  }

  /** More waits than QoS 0 is kept for; until half of it is gone. */
  get full(): boolean {
    return this.#full
  }

  add(chunk: Buffer): void {
    if (this.#closed) return
    this.#queue.push(chunk)
    this.#queued += chunk.length
    this.#taken += chunk.length
    this.#flush()
    const { waiting } = this
    if (waiting <= this.#limits.shedOutput) return
    if (!this.#full) {
      this.#full = true
      this.#on.full()
    }
    const { maxOutput, maxPacket } = this.#limits
    if (waiting > maxOutput + onTheWay * maxPacket) this.#on.cut(`it reads too slowly: ${waiting} bytes wait (broker.limits.maxOutput)`)
  }

  addAll(chunks: readonly { chunk: Buffer }[]): void {
    const total = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0)
    if (total > batch) for (const { chunk } of chunks) this.add(chunk)
    else
      this.add(
        Buffer.concat(
          chunks.map(({ chunk }) => chunk),
          total
        )
      )
  }

  /** A message of QoS 1 or 2 comes next. */
  promise(now: number): void {
    if (this.#promise === undefined || this.#sent >= this.#promise.at) this.#promise = { at: this.#taken + 1, since: now }
  }

  /** So many seconds of waiting are not the client's fault. */
  excuse(seconds: number): void {
    if (this.#promise !== undefined) this.#promise.since += seconds
  }

  /** Seconds for which a message of QoS 1 or 2 has waited; 0 when none waits. */
  overdue(now: number): number {
    if (this.waiting === 0 || (this.#promise !== undefined && this.#sent >= this.#promise.at)) this.#promise = undefined
    return this.#promise === undefined ? 0 : now - this.#promise.since
  }

  /** Resolves when there is room again, or nobody is left to send to. */
  async room(): Promise<void> {
    if (this.#full && !this.#closed) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  /** Ends the connection behind what waits. */
  end(done: () => void): void {
    if (this.#closed) return done()
    this.#ended = done
    this.#flush()
  }

  close(): void {
    this.#closed = true
    this.#queue = []
    this.#queued = 0
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #flush(): void {
    if (this.#sending > 0 || this.#closed) return
    if (this.#queued === 0) {
      if (this.#ended !== undefined) this.#inner.end(this.#ended)
      this.#ended = undefined
      return
    }
    const chunks: Buffer[] = []
    while (this.#sending < batch && this.#head < this.#queue.length) {
      const chunk = this.#queue[this.#head++] as Buffer
      chunks.push(chunk)
      this.#sending += chunk.length
    }
    if (this.#head === this.#queue.length || this.#head > 1024) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    this.#queued -= this.#sending
    // A failing write ends the connection by the socket's own error.
    this.#inner.write(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, this.#sending), () => this.#flushed())
  }

  #flushed(): void {
    this.#sent += this.#sending
    this.#sending = 0
    this.#flush()
    if (!this.#full || this.waiting > this.#limits.shedOutput / 2) return
    this.#full = false
    if (!this.#closed) this.#on.room()
    for (const resolve of this.#waiters.splice(0)) resolve()
  }
}
