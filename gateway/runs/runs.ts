import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fromPlain, toPlain } from '../../adapters/common/exact-json.js'
import type { Rights } from '../access/identity.js'
import type { Clock, Exact, Logger } from '../adapter.js'
import type { OwnCommand } from '../command-types.js'
import type { Checked } from '../config.js'
import { nearest } from '../config/nearest.js'
import { self } from '../devices.js'
import type { Devices, Entry } from '../devices.js'
import { GatewayError } from '../errors.js'
import type { Held, Latest } from '../latest.js'
import type { Step } from '../stories.js'
import { Archive, shownRun } from './archive.js'
import type { Kept } from './archive.js'
import { Completion, inSeconds } from './completion.js'
import type { RunProblem } from './completion.js'
import { why } from './disk.js'
import { runFolder } from './names.js'
import { Recording } from './recording.js'
import type { Ending } from './recording.js'
import { isSeen } from './types.js'
import type { Run, RunRequest, RunSight } from './types.js'

export interface RunsOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly devices: Devices
  readonly latest: Latest
  readonly checked: Checked
  readonly version: string
  readonly sight: (rights: Rights) => RunSight
  /** Another run, or another state of one: the gateway device tells it. */
  readonly changed: () => void
}

/** Runs that may be on at once. */
const maxRunning = 8

/** Seconds that a stop waits until what was recorded is on disk. Its files come after, and it says `ready: false`. */
const keptWithin = 2

/** Seconds for the same when the gateway stops; what is not ready then is made after its next start. */
const stopWithin = 1.5

