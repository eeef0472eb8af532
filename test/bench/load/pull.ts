import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import type { Job, Result } from './job.js'
import { Latencies, quantiles } from './latencies.js'
import { pace } from './pace.js'

const sockets = 4

/** Questions under way on each socket. */
const window = 16

/** Old clients that ask without a pause: each answer is followed by the next question. */
export async function pull({ port, question, seconds }: Job & { kind: 'pull' }): Promise<Result> {
  const datagram = Buffer.from(question)
  const askers = await Promise.all(Array.from({ length: sockets }, () => connected(port)))
  const latencies = askers.map(() => new Latencies(window))
  let lost = 0
  let running = true
  const send = (i: number): void => {
    ;(latencies[i] as Latencies).send(performance.now())
    ;(askers[i] as Socket).send(datagram)
  }
  const fill = (): void =>
    latencies.forEach((each, i) => each.underway < window && Array.from({ length: window - each.underway }, () => send(i)))
  askers.forEach((asker, i) =>
    asker.on('message', () => {
      ;(latencies[i] as Latencies).answer(performance.now())
      if (running) send(i)
    })
  )
  const answered = (): number => latencies.reduce((sum, each) => sum + each.answered, 0)
  const { rate } = await pace(seconds, {
    begin: fill,
    end: () => (running = false),
    kick: () => {
      for (const each of latencies) lost += each.giveUp()
      fill()
    },
    answered,
    underway: () => latencies.reduce((sum, each) => sum + each.underway, 0)
  })
  for (const asker of askers) asker.close()
  for (const each of latencies) lost += each.giveUp()
  return { operations: answered(), rate, lost, ...quantiles(latencies.map((each) => each.taken())) }
}

/** A connected socket costs no look at the address for each datagram. */
export async function connected(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  socket.on('error', () => {})
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', () => resolve()))
  return socket
}
