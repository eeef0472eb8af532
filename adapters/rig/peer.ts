/** What is agreed with one remote: every message is sent back by whoever gets it, before anything else (section 9). */
import type { Clock, Watch } from '../../gateway/adapter.js'
import { Brake } from './brake.js'
import { mustEcho, readPayload } from './codec.js'
import type { Payload, ReadOptions } from './codec.js'
import { Copies } from './copies.js'
import { isAlmost, isBeginning, isEcho } from './echoes.js'
import { Outbox } from './outbox.js'
import type { Waiting } from './outbox.js'
import { Trouble } from './trouble.js'

export { Trouble } from './trouble.js'
export type { TroubleKind } from './trouble.js'

export interface PeerOptions extends ReadOptions {
  readonly clock: Clock
  /** Seconds from our last write to an own message: 0.010 over UDP, 0.025 over TCP. Echoes never wait (section 8, section 9). */
  readonly gap: number
  /** Must not throw; what cannot be written shows by {@link Peer.close}, {@link Peer.refused} or as no echo. */
  readonly write: (bytes: Buffer) => void
  /** Seconds, 1.0 as in the original. */
  readonly echoWithin: number
  /** An echo of exactly so many bytes is one too, where it is the beginning of the message (section 11). */
  readonly maxEchoBytes?: number | null
  /** Own messages in line, besides the one that is under way; as many urgent ones. */
  readonly maxWaiting: number
  /** Of one own message; 65507 for UDP. */
  readonly maxBytes: number
  /** After the echo was written. Never for a confirmation, a late or repeated copy, or what was braked. Must not throw. */
  readonly onPayload: (payload: Payload, bytes: Buffer) => void
  readonly onCount: (what: Counted) => void
}

export type Counted = 'echoed' | 'braked' | 'late' | 'repeated' | 'odd' | 'mismatch'

export interface SendOptions {
  /** To the head of the line; not past the message that is under way. */
  readonly urgent?: boolean
  /** Takes it out of the line; what was written already is only not waited for any more. */
  readonly signal?: AbortSignal
}

/** Written, and its echo awaited. */
interface Outstanding extends Waiting {
  /** Monotonic seconds. */
  readonly written: number
  timer: Watch
  /** What came in place of its echo. */
  wrong: 'cut' | 'other' | undefined
  wrongBytes: number
}

export class Peer {
  readonly #options: PeerOptions
  readonly #outbox: Outbox
  readonly #copies: Copies
  readonly #brake = new Brake()
  #outstanding: Outstanding | undefined
  #pause: Watch | undefined
  /** Monotonic seconds. */
  #lastWrite = -Infinity
  #lastHeard: number | undefined
  /** Since when the first in line waits for a gap; monotonic seconds. */
  #patient: number | undefined
  /** The shortest one that was seen, in seconds. */
  #roundTrip: number | undefined
  #lastEchoed = false
  #closed: Trouble | undefined

  constructor(options: PeerOptions) {
    this.#options = options
    this.#outbox = new Outbox(options.maxWaiting)
    this.#copies = new Copies(options.maxEchoBytes)
  }

  /** The message whose echo is awaited. */
  get awaited(): Buffer | undefined {
    return this.#outstanding?.bytes
  }

  /** Monotonic seconds; whatever it was. */
  get lastHeard(): number | undefined {
    return this.#lastHeard
  }

  /** Nothing of our own is under way or in line. */
  get isIdle(): boolean {
    return this.#outstanding === undefined && this.#outbox.length === 0
  }

