/** Own messages to one remote: one at a time, each until its echo is here or too late (section 9, "Send"). */
import type { Clock, Watch } from '../../gateway/adapter.js'
import { mustEcho } from './codec.js'
import { Outbox } from './outbox.js'
import type { SendOptions, Sent, Waiting } from './outbox.js'
import { Outstanding } from './outstanding.js'
import { Trouble } from './trouble.js'

export interface SenderOptions {
  readonly clock: Clock
  /** Seconds from our last write to an own message: 0.010 over UDP, 0.025 over TCP. Echoes never wait (section 8, section 9). */
  readonly gap: number
  /** Must not throw; what cannot be written shows by {@link Sender.close}, {@link Sender.refused} or as no echo. */
  readonly write: (bytes: Buffer) => void
  /** Seconds, 1.0 as in the original. */
  readonly echoWithin: number
  /** An echo of exactly so many bytes is one too, where it is the beginning of the message (section 11). */
  readonly maxEchoBytes?: number | null
  /** Own messages in line, besides the one that is under way; as many urgent ones. */
  readonly maxWaiting: number
  /** Of one own message; 65507 for UDP. */
  readonly maxBytes: number
}

export interface SenderEvents {
  readonly onConfirmed: (bytes: Buffer) => void
  readonly onUnconfirmed: (bytes: Buffer, trouble: Trouble) => void
}

/** So many gaps an own message waits for a pause: who gets message after message must get a word in too. */
const patience = 8

/** Seconds by which a timer is late only when the whole process was held up. */
const stall = 0.05

/** Seconds that do not matter, in sums of them. */
const nothing = 1e-6

export class Sender {
  readonly #options: SenderOptions
  readonly #events: SenderEvents
  readonly #outbox: Outbox
  #current: { readonly waiting: Waiting; readonly message: Outstanding; timer: Watch } | undefined
  /** Monotonic seconds. */
  #lastWrite = -Infinity
  #pause: Watch | undefined
  /** Since when the first in line waits for a pause; monotonic seconds. */
  #pausedSince: number | undefined
  #roundTrip: number | undefined
  readonly #lastTrips: number[] = []
  #closed: Trouble | undefined

  constructor(options: SenderOptions, events: SenderEvents) {
    this.#options = options
    this.#events = events
    this.#outbox = new Outbox(options.maxWaiting)
  }

  get outstanding(): Outstanding | undefined {
    return this.#current?.message
  }

  get isIdle(): boolean {
    return this.#current === undefined && this.#outbox.length === 0
  }

  /** Seconds of the slowest of the last echoes; a copy that comes by chance right after what we send is no fast echo. */
  get slowRoundTrip(): number | undefined {
    return this.#lastTrips.length === 0 ? undefined : Math.max(...this.#lastTrips)
  }

  /** Seconds of the fastest echo so far. */
  get roundTrip(): number | undefined {
    return this.#roundTrip
  }

  async send(bytes: Buffer, options: SendOptions): Promise<Sent> {
    const { maxBytes } = this.#options
    if (this.#closed !== undefined) throw because(this.#closed, false)
    if (bytes.length > maxBytes) throw new Trouble('too-large', `a message of ${bytes.length} bytes, and ${maxBytes} are the most`, false)
    const sent = this.#outbox.add(bytes, options)
    this.#go()
    return await sent
  }

  /** For echoes: at once, whatever waits. */
  writeNow(bytes: Buffer): void {
    this.#lastWrite = this.#options.clock.monotonic()
    this.#options.write(bytes)
  }

  /** Is this the echo of what is under way? Then the next one has its turn. */
  takeEcho(bytes: Buffer): boolean {
    const current = this.#current
    if (current === undefined || !current.message.isConfirmedBy(bytes)) return false
    const seconds = this.#options.clock.monotonic() - current.message.written
    this.#roundTrip = Math.min(this.#roundTrip ?? seconds, seconds)
    this.#lastTrips.push(seconds)
    if (this.#lastTrips.length > 3) this.#lastTrips.shift()
    current.timer.cancel()
    this.#current = undefined
    this.#events.onConfirmed(current.message.bytes)
    current.waiting.done({ seconds })
    this.#go()
    return true
  }

  /** No program has the port over there. */
  refused(): void {
    this.#fail(new Trouble('no-listener', 'no program has this port there', false))
  }

  /** For good. */
  close(trouble: Trouble): void {
    if (this.#closed !== undefined) return
    this.#closed = trouble
    this.#pause?.cancel()
    this.#current?.timer.cancel()
    this.#current?.waiting.failed(because(trouble, true))
    this.#current = undefined
    for (let waiting = this.#outbox.next(); waiting !== undefined; waiting = this.#outbox.next()) waiting.failed(because(trouble, false))
  }

  /** Sends the next one when nothing is under way and the gap is kept. */
  #go(): void {
    if (this.#outbox.length === 0) this.#pausedSince = undefined
    else if (this.#current === undefined && this.#pause === undefined) {
      const seconds = this.#secondsToWait()
      if (seconds > nothing)
        this.#pause = this.#options.clock.after(seconds, () => {
          this.#pause = undefined
          this.#go()
        })
      else this.#sendNext()
    }
  }

  #secondsToWait(): number {
    const { clock, gap } = this.#options
    const now = clock.monotonic()
    this.#pausedSince ??= now
    return Math.min(this.#lastWrite + gap, this.#pausedSince + patience * gap) - now
  }

  #sendNext(): void {
    this.#pausedSince = undefined
    const waiting = this.#outbox.next()
    if (waiting === undefined) return
    const { clock, echoWithin, maxEchoBytes } = this.#options
    const { bytes } = waiting
    if (mustEcho(bytes)) {
      const timer = clock.after(echoWithin, () => this.#timeOut())
      this.#current = { waiting, message: new Outstanding(bytes, clock.monotonic(), maxEchoBytes), timer }
      return this.writeNow(bytes)
    }
    this.writeNow(bytes)
    waiting.done({ seconds: 0 })
    this.#go()
  }

  /** After a stall of the whole process the echo may be here, and only not read yet: it gets a moment more. */
  #timeOut(isLast = false): void {
    const { clock, echoWithin } = this.#options
    const current = this.#current
    if (current === undefined) return
    const late = clock.monotonic() - current.message.written - echoWithin
    if (!isLast && late > stall) current.timer = clock.after(stall, () => this.#timeOut(true))
    else this.#fail(current.message.trouble(echoWithin))
  }

  #fail(trouble: Trouble): void {
    const current = this.#current
    if (current === undefined) return
    current.timer.cancel()
    this.#current = undefined
    this.#events.onUnconfirmed(current.message.bytes, trouble)
    current.waiting.failed(trouble)
    this.#go()
  }
}

function because({ kind, message }: Trouble, maybeExecuted: boolean): Trouble {
  return new Trouble(kind, message, maybeExecuted)
}
