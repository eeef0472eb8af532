/** What is agreed with one remote: whoever gets a message sends it back before anything else (section 9). */
import { Brake } from './brake.js'
import { mustEcho, readPayload } from './codec.js'
import type { Payload, ReadOptions } from './codec.js'
import { Copies } from './copies.js'
import type { Copy, CopiesOptions } from './copies.js'
import type { Own, SendOptions, Sent } from './outbox.js'
import { Sender } from './sender.js'
import type { SenderOptions } from './sender.js'
import type { Trouble } from './trouble.js'

export { Trouble } from './trouble.js'
export type { TroubleKind } from './trouble.js'

export type Counted = 'echoed' | 'braked' | 'late' | 'repeated' | 'odd' | 'mismatch'

export interface PeerOptions extends SenderOptions, CopiesOptions, ReadOptions {
  /** After the echo was written. Never for a confirmation, a late or repeated copy, or what was braked. Must not throw. */
  readonly onPayload: (payload: Payload, bytes: Buffer) => void
  /** Is it what a question of ours waits for? Then the brake lets it pass: a rig whose answer is not echoed is deaf for good. */
  readonly isWanted?: (payload: Payload) => boolean
  /** `odd`: given to onPayload too, or a line end alone. `mismatch`: a message failed by it. */
  readonly onCount: (what: Counted) => void
}

/** Seconds in which the brake counts, at least: enough for a copy that goes round in 120 ms, and too short for who asks 8 times a second. */
const brakeWithin = 1.1

export class Peer {
  readonly #options: PeerOptions
  readonly #sender: Sender
  readonly #copies: Copies
  readonly #brake: Brake
  #lastHeard: number | undefined
  /** What became of the last payload; for the rest of its line. */
  #last: 'echoed' | 'taken' | 'odd' = 'odd'
  #isClosed = false

  constructor(options: PeerOptions) {
    this.#options = options
    this.#copies = new Copies(options)
    this.#brake = new Brake(options.mayDuplicate ?? true)
    this.#sender = new Sender(options, {
      onConfirmed: (bytes) => this.#copies.confirmed(bytes),
      onUnconfirmed: (bytes, { kind }, lateWithin) => {
        this.#copies.unconfirmed(bytes, options.clock.monotonic(), lateWithin)
        if (kind === 'echo-mismatch') options.onCount('mismatch')
      }
    })
  }

  /** The message whose echo is awaited; for {@link Stream.next}. */
  get awaited(): Buffer | undefined {
    return this.#sender.outstanding?.bytes
  }

  /** Monotonic seconds of the last payload, whatever it was. */
  get lastHeard(): number | undefined {
    return this.#lastHeard
  }

  /** Nothing of our own is under way or in line. */
  get isIdle(): boolean {
    return this.#sender.isIdle
  }

  /** One payload that came. */
  receive(bytes: Buffer): void {
    if (this.#isClosed) return
    const now = this.#options.clock.monotonic()
    this.#lastHeard = now
    if (this.#sender.takeEcho(bytes)) {
      this.#last = 'taken'
    } else if (isLineEnd(bytes)) this.#receiveLineEnd(bytes)
    else {
      const copy = this.#copies.take(bytes, now, this.#sender.roundTrip)
      if (copy !== 'new') this.#drop(copy)
      else if (this.#brake.stops(bytes, now, this.#brakeWithin()) && !this.#isWanted(bytes)) this.#drop('braked')
      else this.#receiveNew(bytes)
    }
  }

  /**
   * Resolves when it was echoed; what nobody echoes, a report, when it was written. Rejects with {@link Trouble}. An answer that comes
   * together with the echo is told by onPayload before whoever awaits this runs on: be ready for it before sending.
   */
  send(own: Own, options: SendOptions = {}): Promise<Sent> {
    return this.#sender.send(own, options)
  }

  /**
   * This payload, which came just now, is the answer to something that we asked: asked so often, it may come so often. At most once for
   * each question; and never of what answers itself, or one doubled datagram goes round for ever (section 7).
   */
  forgive(bytes: Buffer): void {
    this.#brake.forgive(bytes)
  }

  /** The network says that no program has the port there. */
  refused(): void {
    this.#sender.refused()
  }

  /** For good: all that is under way or in line fails for this reason, and whatever is sent from now on; what comes is not heard. */
  close(trouble: Trouble): void {
    this.#isClosed = true
    this.#sender.close(trouble)
  }

  #isWanted(bytes: Buffer): boolean {
    return this.#options.isWanted?.(readPayload(bytes, this.#options)) ?? false
  }

  #receiveNew(bytes: Buffer): void {
    const { onCount, onPayload } = this.#options
    const { outstanding } = this.#sender
    this.#last = 'taken'
    // To send back a part of our own message would only confuse who cannot read more of it.
    if (outstanding?.takePart(bytes) !== true && mustEcho(bytes)) {
      this.#last = 'echoed'
      this.#sender.writeNow(bytes)
      onCount('echoed')
    }
    const payload = readPayload(bytes, this.#options)
    outstanding?.compare(payload)
    if (payload.kind === 'odd') onCount('odd')
    onPayload(payload, bytes)
  }

  /**
   * The rest of a line whose message was echoed already belongs to the echo (section 8); once, as two peers must not send line ends to and
   * fro. After anything else it says nothing.
   */
  #receiveLineEnd(bytes: Buffer): void {
    if (this.#last === 'odd') this.#options.onCount('odd')
    if (this.#last === 'echoed') this.#sender.writeNow(bytes)
    this.#last = 'odd'
  }

  #drop(why: Exclude<Copy, 'new'> | 'braked'): void {
    this.#last = 'taken'
    this.#options.onCount(why)
  }

  /** Seconds in which the brake counts: over a slow network a storm is slow too. */
  #brakeWithin(): number {
    return Math.min(Math.max(16 * (this.#sender.slowRoundTrip ?? 0), brakeWithin), 4)
  }
}

function isLineEnd(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x0a && byte !== 0x0d) return false
  return bytes.length > 0
}
