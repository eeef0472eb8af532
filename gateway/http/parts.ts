import type { Clock, Logger } from '../adapter.js'
import type { Access } from '../access/access.js'
import type { Broker } from '../broker/broker.js'
import type { Commands } from '../commands.js'
import type { CommandDesk } from './command-desk.js'
import type { Streams } from './streams.js'
import type { Config } from '../../schemas/types.js'
import type { Describing } from '../describe/describing.js'
import type { Devices } from '../devices.js'
import type { History } from '../history/history.js'
import type { Instances } from '../instances.js'
import type { Latest } from '../latest.js'
import type { Operation } from '../operation.js'
import type { Notices } from '../notices.js'
import type { Reload } from '../reload/reload.js'
import type { Runs } from '../runs/runs.js'
import type { Self } from '../self.js'
import type { States } from '../states.js'
import type { Stories } from '../stories.js'
import type { Certificates } from '../tls/certificates.js'
import type { Topics } from '../topic.js'
import type { Upstream } from '../upstream/upstream.js'
import type { Validators } from '../validators.js'

/** What the routes of the HTTP listener may touch. */
export interface Parts {
  readonly clock: Clock
  readonly log: Logger
  /** As it is now: a reload may change its devices and instances. */
  readonly config: Config
  readonly version: string
  /** Unix seconds. */
  readonly started: number
  readonly topics: Topics
  readonly devices: Devices
  readonly validators: Validators
  readonly latest: Latest
  readonly states: States
  readonly commands: Commands
  readonly desk: CommandDesk
  readonly streams: Streams
  readonly instances: Instances
  readonly self: Self
  readonly operation: Operation
  readonly access: Access
  readonly broker: Broker
  readonly history: History
  readonly runs: Runs
  readonly stories: Stories
  readonly notices: Notices
  readonly upstream: Upstream
  readonly certificates: Certificates
  readonly reload: Reload
  readonly describing: Describing
}
