import { Stopwatch } from '../metrics/histogram.js'

/** What passes the broker: a number more for each message, and how long the gateway's own take. */
export class Traffic {
  /** Messages of clients as they came, by QoS; dead letters are among them. */
  readonly received = [0, 0, 0]
  /** Messages on their way to clients, by the QoS that they have there; without what is sent again. */
  readonly sent = [0, 0, 0]
  /** From the gateway's own message to the broker having handed it to everybody. */
  readonly publishing: Stopwatch
  /** Batches for the disk. */
  readonly committing: Stopwatch

  constructor(monotonic: () => number) {
    this.publishing = new Stopwatch(monotonic)
    this.committing = new Stopwatch(monotonic)
  }

  receive(qos: number): void {
    this.received[qos] = (this.received[qos] ?? 0) + 1
  }

  /** What goes on its way, as it is; null: it does not. */
  send<P extends { readonly qos: number }>(packet: P | null): P | null {
    if (packet !== null) this.sent[packet.qos] = (this.sent[packet.qos] ?? 0) + 1
    return packet
  }
}
