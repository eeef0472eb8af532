import type { Logger } from './adapter.js'

export interface DiskTroubleOptions {
  readonly log: Logger
  /** The data folder. */
  readonly where: string | undefined
  /** Each failure. */
  readonly failed: () => void
  /** What the gateway says of itself; undefined: all is well again. */
  readonly own: (trouble: string | undefined) => void
}

/** Tells that the data folder cannot be written, and that it can be again: once each. */
export class DiskTrouble {
  readonly #options: DiskTroubleOptions
  /** As it was told. */
  #failure: string | undefined

  constructor(options: DiskTroubleOptions) {
    this.#options = options
  }

  /** Undefined: something was written. */
  readonly tell = (failure: Error | undefined): void => {
    const { log, where, failed, own } = this.#options
    if (failure !== undefined) failed()
    if (failure?.message === this.#failure) return
    this.#failure = failure?.message
    if (failure === undefined) {
      log.info({ data: where }, 'the data folder can be written again; what waited is on disk')
      own(undefined)
      return
    }
    log.error({ data: where, reason: failure.message }, 'cannot write to the data folder: nothing is acknowledged until it works again')
    own(
      `cannot write to gateway.data (${failure.message}): nothing is acknowledged until it works again; free space on the disk, or mend it`
    )
  }
}
