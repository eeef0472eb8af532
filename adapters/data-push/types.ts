/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * Takes what clients of DataPushSocket send (UDP), as readings or as commands.
 */
export interface DataPushServerConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'data-push-server'
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
   * true: anybody who reaches the host may push. Without it, only addresses of this computer are allowed.
   */
  insecure?: boolean
  /**
   * readings: each key is a reading of a codename. commands: what arrives is asked of a device, see as.
   */
  accept: 'readings' | 'commands'
  /**
   * With accept: commands. set: each key is a set of that codename; {call: device/codename}: the whole dict is the arguments of that call; {method: KEY, device: X}: the value of KEY names the codename of X to call, the rest are the arguments.
   */
  as?:
    | 'set'
    | {
        /**
         * device/codename.
         */
        call: string
      }
    | {
        /**
         * The key whose value names the codename.
         */
        method: string
        /**
         * The device that is called.
         */
        device: string
      }
  /**
   * Keys are codenames of this device.
   */
  device?: string
  /**
   * Key on the legacy side to device/codename; other keys are refused.
   */
  channels?: ReadonlyMap<string, string>
  /**
   * What the original does with a push: store_last, enqueue and callback_async acknowledge what is queued; callback_direct answers with the result.
   */
  action: 'store_last' | 'enqueue' | 'callback_async' | 'callback_direct'
  /**
   * Form of the result of callback_direct.
   */
  returnFormat: 'json' | 'raw' | 'string'
  /**
   * Seconds that callback_direct waits for the result, and an ACK# for the disk; a later one is dropped.
   */
  answerWithin: number
  /**
   * The socket shows as inactive in status when it was not poked for activityTimeout; as in the original, a push is no activity.
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
 * Sends commands to a DataPushSocket (UDP), and readings of other devices if it is told to.
 */
export interface DataPushClientConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'data-push-client'
  /**
   * The socket to push to.
   */
  target: {
    /**
     * An IP address or host name, without port or brackets.
     */
    host: string
    /**
     * UDP port.
     */
    port: number
  }
  /**
   * Name that the socket must give itself; under another one it gets no command. Asked again when the last time is probe seconds ago (60 with null). Left out: any name will do.
   */
  name?: string
  /**
   * Its settable and callable codenames are carried out there. Left out: see channels.
   */
  device?: string
  /**
   * Key on the legacy side to device/codename, where only some are carried out there or under other names. Left out: see device.
   */
  channels?: ReadonlyMap<string, string>
  /**
   * A call sends its codename under this key, beside the arguments. Left out: the arguments of a call are all that is sent.
   */
  method?: string
  /**
   * auto: raw_wn, which names the type, for floats, and json_wn for everything else.
   */
  form: 'auto' | 'json_wn' | 'raw_wn'
  /**
   * Form in which the socket's callback_direct returns its results: the return_format of its program.
   */
  returnFormat: 'json' | 'raw' | 'string'
  /**
   * Seconds to wait for an answer. What was sent is never sent again.
   */
  timeout: number
  /**
   * Seconds after which the socket is asked for its name, if nothing was heard of it; null: never.
   */
  probe: number | null
  /**
   * Key on the legacy side to device/codename of another device, whose fresh readings are pushed as they come. Left out: none.
   */
  forward?: ReadonlyMap<string, string>
  /**
   * Seconds between two pushes of one key of forward at least; of readings that come meanwhile only the newest is sent.
   */
  forwardPeriod: number
}
