/** The gateway's clock as the page knows it: that of a phone may be wrong, and what comes from the gateway may come late. */
import { monotonic, wall } from '../clock.js'

/** Seconds by which the clock of this machine goes on without its monotonic one: it slept. A clock that was set looks the same. */
const sleep = 2

/** Seconds that two clocks drift apart in a second, at most. */
const drift = 1e-4

export class GatewayClock {
  readonly #monotonic: () => number
  readonly #wall: () => number
  /** Seconds for which the monotonic clock of this machine stood still. */
  #slept = 0
  #lead: number
  /** Add it to {@link steady} for the gateway's Unix seconds. */
  #offset: number
  /** Seconds by which the offset may be wrong, and when that was so. */
  #error = Infinity
  #at = 0
  /** Nothing was heard since the page was opened, or since it slept. */
  #isGuess = true
  #sleeps = 0

  constructor(own: { readonly monotonic: () => number; readonly wall: () => number } = { monotonic, wall }) {
    this.#monotonic = own.monotonic
    this.#wall = own.wall
    this.#lead = this.#wall() - this.#monotonic()
    this.#offset = this.#lead
  }

  /** Seconds that only go forward, also while the computer sleeps. */
  steady(): number {
    const now = this.#monotonic()
    const lead = this.#wall() - now
    const jump = lead - this.#lead
    this.#lead = lead
    if (jump > sleep) {
      this.#slept += jump
      this.#error = Infinity
      this.#isGuess = true
      this.#sleeps += 1
    }
    return now + this.#slept
  }

  /** The gateway's Unix seconds. */
  now(): number {
    return this.steady() + this.#offset
  }

  /** How often the computer slept, or its clock was set forward. */
  get sleeps(): number {
    return this.#sleeps
  }

  /** The gateway told its time in answer to a question of `asked` (see {@link steady}): it was told between then and now. */
  answered(time: number, asked: number): void {
    const now = this.steady()
    const [low, high] = [time - now, time - asked]
    const error = (high - low) / 2
    if (error <= this.#error + drift * (now - this.#at)) this.#offset = (low + high) / 2
    else if (this.#offset < low || this.#offset > high) this.#offset = Math.min(Math.max(this.#offset, low), high)
    else return
    this.#error = Math.max(error, Math.abs(this.#offset - (low + high) / 2) * 2)
    this.#at = now
    this.#isGuess = false
  }

  /** The gateway said this time by itself; nobody knows how long it was underway. So it may be later there, but not earlier. */
  heard(time: number): void {
    const offset = time - this.steady()
    if (this.#isGuess || offset > this.#offset) this.#offset = offset
    this.#isGuess = false
  }
}
