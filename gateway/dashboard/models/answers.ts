/** What the gateway's REST answers, as far as these pages show it. Times are RFC 3339, durations seconds. */

export interface Step {
  readonly at: string
  /** Since the command was asked. */
  readonly after: number
  readonly what: string
  readonly instance?: string
  readonly text: string
}

export interface StoryReading {
  readonly time: string
  readonly value: unknown
  readonly quality: string
  readonly unit?: string
  readonly source?: string
  /** Since the command was begun. */
  readonly after: number
}

export interface Story {
  readonly id: string
  readonly device: string
  readonly codename: string
  readonly op: string
  readonly client: string
  /** Who carries it out; left out: nobody did, or the native device. */
  readonly instance?: string
  readonly phase: string
  /** Only whether it would be accepted was asked. */
  readonly check?: boolean
  readonly started: string
  readonly ended?: string
  readonly duration?: number
  /** What for, and what came of it. */
  readonly asked?: unknown
  readonly value?: unknown
  readonly error?: {
    readonly class: string
    readonly message: string
    readonly retryable?: boolean
    readonly maybeExecuted?: boolean
    readonly code?: string
    readonly rule?: string
  }
  /** In order; the reading that came after it is one of them. */
  readonly steps: readonly Step[]
  readonly reading?: StoryReading
}

export interface Counters {
  readonly received: number
  readonly answered: number
  readonly refused: number
  readonly dropped: number
}

export interface InstanceView {
  readonly id: string
  readonly type: string
  readonly state: string
  readonly reason: string
  readonly since: string
  readonly attempts: number
  /** Left until it is started again; null while it runs. */
  readonly retryIn: number | null
  readonly lastError: string | null
  readonly lastErrorAt: string | null
  readonly counters: Counters
  readonly devices: readonly string[]
  readonly listens: readonly { readonly protocol: string; readonly host: string; readonly port: number }[]
  readonly feeds: boolean
  readonly executes: boolean
}

export interface Run {
  readonly id: string
  /** Empty: none was given. */
  readonly name: string
  readonly state: string
  readonly started: string
  readonly ended?: string
  readonly duration?: number
  readonly by: string
  readonly note?: string
  /** Of a rig that started it: the experiment; null: it named none. */
  readonly expRef?: string | null
  readonly devices: readonly string[] | 'all'
  readonly readings: number
  readonly commands: number
  /** What could not be written. */
  readonly lost: number
  readonly bytes: number
  readonly folder: string
  /** Its tables, report and checksums are made. */
  readonly ready: boolean
  /** How it ended. */
  readonly reason?: string
  /** What is wrong while it is on. */
  readonly trouble?: string
}

export interface RunFile {
  readonly name: string
  readonly bytes: number
  readonly sha256?: string
}

export interface RunDetails extends Run {
  readonly files: readonly RunFile[]
}

export interface Verdict {
  readonly ok: boolean
  /** How many are as they were made. */
  readonly files: number
  readonly wrong?: { readonly name: string; readonly why: string }
}

export interface Check {
  readonly name: string
  readonly status: string
  readonly reason: string
  readonly since?: string
}

export interface Health {
  readonly status: string
  readonly time: string
  readonly checks: readonly Check[]
}
