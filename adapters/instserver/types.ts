/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * Takes the place of a UUServer (HTTP): its clients trigger and read the devices of the gateway.
 */
export interface InstserverServerConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'instserver-server'
  /**
   * An IP address or host name to listen at, without port or brackets.
   */
  host: string
  /**
   * TCP port; 0 lets the system choose one.
   */
  port: number
  /**
   * true: anybody who reaches the host may trigger and read. Without it, only addresses of this computer are allowed.
   */
  insecure?: boolean
  /**
   * Name on the legacy side to device, in the order of /List. Left out: all devices of the gateway under their own names, also those found at run time.
   */
  devices?: ReadonlyMap<
    string,
    | string
    | {
        readonly device: string
        readonly methods?: Readonly<Record<string, { readonly call: string } | { readonly set: string } | { readonly get: string }>>
      }
  >
  /**
   * What lists of numbers are to clients that unpickle them. list: lists of Python. ndarray: arrays of numpy, which the clients must have.
   */
  arrays: 'list' | 'ndarray'
  /**
   * Seconds that a method waits for its turn while another command runs for its codename; then it has failed as Busy.
   */
  patience: number
  /**
   * Bytes of results that are kept; beyond them the oldest are dropped, and reading those says so.
   */
  maxResultBytes: number
  /**
   * Connections that may be open at once; for a further one the longest idle is closed.
   */
  maxConnections: number
  /**
   * Web servers, as https://lab.example, whose pages may trigger besides those of this one; '*' lets all, and null those that were opened from a file.
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
 * Drives a real UUServer over HTTP: its devices and their methods become devices and calls, what the methods return becomes readings.
 */
export interface InstserverClientConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'instserver-client'
  /**
   * Where the server is.
   */
  target: {
    /**
     * An IP address or host name, without port or brackets. A name is looked up again when nobody answers.
     */
    host: string
    /**
     * TCP port.
     */
    port: number
    /**
     * What all its paths begin with, where it stands behind another server.
     */
    path: string
  }
  /**
   * Name of a device on the server to the device here, which need not stand under devices. Left out: see others.
   */
  devices?: ReadonlyMap<string, string>
  /**
   * Devices of the server that stand not under devices here: accept takes them in under their own names, as they come and go, unless somebody else has the name; refuse leaves them out.
   */
  others: 'accept' | 'refuse'
  /**
   * Methods that are called again and again, as nothing else runs unasked.
   *
   * Items: One call.
   */
  poll: {
    /**
     * Name of the device on the server.
     */
    device: string
    /**
     * Name of the method there.
     */
    method: string
    /**
     * Its one argument. Left out: it is called without.
     */
    arguments?: unknown
    /**
     * Seconds from call to call.
     */
    period: number
  }[]
  /**
   * Seconds that a call of a method may take, where the configuration does not declare it as callable (there callable.timeout holds, which is 5 unless written), and a poll.
   */
  callWithin: number
  /**
   * Seconds from one look at the list of devices and methods to the next.
   */
  listEvery: number
  /**
   * Seconds that the server may take for one answer. It answers at once also when a method takes long.
   */
  timeout: number
  /**
   * Questions in a row without an answer after which the server is offline. That no program has the port counts at once.
   */
  offlineAfter: number
  /**
   * Bytes of an answer; what a method returns may be as long.
   */
  maxBody: number
  /**
   * Numbers, texts, lists and so on of one result. A dict counts for four, and eight numbers of a numpy array for one.
   */
  maxValues: number
  /**
   * Methods of all devices together that are taken in. Each is two codenames, of which a device that is not mapped may have broker.limits.maxUndeclared.
   */
  maxMethods: number
}
