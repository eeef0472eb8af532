/** Aedes as it comes: in memory, without contract, order, or bounds. */
import { Aedes } from 'aedes'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

const broker = await Aedes.createBroker()
const server = createServer({ noDelay: true }, (socket) => broker.handle(socket))
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ mqtt: (server.address() as AddressInfo).port })))
process.on('SIGTERM', () => process.exit(0))
