/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * We are the experiment computer: real rigs (cameras, ephys, mesoscope) become devices, and are driven one by one or in groups.
 */
export interface RigClientConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'rig-client'
  /**
   * The address book: name of the rig to its URI, or to its URI and what is particular to it.
   */
  rigs: {
    /**
     * A rig; its device has the same name, unless device says otherwise.
     */
    [k: string]:
      | string
      | {
          /**
           * Where it listens.
           */
          uri: string
          /**
           * The device that it is here. Left out: the name of the rig.
           */
          device?: string
          /**
           * Seconds for the echo of a message. Left out: as for all rigs.
           */
          echoWithin?: number
          /**
           * Seconds from an echo to the answer. Left out: as for all rigs.
           */
          answerWithin?: number
          /**
           * A rig with a small buffer echoes only the first bytes of a long message: so many. null, or left out: it echoes all.
           */
          maxEchoBytes?: number | null
          /**
           * true: its numbers are int8, and 127 means ALYX. Left out: no.
           */
          int8?: boolean
          /**
           * Seconds from one EXPSTATUS to the next while it is idle and not RUNNING; null: never. Left out: as for all rigs.
           */
          poll?: number | null
        }
  }
  /**
   * Rigs that are driven together: name of the device to its rigs.
   */
  groups: {
    /**
     * A group of rigs.
     */
    [k: string]: {
      /**
       * Names of rigs, in the order in which they are told; stop, interrupt and cleanup go the other way round.
       *
       * @minItems 1
       */
      rigs: [string, ...string[]]
      /**
       * concurrent: the next rig is told when this one has echoed. sequential: when it has answered.
       */
      mode: 'concurrent' | 'sequential'
      /**
       * Seconds for each answer, from its echo on, where a call says nothing else; a rig whose own answerWithin is longer has that.
       */
      answerWithin: number
      /**
       * When a rig fails at init or start: leave the others as they are, or interrupt those that have carried it out.
       */
      afterFailure: 'leave' | 'interrupt'
    }
  }
  /**
   * Seconds for the echo of a message. The original waits 1 s.
   */
  echoWithin: number
  /**
   * Seconds from an echo to the answer, where a call says nothing else.
   */
  answerWithin: number
  /**
   * Seconds from one EXPSTATUS to the next while a rig is idle and not RUNNING; real rigs run their listeners at it. null: never.
   */
  poll: number | null
  /**
   * Messages a second of one rig that become readings, on average over two seconds. Further ones are echoed all the same.
   */
  maxRate: number
  /**
   * Logins for the database that one rig hands to others, in memory alone. null: none is handed on.
   */
  alyx: null | {
    /**
     * Name of the rig whose login it is.
     */
    from: string
    /**
     * Names of the rigs that get it, at once and when they ask.
     *
     * @minItems 1
     */
    to: [string, ...string[]]
  }
}
