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
  alyx: ('refuse' | 'forward') | string
}
