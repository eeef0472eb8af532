/** One peer, a standing clock, and all that the peer writes and tells. */
import assert from 'node:assert/strict'
import { FakeClock } from '../../../test/support/fake-clock.js'
import { Peer, Trouble } from '../peer.js'
import type { Counted, PeerOptions } from '../peer.js'

export class PeerLab {
  readonly clock = new FakeClock()
  /** What was written and told, in order: `> bytes`, `kind bytes`. */
  readonly log: string[] = []
  readonly counts: Counted[] = []
  readonly peer: Peer

  constructor(options: Partial<PeerOptions> = {}) {
    this.peer = new Peer({
      clock: this.clock,
      gap: 0.01,
      echoWithin: 1,
      maxWaiting: 4,
      maxBytes: 65507,
      write: (bytes) => this.log.push(`> ${String(bytes)}`),
      onPayload: ({ kind }, bytes) => this.log.push(`${kind} ${String(bytes)}`),
      onCount: (what) => this.counts.push(what),
      ...options
    })
  }

  receive(...texts: readonly string[]): void {
    for (const text of texts) this.peer.receive(Buffer.from(text))
  }

  /** What became of it, when it is over. */
  send(text: string, options?: Parameters<Peer['send']>[1]): { outcome: string | undefined } {
    const sent: { outcome: string | undefined } = { outcome: undefined }
    const over = (outcome: string): void => {
      assert.equal(sent.outcome, undefined, 'settled twice')
      sent.outcome = outcome
    }
    this.peer.send(Buffer.from(text), options).then(
      ({ seconds }) => over(`echoed after ${seconds.toFixed(3)}`),
      (error: unknown) => {
        assert.ok(error instanceof Trouble)
        over(`${error.kind}${error.maybeExecuted ? ', maybe executed' : ''}`)
      }
    )
    return sent
  }

  /** The log since the last time. */
  take(): string[] {
    return this.log.splice(0)
  }
}
