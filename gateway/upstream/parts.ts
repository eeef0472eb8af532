import type { Clock, Logger } from '../adapter.js'
import type { Broker } from '../broker/broker.js'
import type { Contract } from '../broker/contract.js'
import type { Config } from '../config.js'
import type { Devices } from '../devices.js'
import type { Latest } from '../latest.js'
import type { States } from '../states.js'
import type { Topics } from '../topic.js'

/** What bridges may touch of the gateway. */
export interface UpstreamParts {
  readonly clock: Clock
  readonly log: Logger
  readonly config: Config
  readonly topics: Topics
  readonly devices: Devices
  readonly latest: Latest
  readonly states: States
  readonly broker: Broker
  readonly contract: Contract
  /** The state of a bridge is another now. */
  readonly changed: () => void
}

/** How a bridge is, and what it did since start. */
export interface BridgeStatus {
  readonly state: 'connecting' | 'connected' | 'away' | 'stopped'
  /** Why it is away; empty: it is not, or nothing was tried yet. */
  readonly reason: string
  /** Why what waits cannot be written; undefined: it can. */
  readonly failure: string | undefined
  /** Where it is connected, or was tried last: HOST:PORT. */
  readonly server: string
  /** Unix seconds since which it is in this state. */
  readonly since: number
  /** Messages that wait, and their bytes. */
  readonly waiting: number
  readonly bytes: number
  /** Messages that were acknowledged. */
  readonly forwarded: number
  /** Sent once more, since a connection broke before they were acknowledged: they may have arrived twice. */
  readonly duplicates: number
  /** The oldest of what waited, as there was no room or it was too old; over all runs. */
  readonly dropped: number
  /** Damaged on the disk. */
  readonly damaged: number
  /** Had passed too many bridges. */
  readonly looped: number
  /** Mirrors and descriptions that were out of date when their turn came. */
  readonly outdated: number
  /** Left out, as the broker ends the connection at each of them: a topic or payload that it cannot take. */
  readonly unsendable: number
  /** Connections that were let in. */
  readonly connections: number
  /** Commands that came down, and those that were not let in. */
  readonly commands: number
  readonly refused: number
}
