/** Sends so many inputs to one listener, over connections or in datagrams. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Random } from './random.js'
import type { Worth } from './mutants.js'

/** Connections at once. */
const workers = 24

/** Milliseconds for a connection that was written and ended to be closed. */
const patience = 5000

/** One connection after another, each with several inputs; resolves with how many inputs were sent. */
export async function overTcp(
  port: number,
  make: (random: Random) => Worth,
  inputs: number,
  randoms: (i: number) => Random,
  over: () => boolean
): Promise<number> {
  let sent = 0
  const work = async (random: Random): Promise<void> => {
    while (sent < inputs && !over()) {
      const worth = make(random)
      sent += worth.inputs
      await deliver(port, worth.bytes)
    }
  }
  await Promise.all(Array.from({ length: workers }, async (_, i) => await work(randoms(i))))
  return sent
}

/** Resolves when it is closed. The system may have no port left for a moment: then it is tried again. */
async function deliver(port: number, bytes: Buffer): Promise<void> {
  for (;;) {
    const code = await new Promise<string | undefined>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      let failed: string | undefined
      socket.on('error', (error: NodeJS.ErrnoException) => (failed = error.code))
      socket.once('close', () => resolve(failed))
      socket.setTimeout(patience, () => socket.destroy())
      socket.resume()
      socket.end(bytes)
    })
    if (code !== 'EADDRNOTAVAIL') return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Datagrams before a decent question, and what they weigh: it must find room in the kernel's queue. */
const windowLength = 64
const windowBytes = 64_000

/** What a decent client asks after each window, where, and how the answer must begin. */
export interface Decent {
  readonly port: number
  readonly ask: (n: number) => string
  readonly begins: (n: number) => string
}

export async function overUdp(
  port: number,
  make: (random: Random) => Buffer,
  { inputs, random, decent, over }: { inputs: number; random: Random; decent: Decent; over: () => boolean }
): Promise<number> {
  const rubbish = createSocket('udp4')
  const good = createSocket('udp4')
  for (const socket of [rubbish, good]) {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  }
  let hear: (text: string) => void = () => {}
  good.on('message', (answer) => hear(answer.toString('latin1')))
  rubbish.on('message', () => {})
  const send = async (datagram: Buffer): Promise<void> =>
    await new Promise((resolve, reject) =>
      rubbish.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
    )
  try {
    let sent = 0
    for (let window = 0; sent < inputs && !over(); window += 1) {
      let last: Promise<void> = Promise.resolve()
      for (let n = 0, bytes = 0; n < windowLength && bytes < windowBytes && sent < inputs; n += 1) {
        const datagram = make(random)
        last = send(datagram)
        sent += 1
        bytes += datagram.length + 800
      }
      await last
      const wanted = decent.begins(window)
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`a decent client gets no ${wanted}`)), patience)
        hear = (text) => {
          if (!text.startsWith(wanted)) return
          clearTimeout(timer)
          resolve()
        }
        good.send(decent.ask(window), decent.port, '127.0.0.1')
      })
    }
    return sent
  } finally {
    rubbish.close()
    good.close()
  }
}
