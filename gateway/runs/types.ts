/** What is said of a run: in its run.json, over MQTT and over HTTP. */

/** Written into run.json; a folder without it is none of ours. */
export const runFormat = 'labgate-run-1'

/** Bytes of a run.json that are read. */
export const maxRecord = 2 ** 20

/**
 * `complete`: stopped by who may. `cut off`: ended by something else, which the reason names. `failed`: what was recorded could not be
 * written, or its files not be made; tried again as long as the gateway runs.
 */
export type RunState = 'running' | 'complete' | 'cut off' | 'failed'

/** The wall clock was set while a run was on. */
export interface ClockNote {
  /** RFC 3339, by the clock as it is since. */
  readonly at: string
  /** Seconds that it was set forward. */
  readonly by: number
}

/** run.json. */
export interface RunRecord {
  readonly format: typeof runFormat
  readonly id: string
  /** As it was given; empty: none was. */
  readonly name: string
  readonly note?: string
  /** MQTT client id, id of an instance, or `http`. */
  readonly by: string
  /** Of the rig message that started it; null: it named none. Left out: no rig started it. */
  readonly expRef?: string | null
  readonly state: RunState
  /** How it ended, or what is wrong. */
  readonly reason?: string
  /** RFC 3339. */
  readonly started: string
  readonly ended?: string
  /** Seconds by a clock that never jumps; left out of what was cut off by a crash. */
  readonly duration?: number
  readonly gateway: { readonly name: string; readonly version: string }
  /** The file's text as it was loaded, secrets of the environment not filled in. */
  readonly configuration: { readonly file: string; readonly sha256: string }
  readonly devices: 'all' | readonly string[]
  readonly readings: number
  /** Commands asked for during the run; mere checks are none. */
  readonly commands: number
  /** Readings and steps of commands that could not be kept; each of the two files says where. */
  readonly lost: number
  /** Bytes of readings.ndjson and commands.ndjson. */
  readonly bytes: number
  readonly clock: readonly ClockNote[]
  /** Written just before the manifest: what was recorded, so that nobody can have a new one made of something else. */
  readonly made?: { readonly readings: Sum; readonly commands: Sum }
}

/** A file, to the byte. */
export interface Sum {
  readonly bytes: number
  readonly sha256: string
}

/** A run as MQTT and HTTP show it. */
export interface Run extends Omit<RunRecord, 'format' | 'gateway' | 'configuration' | 'clock' | 'made'> {
  /** Its name, below the folder of all runs. */
  readonly folder: string
  /** CSV, report and manifest are there. */
  readonly ready: boolean
  /** What is wrong while it is on. */
  readonly trouble?: string
}

export interface RunRequest {
  readonly name?: string
  readonly note?: string
  /** Left out: all but the gateway itself, also those that come. */
  readonly devices?: readonly string[]
  readonly expRef?: string | null
  readonly by: string
}

/** What who asks may see. */
export interface RunSight {
  readonly all: boolean
  /** Everything of a device, also its commands. */
  whole(device: string): boolean
}

/** A run holds all readings and commands of its devices: whoever may not see one of them may not see the run. */
export function isSeen({ devices }: Pick<Run, 'devices'>, sight: RunSight): boolean {
  return sight.all || (devices !== 'all' && devices.every((device) => sight.whole(device)))
}

/** The files of a run; those of the devices are in the folder csv. */
export const files = {
  record: 'run.json',
  schemas: 'schemas.json',
  readings: 'readings.ndjson',
  commands: 'commands.ndjson',
  csv: 'csv',
  report: 'report.html',
  manifest: 'manifest.json'
} as const

/** Undefined: it is no run.json of ours. */
export function recordOf(text: string): RunRecord | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { format, id, name, by, state, started, gateway, devices } = parsed as Record<string, unknown>
  const texts = [id, name, by, state, started]
  if (format !== runFormat || texts.some((each) => typeof each !== 'string') || typeof gateway !== 'object') return undefined
  if (devices !== 'all' && !Array.isArray(devices)) return undefined
  return parsed as RunRecord
}
