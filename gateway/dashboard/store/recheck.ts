/** Whether the page has what the gateway has: the broker lets readings fall where a page takes them too slowly, and says so to nobody. */
import { Poller } from '../models/poller.js'
import type { CodenameView, Table } from './table.js'
import type { Reading } from '../../../schemas/types.js'

/** Of `GET /api/devices`, what is compared. */
export interface Everything {
  readonly devices: readonly {
    readonly device: string
    readonly codenames: readonly {
      readonly codename: string
      readonly reading: Reading | null
      readonly age: number | null
      readonly may?: readonly string[]
    }[]
  }[]
}

export interface RecheckOptions {
  readonly ask: (signal: AbortSignal) => Promise<Everything>
  /** Undefined: not connected, or all that is retained is still coming. */
  readonly table: () => Table | undefined
  readonly now: () => number
  readonly after: (seconds: number, run: () => void) => { cancel(): void }
  readonly isVisible: () => boolean
  /** These had to be mended. */
  readonly onMended: (views: readonly CodenameView[]) => void
}

/** Seconds between two questions. */
const period = 20

/** Seconds after an answer in which messages may still be on their way that were sent before it. */
const underway = 2

/** Seconds between two questions at least; an answer that took long is not asked for again before so many times as long, or the longest. */
const shortest = 5
const patience = 40
const longest = 300

export class Recheck {
  readonly #options: RecheckOptions
  readonly #poller: Poller
  #notBefore = 0

  constructor(options: RecheckOptions) {
    this.#options = options
    const { after, isVisible } = options
    this.#poller = new Poller({ seconds: period, after, isVisible, ask: async (signal) => await this.#ask(signal) })
  }

  /** Asks at once where somebody looks; to be called when there is reason to doubt, and when the page is shown or hidden. */
  now(): void {
    this.#notBefore = 0
    this.#poller.now()
  }

  /** There is some reason to doubt. False: not yet, it has been asked just now. */
  soon(): boolean {
    if (this.#options.now() < this.#notBefore) return false
    this.#poller.hurry()
    return true
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    const { ask, table: tableNow, now, after, onMended } = this.#options
    const table = tableNow()
    if (table === undefined || now() < this.#notBefore) return true
    const asked = now()
    table.note()
    try {
      const everything = await ask(signal)
      const answered = now()
      this.#notBefore = answered + Math.min(longest, Math.max(shortest, (answered - asked) * patience))
      await new Promise<void>((resolve) => after(underway, resolve))
      if (signal.aborted || tableNow() !== table) return true
      const mended = table.mend(everything, answered)
      if (mended !== undefined) onMended(mended)
      return true
    } catch {
      return false
    }
  }
}
