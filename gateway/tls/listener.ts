import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { addressOf } from '../broker/connections.js'
import { openListener, track } from '../broker/listeners.js'
import type { Address, Door, Listener } from '../broker/listeners.js'
import { certificateName } from './client-name.js'
import type { Secure } from './secure.js'

/** MQTT over TLS. A connection counts from its first byte, before the handshake. `open`: see Entrance. */
export async function listenTls(address: Address, door: Door, secure: Secure, open: boolean): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    track(sockets, socket)
    if (door.admit(socket)) secure.wrap(socket)
  })
  secure.onConnection((socket) => {
    const certificate = certificateName(socket)
    door.handle(socket, {
      address: addressOf(socket),
      listener: 'broker.tls',
      open,
      ...(certificate === undefined ? {} : { certificate })
    })
  })
  return await openListener(server, address, sockets)
}
