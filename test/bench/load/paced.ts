import type { Socket } from 'node:dgram'
import type { Job, Result } from './job.js'
import { quantiles } from './latencies.js'
import { connected } from './pull.js'
import { subscribePacket, open, type } from './wire.js'

const sockets = 4

/** Milliseconds between two bursts of datagrams. */
const beat = 5

/** Milliseconds for what is still on its way at the end. */
const patience = 2000

/** Values carry their number as a part of one: all of them lie within the schema. */
const parts = 1e6

/** Old clients that push at a pace; each value has its number, so that what comes is known, and what was lost. */
export async function paced({ port, mqtt, hertz, seconds }: Job & { kind: 'paced' }): Promise<Result> {
  const total = Math.floor(hertz * seconds)
  const pushers = await Promise.all(Array.from({ length: sockets }, () => connected(port)))
  const sentAt = new Float64Array(total)
  const taken: number[] = []
  let granted = (): void => {}
  const subscribed = new Promise<void>((resolve) => (granted = resolve))
  const subscriber = await open(mqtt, 'bench-subscriber', (first, buffer, start, end) => {
    if (first >> 4 === type.suback) granted()
    if (first >> 4 !== type.publish || (first & 1) !== 0) return
    const value = Number(/"value":([\d.]+)/.exec(buffer.toString('latin1', start, end))?.[1])
    const number = Math.round((value - 1) * parts)
    if (number < total) taken.push(performance.now() - (sentAt[number] as number))
  })
  subscriber.write(subscribePacket('lab/furnace/temperature', 0))
  await subscribed
  const begun = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now()
      for (const due = Math.min(total, Math.floor(((now - begun) / 1000) * hertz)); sent < due; sent++) {
        sentAt[sent] = now
        ;(pushers[sent % sockets] as Socket).send(`json_wn#{"temperature": ${1 + sent / parts}}`)
      }
      if (sent < total) return
      clearInterval(timer)
      resolve()
    }, beat)
  })
  const passed = (performance.now() - begun) / 1000
  for (const end = performance.now() + patience; taken.length < total && performance.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 10))
  for (const pusher of pushers) pusher.close()
  subscriber.destroy()
  return { operations: taken.length, rate: taken.length / passed, lost: total - taken.length, ...quantiles([taken]) }
}
