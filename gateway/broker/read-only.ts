/** MQTT clients that came over a listener where everything is seen and nothing done (`http.readOnly`). */
import type { Client } from 'aedes'
import { GatewayError } from '../errors.js'
import { Guard } from './guard.js'

export function onlyLooks(client: Client | null): boolean {
  return client?.conn instanceof Guard && client.conn.entrance.readOnly === true
}

export function refusal(): GatewayError {
  return new GatewayError('Forbidden', 'over this listener everything is seen and nothing done (http.readOnly)', { rule: 'readOnly' })
}

/** A will is a message, and a session would be kept for it: it gets neither. */
export function withoutTraces(client: Client, packet: { clean?: boolean; will?: unknown }): void {
  if (!onlyLooks(client)) return
  packet.clean = true
  delete packet.will
}

/** By the id of another it would cut that one off, and take or end the session of one that is absent. */
export function keptOut(client: Client, other: Client | undefined, hasSession: boolean): boolean {
  return onlyLooks(client) && ((other !== undefined && !onlyLooks(other)) || hasSession)
}
