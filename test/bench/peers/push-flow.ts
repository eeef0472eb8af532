/** By hand what the Node-RED flow does (node-red.ts): a push becomes a retained message with its time; nothing is validated. */
import { Aedes } from 'aedes'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

const broker = await Aedes.createBroker()
const server = createServer({ noDelay: true }, (socket) => broker.handle(socket))
const socket = createSocket('udp4', (datagram, { port, address }) => {
  const text = datagram.toString()
  const values = JSON.parse(text.slice(text.indexOf('#') + 1)) as Record<string, unknown>
  for (const [key, value] of Object.entries(values)) {
    const payload = Buffer.from(JSON.stringify({ quality: 'good', time: new Date().toISOString(), value }))
    broker.publish({ cmd: 'publish', topic: `lab/furnace/${key}`, payload, qos: 1, retain: true, dup: false }, () => {})
  }
  socket.send('ACK#' + JSON.stringify(values), port, address)
})
server.listen(0, '127.0.0.1', () =>
  socket.bind(0, '127.0.0.1', () =>
    console.log(JSON.stringify({ udp: socket.address().port, mqtt: (server.address() as AddressInfo).port }))
  )
)
process.on('SIGTERM', () => process.exit(0))
