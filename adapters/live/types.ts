/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * Takes what LiveSocket hosts send (UDP), and shows it to the live web pages (WebSocket) as the live proxy does.
 */
export interface LiveServerConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'live-server'
  /**
   * An IP address or host name to listen at for LiveSocket hosts, without port or brackets.
   */
  host: string
  /**
   * UDP port for LiveSocket hosts; 0 lets the system choose one.
   */
  port: number
  /**
   * true: anybody who reaches the host may send readings. Without it, only addresses of this computer are allowed.
   */
  insecure?: boolean
  /**
   * Where the web pages connect by WebSocket.
   */
  web: {
    /**
     * An IP address or host name to listen at, without port or brackets.
     */
    host: string
    /**
     * TCP port; 0 lets the system choose one.
     */
    port: number
    /**
     * true: anybody who reaches the host may look on. Without it, only addresses of this computer are allowed.
     */
    insecure?: boolean
    /**
     * Certificate of the operator, for pages that connect by wss. Left out: plain ws. Read again at each start.
     */
    tls?: {
      /**
       * File with the certificate and those that it depends on, PEM.
       */
      cert: string
      /**
       * File with its private key, PEM.
       */
      key: string
    }
    /**
     * Web servers, as https://lab.example, whose pages may connect besides those of this computer; '*' lets all in, and null those that were opened from a file.
     */
    origins: string[]
    /**
     * IP addresses or networks whose pages may connect. Left out: as allow of the instance.
     *
     * @minItems 1
     * @maxItems 1000
     */
    allow?: [string, ...string[]]
    /**
     * Connections that may be open at once; a further one is closed.
     */
    maxPages: number
    /**
     * Channels that one page may subscribe to; one that wants more is closed.
     */
    maxSubscriptions: number
  }
  /**
   * host to device, or host:codename to device/codename: where readings go whose host or codename is called differently.
   */
  channels: ReadonlyMap<string, string>
  /**
   * What channels does not name. accept: each host is a device of its own, with the codenames that it sends. refuse: pages see it, MQTT does not.
   */
  others: 'accept' | 'refuse'
  /**
   * Age in seconds above which a reading of such another host is old. Left out: never, as in the original.
   */
  maxAge?: number
  /**
   * What x is. time: the time of the reading, in Unix seconds. value: the x of x,y data. auto: a time when it looks like one of the years 2000 to 2099.
   */
  x: 'auto' | 'time' | 'value'
  /**
   * host to device, or host:codename to device/codename: readings of other devices that the pages see under these names.
   */
  show: ReadonlyMap<string, string>
  /**
   * Codenames, of all hosts together, whose last values are kept for pages that subscribe later; of further ones none is kept. As many codenames of hosts that channels does not name are published where they have a maxAge.
   */
  maxChannels: number
  /**
   * Values a second that one sender may send on average over two seconds; further datagrams are dropped.
   */
  maxRate: number
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
 * Sends readings on to a real live proxy, as a LiveSocket does (UDP), and has a DataPullSocket of its own beside as that has.
 */
export interface LiveClientConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'live-client'
  /**
   * The live proxy.
   */
  target: {
    /**
     * IP address or host name of the proxy, without port or brackets; a name is resolved again every minute.
     */
    host: string
    /**
     * UDP port of the proxy.
     */
    port: number
  }
  /**
   * The host that the readings are sent as. Left out: the name of this computer without its domain.
   */
  hostName?: string
  /**
   * device (all its codenames) or device/codename: whose readings are sent on.
   *
   * @minItems 1
   *
   * Items: device, or device/codename.
   */
  watch?: [string, ...string[]]
  /**
   * Codename that the proxy is told to device/codename: readings that are sent on under another name.
   */
  channels?: ReadonlyMap<string, string>
  /**
   * Seconds for which readings are gathered into one datagram; 0 sends at once what one publish brought.
   */
  window: number
  /**
   * Readings that are kept while the proxy cannot be reached; beyond, the oldest is dropped.
   */
  queue: number
  /**
   * own: answers as the DataPullSocket inside a LiveSocket. none: there is no such socket.
   */
  pullSocket: 'own' | 'none'
  /**
   * Name of that socket, as the command name answers it.
   */
  name: string
  /**
   * An IP address or host name where that socket listens, without port or brackets.
   */
  host: string
  /**
   * UDP port of that socket; 0 lets the system choose one.
   */
  port: number
  /**
   * true: anybody who reaches the host may ask that socket. Without it, only addresses of this computer are allowed.
   */
  insecure?: boolean
  /**
   * Answer of that socket for a codename without any reading: old (OLD_DATA), or the point [x, y] that the original would serve.
   */
  unset: 'old' | [number, number]
  /**
   * That socket shows as inactive in status when no reading came for activityTimeout.
   */
  checkActivity: boolean
  /**
   * Seconds.
   */
  activityTimeout: number
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
