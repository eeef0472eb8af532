import type { Socket } from 'node:net'
import type { Job, Result } from './job.js'
import { Latencies, quantiles } from './latencies.js'
import { pace } from './pace.js'
import { subscribe } from './subscriber.js'
import { open, publishPacket, type } from './wire.js'

const publishers = 4

/** Messages under way for each publisher: sent, and not yet both acknowledged and delivered. */
const windows = { 0: 256, 1: 100 } as const

/** Less than this is not worth a write. */
const least = 16

/** Topic of a publisher; its number is at a fixed place, so that the receiving side need not read the topic. */
const topicOf = (publisher: number): string => `lab/bench-${publisher}/temperature`
const mark = 'lab/bench-'.length
const zero = '0'.charCodeAt(0)

/** Four publishers, one subscriber of all. */
export async function mqtt({ mqtt: port, qos, seconds }: Job & { kind: 'mqtt' }): Promise<Result> {
  const all = Array.from({ length: publishers }, (_, i) => new Publisher(topicOf(i), qos))
  const subscriber = await subscribe({
    port,
    filter: 'lab/+/temperature',
    qos,
    mark,
    onMessage: (character) => all[character - zero]?.delivered(),
    onChunk: () => all.forEach((each) => each.fill())
  })
  await Promise.all(all.map((each, i) => each.open(port, `bench-publisher-${i}`)))
  const answered = (): number => all.reduce((sum, { latencies }) => sum + latencies.answered, 0)
  let lost = 0
  const { rate } = await pace(seconds, {
    begin: () => all.forEach((each) => each.begin()),
    end: () => all.forEach((each) => each.end()),
    kick: () => all.forEach((each) => (lost += each.kick())),
    answered,
    underway: () => all.reduce((sum, { latencies }) => sum + latencies.underway, 0)
  })
  for (const each of all) {
    each.close()
    lost += each.latencies.giveUp()
  }
  subscriber.close()
  return { operations: answered(), rate, lost, ...quantiles(all.map(({ latencies }) => latencies.taken())) }
}

/** Sends slices of one buffer that holds a whole window of packets, all of the same length. */
class Publisher {
  readonly latencies: Latencies
  readonly #qos: 0 | 1
  readonly #window: number
  readonly #packets: Buffer
  readonly #size: number
  #socket: Socket | undefined
  #sent = 0
  #acknowledged = 0
  #running = false

  constructor(topic: string, qos: 0 | 1) {
    this.#qos = qos
    this.#window = windows[qos]
    this.latencies = new Latencies(this.#window)
    const payload = (i: number): string => `{"value":21.${String(i).padStart(3, '0')}5}`
    const packets = Array.from({ length: this.#window }, (_, i) => publishPacket(topic, payload(i), qos, i + 1))
    this.#packets = Buffer.concat(packets)
    this.#size = this.#packets.length / this.#window
  }

  async open(port: number, clientId: string): Promise<void> {
    this.#socket = await open(
      port,
      clientId,
      (first) => {
        if (first >> 4 === type.puback) this.#acknowledged += 1
      },
      () => this.fill()
    )
  }

  begin(): void {
    this.#running = true
    this.fill()
  }

  delivered(): void {
    this.latencies.answer(performance.now())
  }

  fill(): void {
    if (!this.#running) return
    const unacknowledged = this.#qos === 0 ? 0 : this.#sent - this.#acknowledged
    const room = this.#window - Math.max(this.latencies.underway, unacknowledged)
    if (room < least) return
    const now = performance.now()
    for (let i = 0; i < room; i++) this.latencies.send(now)
    const from = this.#sent % this.#window
    const straight = Math.min(room, this.#window - from)
    this.#socket?.write(this.#packets.subarray(from * this.#size, (from + straight) * this.#size))
    if (straight < room) this.#socket?.write(this.#packets.subarray(0, (room - straight) * this.#size))
    this.#sent += room
  }

  /** Nothing came for a while: what was not delivered is lost. */
  kick(): number {
    const lost = this.latencies.giveUp()
    this.#acknowledged = this.#sent
    this.fill()
    return lost
  }

  end(): void {
    this.#running = false
  }

  close(): void {
    this.#socket?.destroy()
  }
}
