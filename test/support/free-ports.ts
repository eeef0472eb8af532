import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** Below those that systems give to whoever asks for any: nobody else gets one of these before it is used, or used again. */
const [from, to] = [20_000, 32_000]

/** Ports that are free for TCP and UDP now, each once. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = []
  for (let port = from + Math.floor(Math.random() * (to - from) * 0.8); found.length < count && port < to; port++)
    if ((await isFreeTcp(port)) && (await isFreeUdp(port))) found.push(port)
  if (found.length < count) throw new Error(`no ${count} free ports below ${to}`)
  return found
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0] as number
}

async function isFreeTcp(port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

async function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  return await new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}
