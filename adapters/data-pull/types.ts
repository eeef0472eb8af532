/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * Answers clients of DateDataPullSocket and DataPullSocket (UDP) from memory.
 */
export interface DataPullServerConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'data-pull-server'
  /**
   * Name of the socket, as the command name answers it.
   */
  name: string
  /**
   * An IP address or host name to listen at, without port or brackets.
   */
  host: string
  /**
   * UDP port; 0 lets the system choose one.
   */
  port: number
  /**
   * true: anybody who reaches the host may ask. Without it, only addresses of this computer are allowed.
   */
  insecure?: boolean
  /**
   * date: DateDataPullSocket, x is the time of the reading. data: DataPullSocket, x is the x of the reading.
   */
  kind: 'date' | 'data'
  /**
   * Serves all codenames of this device, in declared order.
   */
  device?: string
  /**
   * Codename on the legacy side to device/codename, in the order that clients see.
   */
  channels?: ReadonlyMap<string, string>
  /**
   * Answer for a codename without any reading: old (OLD_DATA), or the point [x, y] that the original would serve.
   */
  unset: 'old' | [number, number]
  /**
   * The socket shows as inactive in status when no reading came for activityTimeout.
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

/**
 * Asks a real DateDataPullSocket or DataPullSocket (UDP) again and again; what it answers become readings.
 */
export interface DataPullClientConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'data-pull-client'
  /**
   * Where the socket is.
   */
  target: {
    /**
     * An IP address or host name, without port or brackets. A name is looked up again when nobody answers.
     */
    host: string
    /**
     * UDP port.
     */
    port: number
  }
  /**
   * Feeds the codenames of this device, and others that the socket has, where undeclared ones are taken in. It need not stand under devices.
   */
  device?: string
  /**
   * Codename on the legacy side to device/codename; others are passed over.
   */
  channels?: ReadonlyMap<string, string>
  /**
   * date: DateDataPullSocket, x is the time of the reading. data: DataPullSocket, x is the x of the reading.
   */
  kind: 'date' | 'data'
  /**
   * What is asked: json_wn, all channels at once; codename#json or codename#raw, one after another.
   */
  ask: 'json_wn' | 'codename#json' | 'codename#raw'
  /**
   * The socket must answer exactly this to the command name before anything else of it is believed. Left out: it is not asked.
   */
  name?: string
  /**
   * Seconds from question to question; with codename#… from round to round.
   */
  period: number
  /**
   * Seconds that an answer may take. Left out: half the period, at most 1.
   */
  timeout?: number
  /**
   * Rounds in a row without an answer that is understood after which the device is offline.
   */
  offlineAfter: number
}
