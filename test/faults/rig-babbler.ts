/**
 * Two rigs that talk as fast as they can, one over UDP to whoever once spoke to it, one over TCP to whoever connects. In a process of their
 * own, so that only the gateway is what others wait for. Prints their ports, and at SIGTERM what was said and echoed; ends with 1 when an echo
 * over UDP was none.
 */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface Babbled {
  readonly said: number
  readonly echoed: number
}

/** Messages at a stretch. */
const burst = 50

let [said, echoed] = [0, 0]

/** No two are alike, so that nobody takes them for copies; every kind of event that a rig may say of itself. */
function wordsOf(n: number): string {
  switch (n % 4) {
    case 0:
      return `[32, ${(n / 4) % 4}0, ${n}]`
    case 1:
      return `[64, 20, {"n": ${n}, "exp_ref": "2024-03-14_1_subject"}]`
    case 2:
      return `[2, "2024-03-14_${n % 999}_subject", {"n": ${n}}]`
    default:
      return `[4, {"n": ${n}, "words": "${'blah '.repeat(20)}"}]`
  }
}

function babble(socket: UdpSocket, { port, address }: RemoteInfo): void {
  for (let i = 0; i < burst; i += 1) socket.send(wordsOf((said += 1)), port, address)
  setImmediate(() => babble(socket, { port, address } as RemoteInfo))
}

async function udp(): Promise<number> {
  const socket = createSocket('udp4')
  let isTalking = false
  socket.on('message', (datagram, from) => {
    const text = datagram.toString()
    const n = /"n": (\d+)|, (\d+)\]$/.exec(text)
    if (n !== null && wordsOf(Number(n[1] ?? n[2])) === text) echoed += 1
    else {
      // Something of the gateway's own: it is echoed as by everybody else.
      assert.match(text, /^\[\d+,/)
      socket.send(datagram, from.port, from.address)
    }
    if (!isTalking) babble(socket, from)
    isTalking = true
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return socket.address().port
}

/** What a connection takes, without a pause; it reads what comes, and echoes none of it. */
async function tcp(): Promise<number> {
  // Made beforehand, so that it is the gateway that has the work.
  const words = Array.from({ length: 100 }, (_, i) => Array.from({ length: burst }, (_each, n) => `[32, 20, ${i * burst + n}]`).join(''))
  const chunks = words.map((text) => Buffer.from(text))
  const server = createServer((socket: Socket) => {
    let next = 0
    const pour = (): void => {
      for (let more = !socket.destroyed; more; said += burst) more = socket.write(chunks[(next += 1) % chunks.length] as Buffer)
    }
    socket.on('error', () => undefined)
    socket.on('drain', pour)
    socket.on('data', (chunk: Buffer) => (echoed += chunk.toString('latin1').split(']').length - 1))
    pour()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

console.log(JSON.stringify({ udp: await udp(), tcp: await tcp() }))
process.on('SIGTERM', () => {
  console.log(JSON.stringify({ said, echoed } satisfies Babbled))
  process.exit(0)
})
