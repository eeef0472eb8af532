/** A network of two ends under a standing clock, which loses, repeats and delays datagrams; always the same for one seed. */
import type { Clock } from '../../../gateway/adapter.js'

export interface Faults {
  /** Of the datagrams, from 0 to 1. */
  readonly lost?: number
  readonly repeated?: number
  /** Seconds; each datagram has its own delay, so that they overtake each other. */
  readonly delay?: { readonly least: number; readonly most: number }
  /** The only datagram that is repeated, counted from 0. */
  readonly repeatedAt?: number
  /** Seconds by which a copy is later. */
  readonly repeatedAfter?: number
}

export class Network {
  /** Datagrams written; their copies do not count. */
  written = 0
  /** Monotonic seconds of the last one. */
  lastWritten = 0
  readonly #clock: Clock
  readonly #faults: Faults
  #state: number

  constructor(clock: Clock, faults: Faults, seed = 1) {
    this.#clock = clock
    this.#faults = faults
    this.#state = seed
  }

  /** What an end writes with; `receive` is the other end. */
  to(receive: () => (bytes: Buffer) => void): (bytes: Buffer) => void {
    return (bytes) => {
      const { lost = 0, repeated = 0, repeatedAt, repeatedAfter = 0 } = this.#faults
      const isRepeated = this.written === repeatedAt || this.#random() < repeated
      this.written += 1
      this.lastWritten = this.#clock.monotonic()
      for (let time = 0; time < (isRepeated ? 2 : 1); time += 1) {
        if (this.#random() < lost) continue
        this.#clock.after(this.#delay() + time * repeatedAfter, () => receive()(Buffer.from(bytes)))
      }
    }
  }

  #delay(): number {
    const { least, most } = this.#faults.delay ?? { least: 0.0005, most: 0.0005 }
    return least + this.#random() * (most - least)
  }

  /** From 0 to 1: mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
