import type { Identity } from '../access/identity.js'

/** How a connection came in: what a listener knows of it before a byte of MQTT is read. */
export interface Entrance {
  readonly address: string
  /** The listener's name in the configuration. */
  readonly listener: 'broker.tcp' | 'broker.tls' | 'http'
  /** Who does not say who he is may come in here: the listener is at an address of this computer, or insecure: true. */
  readonly open: boolean
  /** It may publish nothing (`http.readOnly`). */
  readonly readOnly?: boolean
  /** Common name of a certificate that the listener has verified. */
  readonly certificate?: string
  /** Who asked for the WebSocket, by cookie or header. */
  readonly identity?: Identity
}
