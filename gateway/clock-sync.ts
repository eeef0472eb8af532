import { stat } from 'node:fs/promises'
import type { Clock, Logger, Watch } from './adapter.js'
import type { Config } from '../schemas/types.js'
import { formatTime } from './time.js'

/** What the computer can say of its clock; machine.ts asks the real one. */
export interface Machine {
  /** What its clock says, whatever we make of it; Unix seconds. */
  now(): number
  /** No clock that is right says less: the release of this labgate. Unix seconds. */
  readonly released: number
  /** It is a board without a clock that runs while it is off. */
  isWithoutClock(): Promise<boolean>
  /** Whether the kernel holds its clock for synchronised, whoever does that; undefined: there is nobody to ask. */
  isSynchronised(): Promise<boolean | undefined>
}

export interface ClockStatus {
  readonly state: 'synchronised' | 'trusted' | 'doubtful'
  /** What is the matter, and what to do; empty when all is well. */
  readonly reason: string
}

export interface ClockSyncOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly config: Config['gateway']['clock']
  /** Left out: only the file of the configuration is looked at. */
  readonly machine?: Machine | undefined
  /** The status is another now. */
  readonly changed: (trouble: string | undefined) => void
}

/** Seconds between two looks while it is doubtful; of those that cost a process, each fifth. */
const period = 2
const dear = 5

/** Seconds that a clock may be behind what was written before: two computers, or a second that was put in. */
const leeway = 60

const trustIt = 'if it is right all the same, write gateway.clock: { sync: trust }'

/**
 * Whether our clock can be believed. A Raspberry Pi begins with the time at which it was switched off, or with 1970; what is measured
 * before its first synchronisation has a time that nobody should rely on, and is `uncertain`. Once synchronised it stays so until the end.
 */
export class ClockSync {
  readonly #options: ClockSyncOptions
  #status: ClockStatus = { state: 'trusted', reason: '' }
  /** Unix seconds that were written in an earlier run, and when this one began; what is behind cannot be right. */
  #newest: number | undefined
  readonly #began: number
  #looks = 0
  #said: boolean | undefined
  #asking = false
  #timer: Watch | undefined
  #stopped = false

  constructor(options: ClockSyncOptions) {
    this.#options = options
    this.#began = options.clock.monotonic()
    // Until the first look: nothing may be stamped as good that is not.
    if (options.config.sync === 'file') this.#status = { state: 'doubtful', reason: 'it has not been looked at yet' }
  }

  get isDoubtful(): boolean {
    return this.#status.state === 'doubtful'
  }

  get status(): ClockStatus {
    return this.#status
  }

  /** `newest`: the last time of our own that an earlier run wrote; Unix seconds. */
  async start(newest: number | undefined): Promise<void> {
    this.#newest = newest
    if (this.#options.config.sync === 'trust') return
    await this.#look()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const status = await this.#find()
    if (this.#stopped) return
    this.#set(status)
    // What is trusted without having been synchronised stays so: looking on would not make it better.
    if (status.state === 'doubtful') this.#timer = this.#options.clock.after(period, () => void this.#look())
  }

  async #find(): Promise<ClockStatus> {
    const { config, machine } = this.#options
    const { file } = config
    if (await isThere(file)) return { state: 'synchronised', reason: '' }
    if (config.sync === 'file')
      return {
        state: 'doubtful',
        reason:
          'the clock of this computer is not synchronised: the file of gateway.clock.file is not there yet; readings are uncertain until it is. Look after the network and its time service'
      }
    if (machine === undefined) return { state: 'trusted', reason: '' }
    const behind = this.#behind(machine)
    const isBare = behind === undefined && (await machine.isWithoutClock())
    if (behind === undefined && !isBare) return { state: 'trusted', reason: '' }
    this.#ask(machine)
    if (this.#said === true) return { state: 'synchronised', reason: '' }
    const why = behind ?? 'this computer has no clock that runs while it is off, and has not been synchronised since it started'
    return {
      state: 'doubtful',
      reason: `${why}: readings are uncertain until it is synchronised. Look after the network and its time service (timedatectl); ${trustIt}`
    }
  }

  /** What proves that the clock is behind. */
  #behind(machine: Machine): string | undefined {
    const now = machine.now()
    if (now < machine.released)
      return `the clock of this computer says ${formatTime(Math.max(now, 0))}, before this version of labgate was made`
    const passed = this.#options.clock.monotonic() - this.#began
    if (this.#newest === undefined || now >= this.#newest + passed - leeway) return undefined
    return `the clock of this computer says ${formatTime(now)}, but the gateway was at work at ${formatTime(this.#newest)} already`
  }

  /** Nobody waits for the answer: it costs a process, and counts at the next look. */
  #ask(machine: Machine): void {
    if (this.#asking || this.#looks++ % dear !== 0) return
    this.#asking = true
    void machine.isSynchronised().then((said) => {
      this.#asking = false
      this.#said = said
    })
  }

  #set(status: ClockStatus): void {
    const { log, changed } = this.#options
    const before = this.#status
    this.#status = status
    if (before.state === status.state && before.reason === status.reason) return
    if (status.state === 'doubtful' && before.state !== 'doubtful') log.warn({ reason: status.reason }, 'the clock is doubtful')
    else if (before.state === 'doubtful' && status.state !== 'doubtful')
      log.info({ state: status.state }, 'the clock is believed: readings are good again, each with its next one')
    changed(status.state === 'doubtful' ? status.reason : undefined)
  }
}

async function isThere(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false
  )
}