/** Recordings from a start to a stop, each a folder. */
export class Runs {
  /** Where the folders of runs are; undefined: there are no runs. */
  readonly folder: string | undefined
  readonly #options: RunsOptions
  readonly #archive: Archive | undefined
  readonly #completion: Completion | undefined
  #running: readonly Recording[] = []
  #recovered: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: RunsOptions) {
    const { runs, gateway } = options.checked.config
    this.#options = options
    this.folder = runs.folder ?? (gateway.data === undefined ? undefined : join(gateway.data, 'runs'))
    if (this.folder === undefined) return
    this.#archive = new Archive(this.folder)
    this.#completion = new Completion({ ...options, folder: this.folder })
  }

  /** Ends what an earlier run of the gateway left open, without waiting for it. Never rejects. */
  async start(): Promise<void> {
    this.#recovered = this.#recover()
    await Promise.resolve()
  }

  take(entry: Entry, held: Held): void {
    if (this.#running.length === 0) return
    for (const recording of this.#running) if (recording.covers(entry.device, self)) recording.take(entry, held)
  }

  step(step: Step): void {
    if (this.#running.length === 0) return
    for (const recording of this.#running) if (recording.covers(step.device, self)) recording.step(step)
  }

  /** Carries out `run_start` and `run_stop` of the gateway device. */
  async execute({ codename, op, value, client, rights }: OwnCommand): Promise<Exact> {
    const sight = rights === undefined ? everything : this.#options.sight(rights)
    const told = toPlain(value) as Record<string, unknown> | null
    if (op === 'call' && codename === 'run_start') return exact(await this.begin({ ...requestOf(told), by: client }, sight))
    if (op === 'call' && codename === 'run_stop') return exact(await this.#stopBy(client, told, sight))
    throw new GatewayError('UnknownCodename', `the gateway does not carry out ${op} of ${codename}`)
  }

  /** Resolves when it is on, and its folder there. Readings from the moment of the call on belong to it. */
  async begin(request: RunRequest, sight = everything): Promise<Run> {
    const folder = this.#mayBegin(request, sight)
    const same = this.#sameAs(request, sight)
    if (same !== undefined) {
      // It may have begun this very moment, and may fail yet.
      await opened(same)
      return this.#shown(same)
    }
    if (this.#running.length >= maxRunning)
      throw new GatewayError('RateLimited', `${maxRunning} runs are on already: stop one of them first`)
    const { clock, log, changed, checked, version, devices, latest } = this.#options
    const { config, file, sha256 } = checked
    const recording = new Recording({
      clock,
      log,
      folder,
      id: this.#idFor(folder, request),
      request: named(request),
      gateway: { name: config.gateway.name, version },
      configuration: { file: basename(file), sha256 },
      maxBytes: config.runs.maxBytes,
      isFull: (full) => this.#full(full),
      changed
    })
    for (const device of devices.names())
      if (recording.covers(device, self))
        for (const entry of devices.codenames(device)) {
          const held = latest.held(entry)
          if (held !== undefined) recording.initial(entry, held)
        }
    this.#running = [...this.#running, recording]
    try {
      await opened(recording)
    } catch (error) {
      this.#running = this.#running.filter((each) => each !== recording)
      log.error({ folder: recording.folder, reason: why((error as Error).cause) }, 'a run could not begin')
      throw error
    }
    log.info({ run: recording.id, by: request.by, folder: recording.folder }, 'a run begins')
    changed()
    return this.#shown(recording)
  }

  /** The run as it is when all that was recorded is on disk, or after 2 s; its files come later. Throws when there is none of this id. */
  async end(id: string, by: string, sight = everything): Promise<Run> {
    const recording = this.#running.find((each) => each.id === id)
    if (recording !== undefined && isSeen(recording.record, sight))
      return await this.#end(recording, { state: 'complete', reason: `stopped by ${by}` }, keptWithin)
    const run = await this.find(id)
    if (run === undefined || !isSeen(run, sight))
      throw new GatewayError('RangeError', `there is no run ${JSON.stringify(id.slice(0, 100))}`)
    return run
  }

  /** All runs, those that are on first, then the newest. Rejects with a GatewayError when the folder cannot be read. */
  async list(): Promise<Run[]> {
    const own = [...this.#running.map((recording) => this.#shown(recording)), ...(this.#completion?.runs() ?? [])].sort(
      (a, b) => Number(b.state === 'running') - Number(a.state === 'running') || (a.id < b.id ? 1 : -1)
    )
    const open = new Set(own.map(({ id }) => id))
    const kept = await this.#archive?.list(open).catch((error: unknown) => {
      throw new GatewayError('Unreachable', `the folder of the runs cannot be read: ${why(error)}`, { cause: error })
    })
    const old = (kept ?? []).map((each) => this.#keptRun(each))
    return [
      ...own.filter(({ state }) => state === 'running'),
      ...[...own.filter(({ state }) => state !== 'running'), ...old].sort((a, b) => (a.id < b.id ? 1 : -1))
    ]
  }

  async find(id: string): Promise<Run | undefined> {
    const recording = this.#running.find((each) => each.id === id)
    if (recording !== undefined) return this.#shown(recording)
    const ended = this.#completion?.find(id)
    if (ended !== undefined) return ended
    const kept = await this.#archive?.find(id)
    return kept && this.#keptRun(kept)
  }

  /** Those that are on, as the gateway device tells. What changes with each reading is not in it. */
  shown(): Exact {
    return this.#running.map((recording) => {
      const { id, name, note, by, expRef, state, started, devices } = recording.record
      const { trouble } = recording
      return fromPlain({ id, name, note, by, expRef, state, started, devices, trouble: trouble?.reason })
    })
  }

  isOn(id: string): boolean {
    return this.#running.some((each) => each.id === id)
  }

  /** What is wrong now. */
  problems(): readonly RunProblem[] {
    const running = this.#running.flatMap(({ id, trouble }) => (trouble === undefined ? [] : [{ run: id, ...trouble }]))
    return [...running, ...(this.#completion?.problems() ?? [])]
  }

  /** Resolves when what an earlier run of the gateway left open is completed. For tests. */
  async settled(): Promise<void> {
    await this.#recovered
  }

  /** Ends every run, as the gateway stops. */
  async stop(): Promise<void> {
    const ending: Ending = { state: 'cut off', reason: 'the gateway was stopped' }
    await Promise.all(this.#running.map((recording) => this.#end(recording, ending, 0)))
    await this.#completion?.idle(stopWithin)
    this.#isStopped = true
    await this.#completion?.stop()
    await this.#recovered
  }

  /** The folder; throws why there can be no such run. */
  #mayBegin({ devices: wanted }: RunRequest, sight: RunSight): string {
    const { devices } = this.#options
    if (this.#isStopped) throw new GatewayError('Unreachable', 'the gateway is stopping')
    if (this.folder === undefined)
      throw new GatewayError('Unreachable', 'there is no place for runs: write runs.folder or gateway.data in the configuration')
    if (wanted === undefined && !sight.all)
      throw new GatewayError('Forbidden', 'who may not see everything names the devices that are to be recorded', { rule: 'rights' })
    for (const device of wanted ?? []) {
      // What is hidden is not there.
      if (!sight.all && !(devices.has(device) && sight.whole(device)))
        throw new GatewayError('UnknownDevice', 'there is no such device, or you may not see all of it')
      if (devices.has(device)) continue
      const close = nearest(device, devices.names())
      throw new GatewayError(
        'UnknownDevice',
        `no device is called ${JSON.stringify(device.slice(0, 60))}${close === undefined ? '' : `; did you mean ${JSON.stringify(close)}?`}`
      )
    }
    return this.folder
  }

  /**
   * The one that is on already, where a second must not begin: of a rig that says its start again, or of a name that is taken. A rig that
   * begins another experiment has ended the one before.
   */
  #sameAs(request: RunRequest, sight: RunSight): Recording | undefined {
    const { by, expRef } = request
    const name = named(request).name ?? ''
    const own = expRef === undefined ? undefined : this.#running.find((each) => each.request.by === by && each.request.expRef !== undefined)
    if (own !== undefined) {
      if (expRef === null || expRef === own.request.expRef) return own
      const ending: Ending = { state: 'complete', reason: `${by} began the experiment ${expRef}` }
      void this.#end(own, ending, 0)
    }
    const taken = name === '' ? undefined : this.#running.find((each) => each.request.name === name)
    if (taken === undefined || (taken.request.by === by && isSame(taken.request, request))) return taken
    if (!isSeen(taken.record, sight)) throw new GatewayError('Busy', 'a run of this name is on already: take another')
    const other = taken.request.by === by ? ', of other devices or with another note' : ''
    throw new GatewayError(
      'Busy',
      `a run of the name ${JSON.stringify(name.slice(0, 60))} is on already, started by ${taken.request.by}${other}`
    )
  }

  /** Of one second there may be several. */
  #idFor(folder: string, request: RunRequest): string {
    const { clock } = this.#options
    const base = runFolder(clock.now(), named(request).name ?? '')
    const isTaken = (id: string): boolean => this.#running.some((each) => each.id === id) || existsSync(join(folder, id))
    let id = base
    for (let n = 2; isTaken(id); n += 1) id = `${base}-${n}`
    return id
  }

  /** Of several that fit, none is stopped: nobody must lose a recording for a name left out. */
  async #stopBy(client: string, told: Record<string, unknown> | null, sight: RunSight): Promise<Run | null> {
    const { id, name } = told ?? {}
    if (typeof id === 'string') return await this.end(id, client, sight)
    const running = this.#running.filter(({ record }) => isSeen(record, sight))
    if (typeof name === 'string') {
      const recording = running.find((each) => each.request.name === name)
      if (recording === undefined) throw new GatewayError('RangeError', `no run of the name ${JSON.stringify(name.slice(0, 100))} is on`)
      return await this.end(recording.id, client)
    }
    const own = running.filter(({ request }) => request.by === client)
    if (told !== null && 'exp_ref' in told) {
      const recording = own.find(({ request }) => request.expRef !== undefined)
      return recording === undefined ? null : await this.end(recording.id, client)
    }
    const [recording, another] = own.length > 0 ? own : running
    if (recording === undefined) throw new GatewayError('RangeError', 'no run is on')
    if (another !== undefined) throw new GatewayError('RangeError', `several runs are on: give the id or the name of one`)
    return await this.end(recording.id, client)
  }

  #full(recording: Recording): void {
    const { maxBytes } = this.#options.checked.config.runs
    if (!this.#running.includes(recording)) return
    const reason = `it has reached runs.maxBytes (${maxBytes} bytes)`
    this.#options.log.warn({ run: recording.id, maxBytes }, 'a run is ended: it has reached runs.maxBytes; begin another, or raise it')
    void this.#end(recording, { state: 'cut off', reason }, 0)
  }

  /** Resolves when what it recorded is on disk, or cannot be brought there for now, or after so many seconds. */
  async #end(recording: Recording, ending: Ending, within: number): Promise<Run> {
    const { clock, log, changed } = this.#options
    recording.end(ending)
    this.#running = this.#running.filter((each) => each !== recording)
    log.info({ run: recording.id, reason: ending.reason }, 'a run ends')
    const shown = shownRun(recording.record, false)
    const ended = this.#completion?.add(recording.id, shown, recording)
    changed()
    if (ended !== undefined) await inSeconds(ended.kept, within, clock)
    return ended?.run ?? shown
  }

  async #recover(): Promise<void> {
    const { log, checked } = this.#options
    const mine = checked.config.gateway.name
    const kept = await this.#archive?.list(new Set()).catch((error: unknown) => {
      log.warn({ folder: this.folder, reason: why(error) }, 'the folder of the runs cannot be read')
      return []
    })
    const left = (kept ?? []).filter(({ record, ready }) => !ready && record.gateway.name === mine)
    await Promise.all(
      left.map(async ({ record }) => {
        if (this.#isStopped || this.#running.some(({ id }) => id === record.id) || this.#completion?.find(record.id) !== undefined) return
        const folder = join(this.folder as string, record.id)
        if (record.made !== undefined)
          log.warn(
            { run: record.id, folder },
            'a run has lost its manifest, or a crash came just before it; it is made anew if what was recorded is as it was'
          )
        else if (record.state === 'running')
          log.warn({ run: record.id, folder }, 'a run was cut off, as the gateway ended without stopping it; its files are made now')
        await this.#completion?.add(record.id, shownRun(record.state === 'running' ? { ...record, state: 'cut off' } : record, false)).done
      })
    )
  }

  #shown(recording: Recording): Run {
    const run = shownRun(recording.record, false)
    return recording.trouble === undefined ? run : { ...run, trouble: recording.trouble.reason }
  }

  #keptRun({ record, ready }: Kept): Run {
    if (!ready && record.made !== undefined) return shownRun({ ...record, state: 'failed', reason: 'its manifest is gone' }, false)
    if (ready || record.state !== 'running') return shownRun(record, ready)
    const reason = `the gateway ${JSON.stringify(record.gateway.name)} records it, or has not completed it`
    return shownRun({ ...record, state: 'failed', reason }, false)
  }
}

