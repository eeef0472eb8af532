import type { Job, Result } from './job.js'
import { open, publishPacket, type } from './wire.js'

/** Messages under way. */
const window = 500

/** One message to each topic, so that the gateway holds a reading of each codename. */
export async function fill({ mqtt, topics, payload }: Job & { kind: 'fill' }): Promise<Result> {
  const begun = performance.now()
  let [sent, acknowledged] = [0, 0]
  let finished = (): void => {}
  const all = new Promise<void>((resolve) => (finished = resolve))
  const more = (): void => {
    const packets: Buffer[] = []
    while (sent < topics.length && sent - acknowledged < window)
      packets.push(publishPacket(topics[sent] as string, payload, 1, (sent++ % 65_535) + 1))
    if (packets.length > 0) socket.write(Buffer.concat(packets))
    if (acknowledged === topics.length) finished()
  }
  const socket = await open(
    mqtt,
    'bench-filler',
    (first) => {
      if (first >> 4 === type.puback) acknowledged += 1
    },
    () => {
      if (sent > 0) more()
    }
  )
  more()
  await all
  socket.destroy()
  return { operations: sent, rate: (sent / (performance.now() - begun)) * 1000, lost: 0, p50: NaN, p99: NaN }
}
