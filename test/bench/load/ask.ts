import type { Job, Result } from './job.js'
import { quantiles } from './latencies.js'
import { connected } from './pull.js'
import { open, publishPacket, subscribePacket, type } from './wire.js'

/** Milliseconds after which an answer counts as lost. */
const patience = 2000

interface Way {
  /** The answer is told by `answered`. */
  ask(): void
  close(): void
}

/** A person, or a program at rest: asks, waits for the answer, and asks again when it is time. */
export async function ask({ way, hertz, seconds }: Job & { kind: 'ask' }): Promise<Result> {
  let answered = (): void => {}
  const asker = 'udp' in way ? await overUdp(way, () => answered()) : await overMqtt(way, () => answered())
  const taken: number[] = []
  let lost = 0
  const begun = performance.now()
  for (let next = begun; next < begun + seconds * 1000; next += 1000 / hertz) {
    await pause(next - performance.now())
    const sent = performance.now()
    const came = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), patience)
      answered = () => {
        clearTimeout(timer)
        resolve(true)
      }
      asker.ask()
    })
    if (came) taken.push(performance.now() - sent)
    else lost += 1
  }
  asker.close()
  return { operations: taken.length, rate: taken.length / seconds, lost, ...quantiles([taken]) }
}

async function overUdp({ udp, question }: { readonly udp: number; readonly question: string }, answered: () => void): Promise<Way> {
  const socket = await connected(udp)
  socket.on('message', answered)
  return { ask: () => socket.send(question), close: () => socket.close() }
}

async function overMqtt(way: { readonly mqtt: number; readonly topic: string; readonly op: string }, answered: () => void): Promise<Way> {
  const { mqtt, topic, op } = way
  let [count, granted] = [0, (): void => {}]
  const subscribed = new Promise<void>((resolve) => (granted = resolve))
  const socket = await open(mqtt, 'bench-asker', (first, buffer, start, end) => {
    if (first >> 4 === type.suback) granted()
    if (first >> 4 !== type.publish) return
    const text = buffer.toString('latin1', start, end)
    if (text.includes(`"bench-${count}"`) && text.includes('"phase":"done"')) answered()
  })
  socket.write(subscribePacket(`${topic}/reply`, 0))
  await subscribed
  return {
    ask: () => socket.write(publishPacket(`${topic}/${op}`, JSON.stringify({ id: `bench-${++count}` }), 0, 0)),
    close: () => socket.destroy()
  }
}

async function pause(milliseconds: number): Promise<void> {
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds))
}
