/**
 * A laboratory's pull sockets in one process, for whoever asks them: `node pull-sockets.js [HEALTHY] [SILENT] [CLOSED] [SLOW] [NONSENSE]`.
 * The first line of its output is JSON with their ports, kind by kind. Each line of its input, a number of seconds, is answered
 * with a line of what was asked in that time, counted from there.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createInterface } from 'node:readline'
import { freePorts } from '../../support/free-ports.js'

/** Milliseconds: longer than a client with a period of a second waits. */
const slowly = 800

const [healthy = 100, silent = 0, closed = 0, slow = 0, nonsense = 0] = process.argv.slice(2).map(Number)
/** Milliseconds at which each healthy socket was asked. */
const asked: number[][] = []

interface Open {
  readonly port: number
  close(): void
}

async function open(answer: (send: (said: string | Buffer) => void) => void): Promise<Open> {
  const socket = createSocket('udp4')
  socket.on('message', (_question, { port, address }) => answer((said) => socket.send(said, port, address)))
  // An asker that waits no longer.
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { port: socket.address().port, close: () => socket.close() }
}

const point = (): string => {
  const now = Date.now() / 1000
  return `{"temperature": [${now}, ${21 + Math.sin(now)}], "pressure": [${now}, ${Math.random()}]}`
}

async function several(count: number, make: (i: number) => Promise<Open>): Promise<Open[]> {
  return await Promise.all(Array.from({ length: count }, async (_, i) => await make(i)))
}

const sockets = {
  healthy: await several(healthy, async (i) => {
    const times: number[] = []
    asked[i] = times
    return await open((send) => {
      times.push(performance.now())
      send(point())
    })
  }),
  silent: await several(silent, async () => await open(() => undefined)),
  slow: await several(slow, async () => await open((send) => setTimeout(() => send(point()), slowly))),
  nonsense: await several(nonsense, async () => await open((send) => send(randomBytes(100))))
}
const ports = {
  ...Object.fromEntries(Object.entries(sockets).map(([kind, all]) => [kind, all.map(({ port }) => port)])),
  // Nobody else gets one of these meanwhile.
  closed: await freePorts(closed)
}
console.log(JSON.stringify({ ports }))

createInterface({ input: process.stdin }).on('line', (line) => {
  for (const times of asked) times.length = 0
  setTimeout(
    () => {
      const between = asked.map((times) => times.slice(1).map((time, i) => time - (times[i] as number)))
      console.log(JSON.stringify({ questions: asked.map(({ length }) => length), between }))
    },
    Number(line) * 1000
  )
})
process.on('SIGTERM', () => process.exit(0))
