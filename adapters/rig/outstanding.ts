/** One own message that was written, and whose echo is awaited. */
import { readPayload } from './codec.js'
import type { Payload } from './codec.js'
import { isBeginning, isEcho } from './echoes.js'
import { Trouble } from './trouble.js'

export class Outstanding {
  readonly bytes: Buffer
  /** Monotonic seconds. */
  readonly written: number
  readonly #maxEchoBytes: number | null | undefined
  /** What came that can only have been meant for the echo: so many of its bytes, or others. */
  #wrong: number | 'other' | undefined
  /** Its own event; null: it is no message. */
  #event: string | null | undefined

  constructor(bytes: Buffer, written: number, maxEchoBytes: number | null | undefined) {
    this.bytes = bytes
    this.written = written
    this.#maxEchoBytes = maxEchoBytes
  }

  isConfirmedBy(bytes: Buffer): boolean {
    return isEcho(bytes, this.bytes, this.#maxEchoBytes)
  }

  /** Is it a part of the echo? That is no message of the remote. */
  takePart(bytes: Buffer): boolean {
    if (!isBeginning(bytes, this.bytes)) return false
    this.#wrong = bytes.length
    return true
  }

  /** Something else came meanwhile. With the same event it may be an echo that was written anew, perhaps in another layout (section 4). */
  compare(payload: Payload): void {
    if (this.#wrong !== undefined || payload.kind !== 'message') return
    this.#event ??= ownEvent(this.bytes)
    if (payload.event === this.#event) this.#wrong = 'other'
  }

  /** Why it is unconfirmed, `within` so many seconds. */
  trouble(within: number): Trouble {
    if (this.#wrong === undefined) return new Trouble('echo-timeout', `no echo within ${within} s`, true)
    if (this.#wrong === 'other')
      return new Trouble('echo-mismatch', `the message came back in other bytes, or was not echoed, within ${within} s`, true)
    const message = `the echo has ${this.#wrong} of ${this.bytes.length} bytes; if the remote can read no more, set maxEchoBytes to that`
    return new Trouble('echo-mismatch', message, true)
  }
}

function ownEvent(bytes: Buffer): string | null {
  const payload = readPayload(bytes)
  return payload.kind === 'message' ? payload.event : null
}
