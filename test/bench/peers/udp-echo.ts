/** The least that a UDP server in Node.js can do: send back what came. */
import { createSocket } from 'node:dgram'

const socket = createSocket('udp4', (datagram, { port, address }) => socket.send(datagram, port, address))
socket.bind(0, '127.0.0.1', () => console.log(JSON.stringify({ udp: socket.address().port })))
process.on('SIGTERM', () => process.exit(0))
