import type { Codename, Ref } from './adapter.js'
import type { Topics } from './topic.js'

/** A codename as the gateway knows it: declared in the configuration or by an instance, or met at run time. */
export interface Entry extends Ref {
  /** Topic of the reading; everything else hangs below it. */
  readonly topic: string
  declared: boolean
  /** An instance found it at run time, and no configuration or plan names it: after a restart it is undeclared until it is found again. */
  found: boolean
  meta: Codename
}

export interface DeviceOptions {
  /** MQTT client id that alone may write the readings of a native device. */
  readonly client?: string | undefined
  readonly undeclared: 'accept' | 'refuse'
  /** For people. */
  readonly description?: string | undefined
  /** What the history keeps of its codenames, unless one of them says otherwise. */
  readonly history?: Codename['history']
}

export interface DevicesOptions {
  readonly topics: Topics
  readonly undeclared: 'accept' | 'refuse'
  /** Undeclared codenames a device may gather, and undeclared devices there may be. */
  readonly maxUndeclared: number
  /** Called once for each codename that becomes known after start, and when its description changes. */
  readonly described: (entry: Entry) => void
  /** An undeclared codename is no longer known. */
  readonly forgotten: (entry: Entry) => void
  /** Nothing is left of an undeclared device. */
  readonly left: (device: string) => void
}

/** Names that one message would bring along, by device. */
export type Fresh = ReadonlyMap<string, ReadonlySet<string>>

/** A device as it is kept. */
export interface Held {
  options: DeviceOptions
  codenames: Map<string, Entry>
  undeclared: number
  /** Codenames that an instance declares now, as it found them. */
  found: number
  declared: boolean
}

/** What {@link Devices.redeclare} did to codenames that were there before. */
export interface Redeclared {
  /** Not there any more. */
  readonly gone: readonly Entry[]
  /** Described anew, with what was known of them before. */
  readonly changed: readonly { readonly entry: Entry; readonly before: Codename }[]
}
