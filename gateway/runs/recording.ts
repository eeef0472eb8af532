import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Logger, Watch } from '../adapter.js'
import type { Entry } from '../devices.js'
import { nextTurn } from '../history/turn.js'
import type { Held } from '../latest.js'
import { metaPayload } from '../payload.js'
import type { Step } from '../stories.js'
import { formatTime } from '../time.js'
import { AppendFile } from './append-file.js'
import { why, writeWhole } from './disk.js'
import { commandLine, isCommand, lostLine, readingLine } from './lines.js'
import type { Mark } from './lines.js'
import { files, runFormat } from './types.js'
import type { ClockNote, RunRecord, RunRequest, RunState } from './types.js'

/** Seconds from one writing to the next. */
const flushEvery = 0.5

/** Seconds after which what was written is also brought to the disk itself. */
const syncEvery = 10

/** Characters of readings, and of steps of commands, that wait for a disk that takes its time. */
const maxWaiting = 2 ** 24

/** Seconds by which the wall clock and the one that never jumps may part. */
const jump = 1
const maxNotes = 100

/** Codenames of one run that are described. */
const mostKnown = 100_000

/** Seconds from one writing of schemas.json to the next, while codenames come. */
const describeEvery = 10

/** Codenames that are described in one turn of the event loop. */
const describeAtOnce = 250

export interface RecordingOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Of all runs. */
  readonly folder: string
  readonly id: string
  readonly request: RunRequest
  readonly gateway: RunRecord['gateway']
  readonly configuration: RunRecord['configuration']
  /** Bytes of a run. */
  readonly maxBytes: number
  /** Codenames that are described; left out: 100,000. */
  readonly maxKnown?: number
  /** It has become larger than it may. */
  readonly isFull: (recording: Recording) => void
  /** In trouble, or out of it. */
  readonly changed: () => void
}

/** How a run ended. */
export interface Ending {
  readonly state: Exclude<RunState, 'running'>
  readonly reason: string
}

/** One run that is on: what it covers goes to its folder. */
export class Recording {
  readonly id: string
  readonly request: RunRequest
  readonly folder: string
  readonly started: number
  readonly #options: RecordingOptions
  readonly #readings: Stream = new Stream(maxWaiting)
  readonly #commands: Stream = new Stream(maxWaiting)
  readonly #devices: ReadonlySet<string> | undefined
  /** Codenames of which there are readings, and when the last of each arrived (monotonic seconds). */
  readonly #known = new Map<Entry, number>()
  readonly #began: number
  readonly #notes: ClockNote[] = []
  #described = 0
  #describedAt = -Infinity
  #offset: number
  #counts = { readings: 0, commands: 0, lost: 0 }
  #trouble: { readonly reason: string; readonly since: number } | undefined
  #ending: (Ending & { readonly at: number; readonly after: number }) | undefined
  #timer: Watch | undefined
  #opening: Promise<void> | undefined
  #flushing: Promise<void> | undefined
  #synced: number
  #isOpen = false

  constructor(options: RecordingOptions) {
    const { clock, request, id, folder } = options
    this.#options = options
    this.id = id
    this.request = request
    this.folder = join(folder, id)
    this.started = clock.now()
    this.#began = clock.monotonic()
    this.#synced = this.#began
    this.#offset = this.started - this.#began
    this.#devices = request.devices === undefined ? undefined : new Set(request.devices)
  }

  get trouble(): { readonly reason: string; readonly since: number } | undefined {
    return this.#trouble
  }

  /** `own`: the gateway's own readings are only recorded where somebody asks for them. */
  covers(device: string, own: string): boolean {
    return this.#devices === undefined ? device !== own : this.#devices.has(device)
  }

  /** The last reading of before. */
  initial(entry: Entry, held: Held): void {
    this.#take(entry, held, 'initial')
  }

  take(entry: Entry, held: Held): void {
    this.#take(entry, held, held.stale && this.#known.get(entry) === held.arrived ? 'stale' : undefined)
  }

  step(step: Step): void {
    if (isCommand(step)) this.#counts.commands += 1
    if (!this.#commands.add(commandLine(step))) this.#lose(this.#commands)
  }

  /** Makes the folder; what was taken before waits for it. Rejects when it cannot. Once: who asks again waits for the same. */
  async open(): Promise<void> {
    this.#opening ??= this.#open()
    await this.#opening
  }

  async #open(): Promise<void> {
    const { folder, changed } = this.#options
    await mkdir(folder, { recursive: true })
    await mkdir(this.folder)
    try {
      await this.#readings.open(join(this.folder, files.readings))
      await this.#commands.open(join(this.folder, files.commands))
      await writeWhole(this.folder, files.record, this.text())
    } catch (error) {
      await this.#shut()
      // Nothing of it is there yet but what was made here.
      await rm(this.folder, { recursive: true, force: true }).catch(() => {})
      throw error
    }
    this.#isOpen = true
    await this.#flush()
    if (this.#ending === undefined) this.#arm()
    changed()
  }

  /** Nothing more is taken. */
  end(ending: Ending): void {
    const { clock } = this.#options
    this.#ending ??= { ...ending, at: clock.now(), after: clock.monotonic() - this.#began }
  }

  /** Writes what waits, and how it ended. Rejects when the disk refuses; may be called again. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => {})
    this.#timer?.cancel()
    await this.#flushing
    if (this.#isOpen) {
      await this.#write()
      await this.#readings.sync()
      await this.#commands.sync()
    }
    this.#trouble = undefined
    await writeWhole(this.folder, files.record, this.text())
    await this.#shut()
  }

  /** Closes its files, whatever waits. */
  async release(): Promise<void> {
    await this.#opening?.catch(() => {})
    this.#timer?.cancel()
    await this.#flushing
    await this.#shut()
  }

  async #shut(): Promise<void> {
    this.#timer?.cancel()
    this.#isOpen = false
    await this.#readings.close().catch(() => {})
    await this.#commands.close().catch(() => {})
  }