  /** One payload that came. */
  receive(bytes: Buffer): void {
    if (this.#closed !== undefined) return
    const { clock, maxEchoBytes, onCount, onPayload } = this.#options
    const now = clock.monotonic()
    this.#lastHeard = now
    const outstanding = this.#outstanding
    if (outstanding !== undefined && isEcho(bytes, outstanding.bytes, maxEchoBytes)) return this.#confirm(outstanding, now)
    if (isLineEnd(bytes)) return this.#receiveLineEnd(bytes)
    const copy = this.#copies.take(bytes, now, this.#roundTrip)
    if (copy !== 'new') return onCount(copy)
    if (this.#brake.stops(bytes, now, this.#brakeWithin())) return onCount('braked')
    const isCut = outstanding !== undefined && isBeginning(bytes, outstanding.bytes)
    // A part of our own message is no message: to send it back would only confuse who cannot read more.
    if (!isCut && mustEcho(bytes)) this.#echo(bytes)
    else this.#lastEchoed = false
    const payload = readPayload(bytes, this.#options)
    if (outstanding !== undefined && outstanding === this.#outstanding) note(outstanding, payload, bytes, isCut)
    if (payload.kind === 'odd') onCount('odd')
    onPayload(payload, bytes)
  }

  /**
   * Resolves when it was echoed, with the seconds that took; what nobody echoes, a report, when it was written. Rejects with
   * {@link Trouble}. An answer that comes together with the echo is told by onPayload before whoever awaits this runs on: be ready for it
   * before sending.
   */
  send(bytes: Buffer, options: SendOptions = {}): Promise<{ seconds: number }> {
    const { urgent = false, signal } = options
    return new Promise((resolve, reject) => {
      const settled = (): void => signal?.removeEventListener('abort', aborted)
      const waiting: Waiting = {
        bytes,
        isUrgent: urgent,
        done: (seconds) => {
          settled()
          resolve({ seconds })
        },
        failed: (trouble) => {
          settled()
          reject(trouble)
        }
      }
      const aborted = (): void => {
        const wasSent = !this.#outbox.remove(waiting)
        waiting.failed(
          new Trouble('closed', wasSent ? 'nobody waits for its echo any more' : 'nobody wants it any more; it was not sent', wasSent)
        )
      }
      const refusal = this.#refusal(bytes, signal) ?? (this.#outbox.add(waiting) ? undefined : this.#busy())
      if (refusal !== undefined) return reject(refusal)
      signal?.addEventListener('abort', aborted, { once: true })
      this.#go()
    })
  }

  /** The network says that no program has the port there. */
  refused(): void {
    const outstanding = this.#outstanding
    if (outstanding !== undefined) this.#fail(outstanding, new Trouble('no-listener', 'no program has this port there', false))
  }

  /** For good: all that is under way or in line fails for this reason, and whatever is sent from now on. */
  close(trouble: Trouble): void {
    if (this.#closed !== undefined) return
    this.#closed = trouble
    this.#pause?.cancel()
    const outstanding = this.#outstanding
    this.#outstanding = undefined
    outstanding?.timer.cancel()
    outstanding?.failed(new Trouble(trouble.kind, trouble.message, true))
    for (let waiting = this.#outbox.next(); waiting !== undefined; waiting = this.#outbox.next()) waiting.failed(notSent(trouble))
  }

  #refusal(bytes: Buffer, signal: AbortSignal | undefined): Trouble | undefined {
    const { maxBytes } = this.#options
    if (this.#closed !== undefined) return notSent(this.#closed)
    if (signal?.aborted === true) return new Trouble('closed', 'nobody wants it any more; it was not sent', false)
    if (bytes.length > maxBytes) return new Trouble('too-large', `a message of ${bytes.length} bytes, and ${maxBytes} are the most`, false)
    return undefined
  }

  #busy(): Trouble {
    return new Trouble('busy', `${this.#outbox.length} messages wait already`, false)
  }

  /** Sends the next one when nothing is under way and the gap is kept. */
  #go(): void {
    if (this.#outstanding !== undefined || this.#pause !== undefined || this.#outbox.length === 0) return
    const { clock } = this.#options
    const now = clock.monotonic()
    this.#patient ??= now
    const pause = this.#pauseFrom(now)
    if (pause > 0) {
      this.#pause = clock.after(pause, () => {
        this.#pause = undefined
        this.#go()
      })
      return
    }
    this.#patient = undefined
    const waiting = this.#outbox.next()
    if (waiting !== undefined) this.#write(waiting, now)
  }

  /** Whoever gets message after message must have a chance to say something too: the gap is not waited for without end. */
  #pauseFrom(now: number): number {
    const { gap } = this.#options
    const due = Math.min(this.#lastWrite + gap, (this.#patient ?? now) + patience * gap)
    return due - now > 1e-6 ? due - now : 0
  }

  #write(waiting: Waiting, now: number): void {
    const { clock, echoWithin, write } = this.#options
    this.#lastWrite = now
    this.#lastEchoed = false
    if (!mustEcho(waiting.bytes)) {
      write(waiting.bytes)
      waiting.done(0)
      return this.#go()
    }
    const outstanding: Outstanding = { ...waiting, written: now, wrong: undefined, wrongBytes: 0, timer: { cancel: () => undefined } }
    outstanding.timer = clock.after(echoWithin, () => this.#timeOut(outstanding))
    this.#outstanding = outstanding
    write(waiting.bytes)
  }

  #echo(bytes: Buffer): void {
    const { clock, write, onCount } = this.#options
    this.#lastWrite = clock.monotonic()
    this.#lastEchoed = true
    write(bytes)
    onCount('echoed')
  }

  /** The rest of a line whose message was echoed already belongs to its echo; anywhere else it means nothing (section 8). */
  #receiveLineEnd(bytes: Buffer): void {
    if (this.#lastEchoed) this.#options.write(bytes)
    else this.#options.onCount('odd')
    this.#lastEchoed = false
  }

  #confirm(outstanding: Outstanding, now: number): void {
    const seconds = now - outstanding.written
    this.#roundTrip = Math.min(this.#roundTrip ?? seconds, seconds)
    this.#lastEchoed = false
    this.#copies.confirmed(outstanding.bytes)
    this.#end(outstanding)
    outstanding.done(seconds)
    this.#go()
  }

  /** When the whole process stood still, the echo may be here and only not read yet: it gets a moment more. */
  #timeOut(outstanding: Outstanding, grace = true): void {
    const { clock, echoWithin, onCount } = this.#options
    const late = clock.monotonic() - outstanding.written - echoWithin
    if (grace && late > stall) {
      outstanding.timer = clock.after(stall, () => this.#timeOut(outstanding, false))
      return
    }
    if (outstanding.wrong !== undefined) onCount('mismatch')
    this.#fail(outstanding, unconfirmed(outstanding, echoWithin))
  }

  #fail(outstanding: Outstanding, trouble: Trouble): void {
    this.#copies.unconfirmed(outstanding.bytes, this.#options.clock.monotonic())
    this.#end(outstanding)
    outstanding.failed(trouble)
    this.#go()
  }

