/** MQTT clients that came over a listener where everything is seen and nothing done (`http.readOnly`). */
import type { AedesOptions, Client } from 'aedes'
import { GatewayError } from '../errors.js'
import { Guard } from './guard.js'

export function onlyLooks(client: Client | null): boolean {
  return client?.conn instanceof Guard && client.conn.entrance.readOnly === true
}

export function refusal(): GatewayError {
  return new GatewayError('Forbidden', 'over this listener everything is seen and nothing done (http.readOnly)', { rule: 'readOnly' })
}

/**
 * A will is a message, and a session would be kept for it: it gets neither. By the id of another it would cut that one off, and take or
 * end the session of one that is absent.
 */
export function lookingClients(others: {
  readonly connected: (id: string) => Client | undefined
  readonly hasSession: (id: string) => boolean
}): Required<Pick<AedesOptions, 'preConnect' | 'authenticate'>> {
  return {
    preConnect: (client, packet, callback) => {
      if (onlyLooks(client)) {
        packet.clean = true
        delete packet.will
      }
      callback(null, true)
    },
    authenticate: (client, _user, _password, callback) => {
      const other = onlyLooks(client) ? others.connected(client.id) : undefined
      const isTaken = (other !== undefined && !onlyLooks(other)) || (onlyLooks(client) && others.hasSession(client.id))
      if (!isTaken) return callback(null, true)
      callback(Object.assign(new Error('the client id is that of another, who may do more'), { returnCode: 2 as const }), false)
    }
  }
}