  get record(): RunRecord {
    const { request, id } = this
    const { gateway, configuration } = this.#options
    const ending = this.#ending
    return {
      format: runFormat,
      id,
      name: request.name ?? '',
      ...(request.note === undefined ? {} : { note: request.note }),
      by: request.by,
      ...(request.expRef === undefined ? {} : { expRef: request.expRef }),
      state: ending?.state ?? 'running',
      ...(ending === undefined ? {} : { reason: ending.reason }),
      started: formatTime(this.started),
      ...(ending === undefined ? {} : { ended: formatTime(ending.at), duration: Math.round(ending.after * 1e6) / 1e6 }),
      gateway,
      configuration,
      devices: request.devices ?? 'all',
      ...this.#counts,
      bytes: this.#readings.size + this.#commands.size,
      clock: this.#notes
    }
  }

  text(): string {
    return JSON.stringify(this.record, null, 1) + '\n'
  }

  #take(entry: Entry, held: Held, mark: Mark | undefined): void {
    // Who makes up names again and again must not fill the memory: readings beyond are recorded as well, without a description.
    const { maxKnown = mostKnown } = this.#options
    if (this.#known.size < maxKnown || this.#known.has(entry)) this.#known.set(entry, held.arrived)
    this.#counts.readings += 1
    if (!this.#readings.add(readingLine(entry, held, this.#options.clock.now(), mark))) {
      this.#counts.readings -= 1
      this.#lose(this.#readings)
    }
  }

  #lose(stream: Stream): void {
    this.#counts.lost += 1
    stream.lose(this.#options.clock.now())
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(flushEvery, () => {
      this.#flushing = this.#flush().then(() => {
        this.#flushing = undefined
        if (this.#isOpen && this.#ending === undefined) this.#arm()
      })
    })
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    this.#watchClock()
    try {
      await this.#write()
      const now = this.#options.clock.monotonic()
      if (now - this.#synced >= syncEvery) {
        this.#synced = now
        await this.#readings.sync()
        await this.#commands.sync()
      }
      this.#well()
    } catch (error) {
      this.#ill(why(error))
    }
    if (this.#readings.size + this.#commands.size > this.#options.maxBytes) this.#options.isFull(this)
  }

  async #write(): Promise<void> {
    for (const stream of [this.#readings, this.#commands]) {
      await stream.flush()
      const gap = stream.told()
      if (gap === undefined) continue
      stream.add(lostLine(gap.lost, gap.from, this.#options.clock.now(), this.#trouble?.reason ?? 'the disk did not keep up'))
      await stream.flush()
    }
    const now = this.#options.clock.monotonic()
    const isDue = this.#ending !== undefined || now - this.#describedAt >= describeEvery
    if (this.#described === this.#known.size || !isDue) return
    const entries = Array.from(this.#known.keys())
    await writeWhole(this.folder, files.schemas, await schemasOf(entries))
    this.#described = entries.length
    this.#describedAt = now
  }

  #ill(reason: string): void {
    if (this.#trouble?.reason === reason) return
    this.#trouble = { reason, since: this.#trouble?.since ?? this.#options.clock.now() }
    this.#options.log.error(
      { run: this.id, folder: this.folder, reason },
      'a run cannot be written: it waits in memory and is tried again; beyond 16 MiB readings are lost, and its files will say so'
    )
    this.#options.changed()
  }

  #well(): void {
    if (this.#trouble === undefined) return
    this.#trouble = undefined
    const { lost } = this.#counts
    this.#options.log.info({ run: this.id, lost }, 'a run can be written again')
    this.#options.changed()
  }

  #watchClock(): void {
    const { clock } = this.#options
    const offset = clock.now() - clock.monotonic()
    const by = offset - this.#offset
    if (Math.abs(by) < jump) return
    this.#offset = offset
    if (this.#notes.length < maxNotes) this.#notes.push({ at: formatTime(clock.now()), by: Math.round(by * 1000) / 1000 })
  }
}

/** Lines that know of those that found no room. */
class Stream extends AppendFile {
  #gap: { lost: number; readonly from: number } | undefined

  /** Once one is lost all are, until the file can be told so: or it would look whole. */
  override add(line: string): boolean {
    return this.#gap === undefined && super.add(line)
  }

  lose(now: number): void {
    this.#gap ??= { lost: 0, from: now }
    this.#gap.lost += 1
  }

  /** What the file must be told now. */
  told(): { readonly lost: number; readonly from: number } | undefined {
    const gap = this.#gap
    this.#gap = undefined
    return gap
  }
}

/** Device to codename to what is known of it, as on its topic `meta`. Of thousands it takes several turns. */
async function schemasOf(entries: readonly Entry[]): Promise<string> {
  const devices = new Map<string, string[]>()
  for (const [at, entry] of entries.entries()) {
    const codenames = devices.get(entry.device)
    const text = `${JSON.stringify(entry.codename)}:${metaPayload(entry)}`
    if (codenames === undefined) devices.set(entry.device, [text])
    else codenames.push(text)
    if (at % describeAtOnce === describeAtOnce - 1) await nextTurn()
  }
  return `{${Array.from(devices, ([device, codenames]) => `${JSON.stringify(device)}:{${codenames.join(',')}}`).join(',\n')}}\n`
}