  #end(outstanding: Outstanding): void {
    outstanding.timer.cancel()
    this.#outstanding = undefined
  }

  /** Seconds in which the brake counts: a storm over a slow network is slow too. */
  #brakeWithin(): number {
    return Math.min(Math.max(16 * (this.#roundTrip ?? 0), 1), 4)
  }
}

/** So many gaps an own message waits for a pause of the remote. */
const patience = 8

/** Seconds by which a timer is late only when the process was held up. */
const stall = 0.05

function isLineEnd(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x0a && byte !== 0x0d) return false
  return bytes.length > 0
}

function note(outstanding: Outstanding, payload: Payload, bytes: Buffer, isCut: boolean): void {
  if (!isCut && !isAlmost(payload, outstanding.bytes)) return
  outstanding.wrong = isCut ? 'cut' : (outstanding.wrong ?? 'other')
  if (isCut) outstanding.wrongBytes = bytes.length
}

function unconfirmed({ wrong, wrongBytes, bytes }: Outstanding, within: number): Trouble {
  if (wrong === 'cut') {
    const message = `the echo has ${wrongBytes} of ${bytes.length} bytes: if that is all that the peer can read, set maxEchoBytes`
    return new Trouble('echo-mismatch', message, true)
  }
  if (wrong === 'other') return new Trouble('echo-mismatch', `other bytes came in place of the echo within ${within} s`, true)
  return new Trouble('echo-timeout', `no echo within ${within} s`, true)
}

function notSent(trouble: Trouble): Trouble {
  return new Trouble(trouble.kind, trouble.message, false)
}
