import type { Socket } from 'node:dgram'
import type { Job, Result } from './job.js'
import { Latencies, quantiles } from './latencies.js'
import { pace } from './pace.js'
import { connected } from './pull.js'
import { subscribe } from './subscriber.js'

const sockets = 4

/** Pushes under way, over all sockets. */
const window = 64

/** Old clients that push; a push is done when the subscriber has the reading. The server takes datagrams in the order in which they were sent. */
export async function push({ port, mqtt, seconds }: Job & { kind: 'push' }): Promise<Result> {
  const datagrams = Array.from({ length: 100 }, (_, i) => Buffer.from(`json_wn#{"temperature": 21.${String(i).padStart(2, '0')}}`))
  const pushers = await Promise.all(Array.from({ length: sockets }, () => connected(port)))
  const latencies = new Latencies(window)
  let [sent, acknowledged, lost, running] = [0, 0, 0, false]
  const fill = (): void => {
    while (running && latencies.underway < window) {
      latencies.send(performance.now())
      ;(pushers[sent % sockets] as Socket).send(datagrams[sent % datagrams.length] as Buffer)
      sent += 1
    }
  }
  for (const pusher of pushers) pusher.on('message', () => (acknowledged += 1))
  const subscriber = await subscribe({
    port: mqtt,
    filter: 'lab/furnace/temperature',
    qos: 0,
    mark: 0,
    onMessage: () => latencies.answer(performance.now()),
    onChunk: fill
  })
  const { rate } = await pace(seconds, {
    begin: () => {
      running = true
      fill()
    },
    end: () => (running = false),
    kick: () => {
      lost += latencies.giveUp()
      fill()
    },
    answered: () => latencies.answered,
    underway: () => latencies.underway + Math.max(0, sent - lost - acknowledged)
  })
  for (const pusher of pushers) pusher.close()
  subscriber.close()
  lost += latencies.giveUp()
  return { operations: latencies.answered, rate, lost, ...quantiles([latencies.taken()]) }
}
