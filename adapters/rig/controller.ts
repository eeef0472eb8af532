/** One experiment PC that drives us: where it is, what is agreed with it, and its messages that wait for an answer. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../gateway/adapter.js'
import type { Payload } from './codec.js'
import { Peer } from './peer.js'
import type { Counted } from './peer.js'
import { Handled } from './handled.js'
import type { Turn } from './turns.js'

export type Transport = 'udp' | 'tcp'

export interface ControllerOptions {
  readonly transport: Transport
  /** Address and port. */
  readonly name: string
  readonly clock: Clock
  readonly maxEchoBytes: number | null
  /** Must not throw. */
  readonly write: (bytes: Buffer) => void
  /** Its connection, if it has one. */
  readonly hangUp: () => void
  readonly onPayload: (from: Controller, payload: Payload, bytes: Buffer) => void
  readonly onCount: (from: Controller, what: Counted) => void
}

/** Seconds that a controller has to echo an answer, as in the original (section 4). */
export const echoWithin = 1

/** Own messages that may wait for a controller: answers, reports and what is pushed. */
const maxWaiting = 40

/** Of an answer: what a datagram holds, and as much as gets through a real connection (section 8). */
const maxBytes = 65_507

/** Seconds from our last write to an answer (section 9). */
const gaps: Readonly<Record<Transport, number>> = { udp: 0.01, tcp: 0.025 }

/** Seconds in which our own answer may come back once more, as the network doubled its echo; and answers of which that is remembered. */
const doubledWithin = 2
const remembered = 8

export class Controller {
  readonly transport: Transport
  readonly name: string
  /** Different for all that are known at once. */
  readonly id: string
  readonly peer: Peer
  /** Speaks as iblutil before 1.11. */
  isOlder = false
  /** It said something that is a message: it drives us, and wants to be told things. */
  hasSpoken = false
  /** It echoed an answer of ours: it is really there, and no forged address. */
  hasConfirmed = false
  /** It did not echo the last that we told it. */
  isSilent = false
  /** Messages that are not answered yet. */
  readonly turns = new Set<Turn>()
  /** Those that wait for the one before. */
  readonly line: Turn[] = []
  isServing = false
  /** What it is told a second time, just now. */
  saying: Buffer | undefined
  readonly #options: ControllerOptions
  /** Our answers that differ from what was asked, and until when; the oldest first. */
  readonly #answers = new Map<string, number>()
  /** What it was answered of late. */
  readonly handled: Handled

  constructor(options: ControllerOptions) {
    const { transport, name, clock, maxEchoBytes, write, onPayload, onCount } = options
    this.#options = options
    this.transport = transport
    this.name = name
    this.id = `${transport} ${name}`
    this.handled = new Handled(clock)
    this.peer = new Peer({
      clock,
      gap: gaps[transport],
      write,
      echoWithin,
      maxEchoBytes,
      maxWaiting,
      maxBytes,
      mayDuplicate: transport === 'udp',
      onPayload: (payload, bytes) => onPayload(this, payload, bytes),
      onCount: (what) => onCount(this, what)
    })
  }

  /** It waits for something, or we do. */
  get isBusy(): boolean {
    return this.turns.size > 0 || !this.peer.isIdle
  }

  /** At once and for good, whatever waits. */
  tellLast(bytes: Buffer): void {
    this.#options.write(bytes)
  }

  hangUp(): void {
    this.#options.hangUp()
  }

  /** The same bytes are being answered already. */
  answering(key: string): Turn | undefined {
    return this.mayDouble ? Array.from(this.turns).findLast((turn) => turn.key === key) : undefined
  }

  /** This was written to it, unasked or as the answer to that message: its echo may come twice. */
  told(answer: Buffer, asked?: string): void {
    const key = keyOf(answer)
    this.#answers.delete(key)
    if (key !== asked && this.mayDouble) this.#answers.set(key, this.#options.clock.monotonic() + doubledWithin)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > remembered && oldest !== undefined) this.#answers.delete(oldest)
  }

  /** Our own answer, and nothing that it asked: the network has doubled its echo. */
  isOwnAnswer(key: string): boolean {
    return this.#options.clock.monotonic() < (this.#answers.get(key) ?? -Infinity)
  }

  /** Over TCP nothing comes twice. */
  get mayDouble(): boolean {
    return this.transport === 'udp'
  }
}

/** The same for the same bytes, and short however many there are. */
export function keyOf(bytes: Buffer): string {
  return bytes.length <= 64 ? bytes.toString('latin1') : createHash('sha256').update(bytes).digest('base64')
}
