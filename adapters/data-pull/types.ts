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
}
