import type { Job, Result } from './job.js'
import { subscribePacket, open, publishPacket, type } from './wire.js'

/** Milliseconds between two writes of the publisher. */
const beat = 5

/** Milliseconds for what is still on its way at the end. */
const patience = 2000

/** Values repeat after so many; they are those of an instrument: slow, with noise in the last digits. */
const values = 997

/** One publisher at a pace, whatever comes of it, and one subscriber of all. What each takes is from the write to the read. */
export async function steady({ mqtt: port, topics, hertz, seconds }: Job & { kind: 'steady' }): Promise<Result> {
  const total = Math.floor(topics.length * hertz * seconds)
  const perMillisecond = (topics.length * hertz) / 1000
  const given = Array.from({ length: values }, (_, i) => Buffer.from(valueOf(i)))
  // Packets end with the value, and all values are of one length.
  const heads = topics.map((topic) => publishPacket(topic, valueOf(0), 0, 0).subarray(0, -valueOf(0).length))
  const numbers = new Map(topics.map((topic, i) => [topic, i]))
  const sentAt = new Float64Array(total)
  const taken = new Float64Array(total)
  let [sent, delivered, expected] = [0, 0, 0]
  let granted = (): void => {}
  const subscribed = new Promise<void>((resolve) => (granted = resolve))
  const subscriber = await open(port, 'bench-subscriber', (first, buffer, start) => {
    if (first >> 4 === type.suback) granted()
    if (first >> 4 !== type.publish || (first & 1) !== 0) return
    const now = performance.now()
    const number = numbers.get(buffer.toString('latin1', start + 2, start + 2 + buffer.readUInt16BE(start)))
    // In order, as they come from one publisher; what is missing was lost.
    while (expected < sent && expected % topics.length !== number) expected += 1
    if (expected >= sent) return
    taken[delivered++] = now - (sentAt[expected++] as number)
  })
  subscriber.write(subscribePacket('lab/+/+', 0))
  await subscribed
  const publisher = await open(port, 'bench-publisher', () => {})
  const begun = performance.now()
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now()
      const due = Math.min(total, Math.floor((now - begun) * perMillisecond))
      const batch: Buffer[] = []
      for (; sent < due; sent++) {
        sentAt[sent] = now
        const topic = sent % topics.length
        batch.push(heads[topic] as Buffer, given[(Math.floor(sent / topics.length) + topic * 13) % values] as Buffer)
      }
      if (batch.length > 0) publisher.write(Buffer.concat(batch))
      if (sent < total) return
      clearInterval(timer)
      resolve()
    }, beat)
  })
  const passed = (performance.now() - begun) / 1000
  for (const end = performance.now() + patience; delivered < total && performance.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 10))
  publisher.destroy()
  subscriber.destroy()
  const sorted = taken.subarray(0, delivered).sort()
  const at = (part: number): number => sorted[Math.min(delivered - 1, Math.floor(delivered * part))] ?? NaN
  return { operations: delivered, rate: delivered / passed, lost: total - delivered, p50: at(0.5), p99: at(0.99), max: at(1) }
}

function valueOf(step: number): string {
  return (21 + 3 * Math.sin((step % values) / 50) + ((step * 7919) % values) / values / 10).toFixed(3)
}
