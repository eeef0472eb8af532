import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { toPlain } from '../../adapters/common/exact-json.js'
import type { Exact, Logger } from '../adapter.js'
import type { OwnCommand } from '../command-types.js'
import { ConfigError, formatProblem } from '../config.js'
import type { Checked } from '../config.js'
import { self } from '../devices.js'
import { GatewayError } from '../errors.js'
import { Pace } from '../history/turn.js'
import type { Validators } from '../validators.js'
import { applyReload } from './apply.js'
import type { Changing } from './apply.js'
import { FileWatch } from './file-watch.js'
import { planning } from './plan.js'
import type { ReloadPlan } from './plan.js'
import { exactReport, reasonOf, refusalOf } from './report.js'
import type { ReloadReport, Trigger } from './report.js'
import { inWords, restartNeeded } from './words.js'

/** Where the configuration comes from. */
export interface ConfigSource {
  readonly file: string
  /** Seconds without an event until the file is taken for written; left out: as {@link FileWatch} has it. */
  readonly settled?: number
  /** Reads and checks it, perhaps with these; rejects with a ConfigError. Ends soon when the signal comes. */
  load(validators: Validators, signal: AbortSignal): Promise<Checked>
}

export interface ReloadOptions extends Changing {
  readonly log: Logger
  /** Undefined: it did not come from a file, and stays as it is. */
  readonly source: ConfigSource | undefined
}

