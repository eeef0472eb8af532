/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * Serves the addresses of an old Flask program (HTTP): each is a reading, a get, a set or a call of a codename.
 */
export interface HttpRoutesServerConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'http-routes-server'
  /**
   * An IP address or host name to listen at, without port or brackets.
   */
  host: string
  /**
   * TCP port; 0 lets the system choose one.
   */
  port: number
  /**
   * true: anybody who reaches the host may read and steer. Without it, only addresses of this computer are allowed.
   */
  insecure?: boolean
  /**
   * Codenames of routes are of this device. Left out: each is written device/codename.
   */
  device?: string
  /**
   * Path as Flask writes it, such as /datasource/<int:value>, to what is done there. GET unless POST and a blank stand before it.
   */
  routes: ReadonlyMap<
    string,
    {
      readonly text?: string
      readonly get?: string
      readonly read?: string
      readonly set?: string
      readonly call?: string
      readonly then?: string
      readonly answer: 'text' | 'json'
    }
  >
  /**
   * Seconds that a client waits at most for a device, its turn included; then the answer is 504.
   */
  answerWithin: number
  /**
   * Web servers, as https://lab.example, whose pages may steer besides those of this one; '*' lets all, and null those that were opened from a file.
   */
  origins: string[]
  /**
   * Connections that may be open at once; for a further one the longest idle is closed.
   */
  maxConnections: number
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
 * Polls and drives a real HTTP instrument, such as the Flask servers of laboratories: each codename has its own paths.
 */
export interface HttpRoutesClientConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'http-routes-client'
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
     * What all paths of the server begin with, such as /lab1. Left out: nothing.
     */
    path?: string
  }
  /**
   * The codenames below are of this device.
   */
  device: string
  /**
   * Codename to the paths that read, set and call it.
   */
  routes: {
    /**
     * Paths are percent-encoded where they need it. What stands in braces is filled in.
     */
    [k: string]: {
      /**
       * A path such as /idn, which reads the codename and does nothing else, as it is asked again and again. Left out: it is not read.
       */
      get?: string
      /**
       * A path such as /datasource/{value}, which sets it; asked with GET unless POST and a blank stand before it. Left out: it cannot be set.
       */
      set?: string
      /**
       * A path such as /move/{x}, which carries out its call, with arguments in braces; asked with GET unless POST and a blank stand before it. Left out: it cannot be called.
       */
      call?: string
      /**
       * With POST, where the value or the arguments go that have no place in the path: none, json (an object; that of set is value) or form.
       */
      body: 'none' | 'json' | 'form'
      /**
       * How a value is answered: text, json, or ignore: what set and call answer does not count, and get is text.
       */
      answer: 'text' | 'json' | 'ignore'
      /**
       * Seconds from one get to the next; null: only when a get is commanded. Left out: that of the instance.
       */
      period?: number | null
      /**
       * Seconds that the answer to a get may take. Left out: that of the instance.
       */
      timeout?: number
    }
  }
  /**
   * Seconds from one get of a codename to the next.
   */
  period: number
  /**
   * Seconds that a connection and the whole answer to a get may take. Commands have the time that their codename has.
   */
  timeout: number
  /**
   * Rounds in a row without any answer after which the device is offline.
   */
  offlineAfter: number
}
