import type { Socket } from 'node:net'
import type { Job, Result } from './job.js'
import { Latencies, quantiles } from './latencies.js'
import { pace } from './pace.js'
import { open, publishPacket, type } from './wire.js'

const publishers = 4

/** Unacknowledged messages of each: 100 in all. */
const window = 25

const payload = '{"value":21.5,"time":"2026-01-02T03:04:05.25Z"}'

/** Publishers of QoS 1; what counts is the PUBACK. */
export async function kept({ mqtt: port, seconds }: Job & { kind: 'kept' }): Promise<Result> {
  const all = Array.from({ length: publishers }, (_, i) => new Publisher(i))
  await Promise.all(all.map((each, i) => each.open(port, `bench-publisher-${i}`)))
  const answered = (): number => all.reduce((sum, { latencies }) => sum + latencies.answered, 0)
  let lost = 0
  const { rate } = await pace(seconds, {
    begin: () => all.forEach((each) => each.run(true)),
    end: () => all.forEach((each) => each.run(false)),
    // A disk may take its time: nothing is lost before the end.
    kick: () => {},
    answered,
    underway: () => all.reduce((sum, { latencies }) => sum + latencies.underway, 0)
  })
  for (const each of all) {
    each.close()
    lost += each.latencies.giveUp()
  }
  return { operations: answered(), rate, lost, ...quantiles(all.map(({ latencies }) => latencies.taken())) }
}

function retained(packet: Buffer): Buffer {
  packet[0] = (packet[0] as number) | 1
  return packet
}

class Publisher {
  readonly latencies = new Latencies(window)
  readonly #packets: readonly Buffer[]
  #socket: Socket | undefined
  #sent = 0
  #isRunning = false

  constructor(index: number) {
    this.#packets = Array.from({ length: window }, (_, i) => retained(publishPacket(`kept/${index}/${i}`, payload, 1, i + 1)))
  }

  async open(port: number, clientId: string): Promise<void> {
    this.#socket = await open(
      port,
      clientId,
      (first) => {
        if (first >> 4 === type.puback) this.latencies.answer(performance.now())
      },
      () => this.#fill()
    )
  }

  run(isRunning: boolean): void {
    this.#isRunning = isRunning
    this.#fill()
  }

  close(): void {
    this.#socket?.destroy()
  }

  /** PUBACKs come in order, so that the id of the oldest is free again. */
  #fill(): void {
    if (!this.#isRunning) return
    const now = performance.now()
    const batch: Buffer[] = []
    while (this.latencies.underway < window) {
      batch.push(this.#packets[this.#sent++ % window] as Buffer)
      this.latencies.send(now)
    }
    if (batch.length > 0) this.#socket?.write(Buffer.concat(batch))
  }
}