/** Reads the configuration again while the gateway runs, one time after another, and applies it whole or not at all. */
export class Reload {
  readonly #options: ReloadOptions
  readonly #stopping = new AbortController()
  #watch: FileWatch | undefined
  #running: Promise<ReloadReport> | undefined
  #open = (): void => {}
  /** Resolves when all else has started, or the gateway stops: what is not there yet cannot be changed. */
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve))
  /** Whoever asks meanwhile gets this one, which begins when that which runs has ended. */
  #next: Promise<ReloadReport> | undefined
  #last: ReloadReport | undefined

  constructor(options: ReloadOptions) {
    this.#options = options
  }

  /** After all else has started. Watches the file where the configuration says so; that begins a little later. */
  start(): void {
    const { source, current, clock, log } = this.#options
    this.#open()
    this.#tell({ time: clock.now(), trigger: 'start', result: 'started', reason: '', applied: [], seconds: 0 })
    if (source === undefined || !current.config.gateway.reload) return
    this.#watch = new FileWatch({
      clock,
      file: source.file,
      ...(source.settled === undefined ? {} : { settled: source.settled }),
      changed: () => void this.run('file').catch(() => {}),
      onError: (error) =>
        log.warn(
          { file: source.file, reason: error.message },
          'the configuration file cannot be watched: tell the gateway of changes with SIGHUP or POST /api/reload'
        )
    })
    void this.#watch.start()
  }

  /** Nothing is begun any more; what is under way ends soon. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#open()
    await this.#watch?.stop()
    await Promise.allSettled([this.#running, this.#next])
  }

  /** Why the file as it was last read was not applied; undefined: it was. */
  get trouble(): string | undefined {
    return this.#last?.result === 'refused' ? this.#last.reason : undefined
  }

  /** Reads the file, and applies it. Rejects with a GatewayError that says why nothing was applied. */
  async run(trigger: Exclude<Trigger, 'start'>): Promise<ReloadReport> {
    if (this.#running === undefined) return await this.#begin(trigger)
    this.#next ??= this.#running.then(ignore, ignore).then(async () => {
      this.#next = undefined
      return await this.#begin(trigger)
    })
    return await this.#next
  }

  /** What {@link run} would do, in words. Rejects as it would. */
  async check(): Promise<readonly string[]> {
    const { current } = this.#options
    await this.#opened
    if (await this.#isInForce()) return []
    try {
      const plan = await this.#plan(await this.#load())
      if (plan.restart.length > 0) throw new GatewayError('BadPayload', restartNeeded(plan.restart), { rule: 'restart' })
      return inWords(plan, current.config.broker.root)
    } finally {
      await this.#clean()
    }
  }

  /** Carries out `reload` of the gateway device. */
  async execute({ op, value }: OwnCommand): Promise<Exact> {
    if (op !== 'call') throw new GatewayError('ReadOnly', `the gateway does not carry out ${op} of reload`)
    const { check = false } = (toPlain(value) ?? {}) as { check?: boolean }
    if (!check) return exactReport(await this.run('call'))
    const would = await this.check()
    return new Map<string, Exact>([
      ['result', would.length === 0 ? 'unchanged' : 'good'],
      ['would', [...would]]
    ])
  }

  #begin(trigger: Exclude<Trigger, 'start'>): Promise<ReloadReport> {
    const running = this.#run(trigger).finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #run(trigger: Exclude<Trigger, 'start'>): Promise<ReloadReport> {
    const { clock, log, current, source } = this.#options
    const [time, begun] = [clock.now(), clock.monotonic()]
    const report = (result: ReloadReport['result'], more: Partial<ReloadReport> = {}): ReloadReport => ({
      time,
      trigger,
      result,
      reason: '',
      applied: [],
      seconds: clock.monotonic() - begun,
      ...more
    })
    try {
      await this.#opened
      if (this.#stopping.signal.aborted) throw stopping()
      if (await this.#isInForce()) {
        const same = report('unchanged')
        if (trigger === 'file' && this.trouble === undefined) return same
        log.info({ file: source?.file, trigger, applied: [], seconds: same.seconds }, told(same))
        this.#tell(same)
        return same
      }
      const next = await this.#load()
      const plan = await this.#plan(next)
      if (this.#stopping.signal.aborted) throw stopping()
      if (plan.restart.length > 0) throw new GatewayError('BadPayload', restartNeeded(plan.restart), { rule: 'restart' })
      const applied = inWords(plan, current.config.broker.root)
      // Only what variables stand for was looked at.
      const isQuiet = trigger === 'file' && this.trouble === undefined && next.sha256 === current.checked.sha256
      await applyReload(next, plan, this.#options, this.#stopping.signal)
      if (this.#stopping.signal.aborted) throw stopping()
      const done = report(plan.isEmpty ? 'unchanged' : 'applied', { applied })
      if (isQuiet) return done
      for (const warning of next.warnings) log.warn({ file: source?.file }, formatProblem(warning))
      log.info({ file: source?.file, trigger, applied, seconds: done.seconds }, told(done))
      this.#tell(done)
      return done
    } catch (thrown) {
      const error = refusalOf(thrown)
      if (this.#stopping.signal.aborted) throw error
      const reason = reasonOf(error)
      // Events of one change may come one after another.
      if (trigger === 'file' && reason === this.trouble) throw error
      const problems = error.cause instanceof ConfigError ? error.cause.problems.map(formatProblem) : [error.message]
      log.error(
        { file: source?.file, trigger, problems },
        'the configuration was read again and not applied: nothing has changed; mend the file'
      )
      this.#tell(report('refused', { reason }))
      throw error
    } finally {
      await this.#clean()
    }
  }

  /** Its text is the one in force, with nothing that stands for something else: it need not be checked. */
  async #isInForce(): Promise<boolean> {
    const { source, current } = this.#options
    if (source === undefined) return false
    const bytes = await readFile(source.file).catch(() => undefined)
    if (bytes === undefined || bytes.includes('${')) return false
    return createHash('sha256').update(bytes).digest('hex') === current.checked.sha256
  }

  async #plan(next: Checked): Promise<ReloadPlan> {
    const steps = planning(this.#options.current.checked, next)
    const pace = new Pace()
    for (;;) {
      const { done, value } = steps.next()
      if (done === true) return value
      if (pace.isDue) await pace.turn()
    }
  }

  async #load(): Promise<Checked> {
    const { source } = this.#options
    if (this.#stopping.signal.aborted) throw stopping()
    if (source === undefined)
      throw new GatewayError('Unreachable', 'the configuration did not come from a file: there is nothing to read again')
    const checked = await source.load(this.#options.validators, this.#stopping.signal).catch((error: unknown) => {
      throw refusalOf(error)
    })
    if (this.#stopping.signal.aborted) throw stopping()
    return checked
  }

  /** Schemas of files that were refused, or that are in force no more. */
  async #clean(): Promise<void> {
    const { devices, validators } = this.#options
    const pace = new Pace()
    const used: object[] = []
    for (const device of devices.names()) {
      for (const { meta } of devices.codenames(device))
        used.push(...[meta.schema, meta.callable?.arguments, meta.callable?.returns].filter((schema) => schema !== undefined))
      if (pace.isDue) await pace.turn()
    }
    validators.keepOnly(used)
  }

  #tell(report: ReloadReport): void {
    const { devices, latest } = this.#options
    this.#last = report
    const entry = devices.find(self, 'reload')
    if (entry === undefined) return
    const value = exactReport(report)
    latest.put(entry, latest.weigh(entry, { device: self, codename: entry.codename, value }), true)
  }
}

function told({ result }: ReloadReport): string {
  return result === 'applied'
    ? 'the configuration was read again and applied; what it does not change went on'
    : 'the configuration was read again: it says what is in force already'
}

function stopping(): GatewayError {
  return new GatewayError('Unreachable', 'the gateway is stopping')
}

function ignore(): void {}
