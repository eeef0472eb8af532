import type { Logger } from '../adapter.js'
import { formatTime } from '../time.js'
import type { DataKind } from './keys.js'
import type { Series } from './series.js'

export interface DamageOptions {
  readonly log: Logger
  /** Unix seconds up to which rows of a kind were removed. */
  readonly horizon: (kind: DataKind) => number
  /** There is some, or none any more. */
  readonly changed: () => void
}

/** Rows that are told apart; of more nobody wants to know. */
const most = 1000

interface Row {
  readonly kind: DataKind
  readonly time: number
  readonly text: string
}

/** Rows that could not be read when somebody asked for them: they are left out, and counted as long as they are kept. */
export class Damage {
  readonly #options: DamageOptions
  readonly #rows = new Map<string, Row>()

  constructor(options: DamageOptions) {
    this.#options = options
  }

  /** `time`: where it begins, Unix seconds. */
  tell(key: Buffer, kind: DataKind, { device, codename }: Series, time: number, reason: string): void {
    const name = key.toString('latin1')
    if (this.#rows.has(name) || this.#rows.size >= most) return
    const text = `${device}/${codename}, ${formatTime(time)}: ${reason}`
    this.#rows.set(name, { kind, time, text })
    if (this.#rows.size > 1) return
    this.#options.log.error({ device, codename, kind, time: formatTime(time), reason }, `a part of the history is damaged: ${help}`)
    this.#options.changed()
  }

  /** What is damaged, and what to do; undefined: nothing that anybody has asked for. */
  get failure(): string | undefined {
    for (const [name, { kind, time }] of this.#rows) if (time < this.#options.horizon(kind)) this.#rows.delete(name)
    const { size } = this.#rows
    const [first] = this.#rows.values()
    if (first === undefined) return undefined
    return `${size === 1 ? 'a row' : `${size}${size === most ? ' or more' : ''} rows`} cannot be read (${first.text}): ${help}`
  }
}

const help =
  'a mark without value stands where it is missing, and the rest is right; check the disk, and put back a copy of data/history if there is one'
