/** A reading of another device that stands for one of ours, also when it becomes old. */
import type { Host, Latest, Reading, Ref, Watch } from '../../gateway/adapter.js'
import type { Exact } from '../common/exact-json.js'

export interface MirrorOptions {
  readonly host: Host
  readonly source: Ref
  readonly target: Ref
  /** Undefined: the value means nothing here. */
  readonly read: (value: Exact) => string | undefined
  /** For people: what it should be. */
  readonly what: string
  readonly publish: (reading: Reading) => void
}

/** Seconds from one look at the age of the source to the next. */
const lookEvery = 1

export class Mirror {
  readonly #options: MirrorOptions
  #watch: Watch | undefined
  #look: Watch | undefined
  /** What was told last. */
  #told = ''

  constructor(options: MirrorOptions) {
    this.#options = options
  }

  /** What it says now; undefined: nothing that could be believed. */
  get value(): string | undefined {
    const { host, source, read } = this.#options
    const latest = host.latest(source.device, source.codename)
    return latest === undefined || latest.old || latest.quality === 'bad' ? undefined : read(latest.value)
  }

  start(): void {
    const { host, source } = this.#options
    this.#watch = host.watch(source, () => this.#tell())
    this.#tell()
    this.#arm()
  }

  stop(): void {
    this.#watch?.cancel()
    this.#look?.cancel()
    this.#told = ''
  }

  #arm(): void {
    this.#look = this.#options.host.clock.after(lookEvery, () => {
      this.#tell()
      this.#arm()
    })
  }

  #tell(): void {
    const { host, source, publish } = this.#options
    const latest = host.latest(source.device, source.codename)
    if (latest === undefined) return
    const reading = this.#reading(latest)
    const told = `${String(reading.value)} ${latest.time} ${reading.quality ?? ''}`
    if (told === this.#told) return
    this.#told = told
    publish(reading)
  }

  #reading(latest: Latest): Reading {
    const { source, target, read, what } = this.#options
    const value = latest.quality === 'bad' ? undefined : read(latest.value)
    if (value !== undefined) return { ...target, value, time: latest.time, quality: latest.old ? 'stale' : latest.quality }
    const message = `${source.device}/${source.codename} is no ${what}`
    return { ...target, value: null, quality: 'bad', error: { class: 'WrongType', message, retryable: true } }
  }
}
