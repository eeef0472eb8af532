/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * Takes part in experiments as a rig (iblutil, UDP and TCP): an experiment PC drives it, its messages are readings and commands, and it gets its echoes and answers.
 */
export interface RigServerConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'rig-server'
  /**
   * An IP address or host name to listen at, without port or brackets. Give the one address that experiment PCs use: they take answers from no other.
   */
  host: string
  /**
   * UDP and TCP port; 0 lets the system choose one, the same for both.
   */
  port: number
  /**
   * true: anybody who reaches the host may drive the rig. Without it, only addresses of this computer are allowed.
   */
  insecure?: boolean
  /**
   * What is listened on: udp, tcp (which the labs write as ws://, wss:// or tcp://), or both.
   *
   * @minItems 1
   */
  transports: ['udp' | 'tcp', ...('udp' | 'tcp')[]]
  /**
   * The device that the rig is here, with the codenames status, exp_ref, link, last_seen, event, answer and push. It need not stand under devices.
   */
  device: string
  /**
   * What is done and answered, by event: EXPINIT, EXPSTART, EXPEND, EXPCLEANUP, EXPINTERRUPT, EXPSTATUS, EXPINFO, and others for those not named.
   */
  answers: Readonly<
    Record<
      string,
      | 'automatic'
      | 'same'
      | 'echo'
      | { readonly get?: string; readonly set?: string; readonly value?: unknown; readonly call?: string; readonly arguments?: unknown }
      | readonly {
          readonly get?: string
          readonly set?: string
          readonly value?: unknown
          readonly call?: string
          readonly arguments?: unknown
        }[]
    >
  >
  /**
   * Seconds from a message to its answer; after that a report is sent, which says that there is none. Experiment PCs wait for 10.
   */
  answerWithin: number
  /**
   * Members of the info object that is answered, such as main_sync, master, experiment_description and rig_version; exp_ref and status are told by the rig itself.
   */
  info: {
    [k: string]: unknown
  }
  /**
   * device/codename whose reading is the status of the rig, as name or number. null: it follows the events as rigs of iblrig do, and can be set.
   */
  status: string | null
  /**
   * device/codename whose reading is the experiment reference to tell. null: the one that was heard or set.
   */
  expRef: string | null
  /**
   * Controllers that are known at once, for each transport; for a further one the one that matters least is forgotten, or its connection closed.
   */
  maxControllers: number
  /**
   * An echo of exactly so many bytes that is the beginning of an answer confirms it too, for controllers with a small buffer. null: only the whole answer does.
   */
  maxEchoBytes: number | null
  /**
   * Messages a second that become readings of one controller, on average over two seconds. Further ones are echoed and answered all the same.
   */
  maxRate: number
  /**
   * Logins (ALYX). refuse: they are echoed and go nowhere. forward: in memory, from a controller to the others of this rig. device/codename: they are handed on to a rig behind a rig-client, in memory.
   */
  alyx: string
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
