import type { AdapterType, Clock, Logger } from './adapter.js'
import type { OpenDisk } from './broker/store/disk.js'
import type { Checked } from './config.js'
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
  /** Where the configuration can be read again; left out: nowhere. */
  readonly source?: ConfigSource
  /** How instances that failed are tried again. */
  readonly schedule?: Schedule
}
