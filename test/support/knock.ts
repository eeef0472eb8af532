import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** Asks for a WebSocket that is not granted, reads the answer to its end, and never closes its own half of the connection. */
export async function knock(port: number, path: string, origin: string): Promise<{ readonly socket: Socket; readonly answer: string }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  let answer = ''
  socket.on('data', (data: Buffer) => (answer += data.toString()))
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Origin: ${origin}`,
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  await once(socket, 'end')
  return { socket, answer }
}
