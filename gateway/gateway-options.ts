import type { AdapterType, Clock, Logger } from './adapter.js'
import type { OpenDisk } from './broker/store/disk.js'
import type { Checked } from './config.js'
import type { Machine } from './clock-sync.js'
import type { ConfigSource } from './reload/reload.js'
import type { Schedule } from './supervisor.js'
import type { Validators } from './validators.js'

export interface GatewayOptions {
  /** A configuration that has been checked: see config.ts. */
  readonly checked: Checked
  readonly types: readonly AdapterType[]
  readonly log: Logger
  readonly version?: string
  readonly clock?: Clock
  /** With which the configuration was checked: they have compiled its schemas. */
  readonly validators?: Validators
  /** Instead of LevelDB in `gateway.data`; tests put a failing disk here. */
  readonly openDisk?: OpenDisk
  /** What the computer can say of its clock; left out: it is believed. */
  readonly machine?: Machine
  /** Where the configuration can be read again; left out: nowhere. */
  readonly source?: ConfigSource
  /** How instances that failed are tried again. */
  readonly schedule?: Schedule
}
