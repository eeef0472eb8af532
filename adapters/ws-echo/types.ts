/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * Takes the place of the echo server of a worksheet (WebSocket, JSON): each client gets an id, and its own words back, or what a call returns.
 */
export interface WsEchoServerConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'ws-echo-server'
  /**
   * An IP address or host name to listen at, without port or brackets. localhost: 127.0.0.1 and ::1, as clients take the one or the other.
   */
  host: string
  /**
   * TCP port; 0 lets the system choose one.
   */
  port: number
  /**
   * true: anybody who reaches the host may connect. Without it, only addresses of this computer are allowed.
   */
  insecure?: boolean
  /**
   * The device that gets the readings message (what clients say) and presence (who comes and goes); it need not stand under devices.
   */
  device: string
  /**
   * echo: a client gets its payload back, at once. bridge: it gets what the call returns that its payload becomes.
   */
  mode: 'echo' | 'bridge'
  /**
   * device/codename that is called in mode bridge, with the payload as its arguments. Left out: mode echo.
   */
  call?: string
  /**
   * Mode bridge: seconds from a message to its answer; after that the answer is error_evt.
   */
  answerWithin: number
  /**
   * true: a message whose client_id is not the one that its client was given is answered with error_evt. false: it is only marked, as clients in JavaScript round their ids.
   */
  strict: boolean
  /**
   * Bits of the ids that clients are given. 128: as the original. 53: also clients in JavaScript keep every digit.
   */
  ids: 128 | 53
  /**
   * Connections that may be open at once; a further one is refused with 503.
   */
  maxConnections: number
  /**
   * Bytes of a message, also inflated; the connection of a longer one is closed with 1009.
   */
  maxMessage: number
  /**
   * Messages a second that become readings of one client, on average over two seconds. Further ones are answered all the same.
   */
  maxRate: number
  /**
   * Seconds after which a client is pinged, and after which it is closed with 1011 when it has not answered. null: clients are never pinged.
   */
  keepAlive: number | null
  /**
   * device/codename whose readings all clients get unasked, as {"payload": value}; clients of the worksheet take them for their echo. null: none.
   */
  push: string | null
  /**
   * With mode bridge or push: web servers, as https://lab.example, whose pages may connect besides those of this computer; '*' lets all in, and null those that were opened from a file. Without them any page may connect.
   */
  origins: string[]
  /**
   * IP addresses, or networks as 192.168.7.0/24 and fd00::/8, that may come. Others get no answer (UDP), or their connection is closed; they are counted. Left out: everybody who reaches the host.
   *
   * @minItems 1
   * @maxItems 1000
   */
  allow?: [string, ...string[]]
  /**
   * true: nothing is set, called or pushed through it; who wants to is refused, and reads go on.
   */
  readOnly: boolean
  /**
   * Datagrams, messages, requests and new connections a second that come from one address, on average over ten seconds; an answer over UDP counts once more for each KiB beyond its first. Left out: 5000, and no limit for this computer.
   */
  maxSourceRate?: number
}

/**
 * A real WebSocket echo server becomes a device: payloads are sent to it, what comes back is the reply, and the round trip is measured.
 */
export interface WsEchoClientConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'ws-echo-client'
  /**
   * Where the server is.
   */
  target: {
    /**
     * An IP address or host name, without port or brackets. A name is looked up for each connection.
     */
    host: string
    /**
     * TCP port.
     */
    port: number
    /**
     * Path of the WebSocket, with its query. The echo servers take any.
     */
    path: string
  }
  /**
   * The device that the server is here, with the codenames send and round_trip. It need not stand under devices.
   */
  device: string
  /**
   * Seconds for each of these: a connection with its join message, an answer, and what a message may wait before it is sent. One that waited longer is refused and never sent.
   */
  timeout: number
  /**
   * What an answer is taken for. auto: the next message is the answer, whatever its payload; only what was an echo before, and is none of this message, counts as an answer that came twice. echo: only what was sent; anything else fails. any: always the next message, as for the client of the worksheet.
   */
  answers: 'auto' | 'echo' | 'any'
  /**
   * Seconds from one message of its own to the next, by which the round trip is measured though nobody sends. null: never, as nobody knows what a message does to the server; whether it is there shows without.
   */
  probe: number | null
  /**
   * The payload of those messages, any JSON.
   */
  probePayload: unknown
  /**
   * Seconds from one ping of the WebSocket to the next; when nothing was heard in between, the server is gone. null: none.
   */
  keepAlive: number | null
  /**
   * Bytes of a message, in both directions. The original takes 1 MiB and closes on more.
   */
  maxMessage: number
}
