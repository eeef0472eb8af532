/** Where MQTT clients of the gateway connect, in the words of AsyncAPI. */
import { ref } from './asyncapi-parts.js'
import type { Address, Described } from './described.js'

export function serversOf({ listeners, config, hasUsers }: Described): Readonly<Record<string, object>> {
  const { tcp, tls, http } = listeners
  const security = hasUsers ? { security: [ref('securitySchemes', 'login')] } : {}
  const server = (protocol: string, title: string, address: Address, more: object = {}): object => ({
    host: hostAndPort(address),
    protocol,
    protocolVersion: '3.1.1',
    title,
    ...security,
    ...more
  })
  return {
    mqtt: server('mqtt', 'MQTT over TCP', tcp),
    ...(tls === undefined ? {} : { mqtts: server('mqtts', 'MQTT over TLS', tls, certificates(config.broker.tls?.clients)) }),
    ...(http === undefined
      ? {}
      : { ws: server(http.isSecure ? 'wss' : 'ws', 'MQTT over WebSocket, subprotocol mqtt', http, { pathname: '/mqtt' }) })
  }
}

export function hostAndPort({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function certificates(clients: string | undefined): object {
  return clients === 'required' || clients === 'optional'
    ? { description: `A client certificate is ${clients}; its common name is the user.` }
    : {}
}