const everything: RunSight = { all: true, whole: () => true }

/** Resolves when its folder is there. */
async function opened(recording: Recording): Promise<void> {
  try {
    await recording.open()
  } catch (error) {
    throw new GatewayError('Unreachable', `the run cannot be recorded: ${why(error)}`, { cause: error })
  }
}

/** Who asks for other devices must not take it that they are recorded. */
function isSame(one: RunRequest, other: RunRequest): boolean {
  const devicesOf = ({ devices }: RunRequest): string => JSON.stringify(devices === undefined ? null : [...devices].sort())
  return one.note === other.note && devicesOf(one) === devicesOf(other)
}

function requestOf(told: Record<string, unknown> | null): Omit<RunRequest, 'by'> {
  const {
    name,
    note,
    devices,
    exp_ref: expRef
  } = (told ?? {}) as { name?: string; note?: string; devices?: string[]; exp_ref?: string | null }
  return {
    ...(name === undefined ? {} : { name }),
    ...(note === undefined ? {} : { note }),
    ...(devices === undefined ? {} : { devices }),
    ...(expRef === undefined ? {} : { expRef })
  }
}

/** A run of an experiment has its name, unless it is given another. */
function named(request: RunRequest): RunRequest {
  const { name, expRef } = request
  return name === undefined && typeof expRef === 'string' ? { ...request, name: expRef } : request
}

function exact(run: Run | null): Exact {
  return fromPlain(run, { integers: true })
}
