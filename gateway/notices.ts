import type { Clock, Logger } from './adapter.js'
import { copy, cut } from './brief.js'
import { Ring } from './ring.js'

export type Level = 'debug' | 'info' | 'warn' | 'error'

/** A line of the log, as people see it. */
export interface LogLine {
  /** Counts all lines since start. */
  readonly n: number
  /** Unix seconds. */
  readonly time: number
  readonly level: Level
  readonly message: string
  readonly instance?: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A dead letter as it was published. */
export interface Dead {
  /** Counts all dead letters since start. */
  readonly n: number
  readonly payload: string
}

/** The last ones of each that are kept, and the characters that they may have together. */
const lines = { most: 1000, characters: 1_000_000 }
const letters = { most: 500, characters: 1_000_000 }

/** Characters of a message, of one field, and of all fields of a line. */
const longMessage = 1000
const longField = 1000
const longFields = 4000

/** From the least to the worst. */
export const levels: readonly Level[] = ['debug', 'info', 'warn', 'error']

/** The last lines of the log and the last dead letters, in memory and bounded, for people who look. */
export class Notices {
  /** The log to use from now on: it writes to the one given, and keeps the line here. */
  readonly log: Logger
  readonly #lines = new Ring<LogLine>(lines.most, lines.characters)
  readonly #letters = new Ring<Dead>(letters.most, letters.characters)

  /** `hidden`: folders that the log tells, but nobody who asks over a network. */
  constructor(options: { readonly clock: Clock; readonly log: Logger; readonly hidden?: readonly string[] }) {
    const { clock, hidden = [] } = options
    const hide = (text: string): string => hidden.reduce((left, folder) => left.replaceAll(folder, '…'), text)
    this.log = new KeptLog(options.log, {}, (level, fields, message) => {
      const { instance, ...others } = shown(fields, hide)
      const of = typeof instance === 'string' ? { instance } : instance === undefined ? {} : { instance: JSON.stringify(instance) }
      const text = cut(hide(message), longMessage)
      const line = { n: this.#lines.count + 1, time: clock.now(), level, message: text, ...of, fields: others }
      this.#lines.add(line, text.length + JSON.stringify(line.fields).length + 100)
    })
  }

  /** A dead letter was published; the payload as subscribers get it. */
  dead(payload: string): void {
    this.#letters.add({ n: this.#letters.count + 1, payload: copy(payload) }, payload.length + 50)
  }

  /** Lines after that number, of that level and worse, in their order. */
  lines(after = 0, level: Level = 'debug'): LogLine[] {
    const least = levels.indexOf(level)
    return this.#lines.all().filter((line) => line.n > after && levels.indexOf(line.level) >= least)
  }

  /** Lines since start. */
  get lineCount(): number {
    return this.#lines.count
  }

  /** The last ones first. */
  letters(limit = Infinity): Dead[] {
    return this.#letters.all().reverse().slice(0, limit)
  }

  /** Dead letters since start. */
  get letterCount(): number {
    return this.#letters.count
  }
}

type Keep = (level: Level, fields: object, message: string) => void

/** As pino has it: whether a line of that level is written at all. Who does not tell writes them all. */
interface Leveled {
  isLevelEnabled?(level: Level): boolean
}

/** Writes to another log, and keeps exactly what that writes. */
class KeptLog implements Logger {
  readonly #to: Logger & Leveled
  readonly #bindings: object
  readonly #keep: Keep

  constructor(to: Logger, bindings: object, keep: Keep) {
    this.#to = to
    this.#bindings = bindings
    this.#keep = keep
  }

  debug(fields: object, message: string): void {
    this.#write('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#write('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#write('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#write('error', fields, message)
  }

  child(bindings: object): Logger {
    return new KeptLog(this.#to.child(bindings), { ...this.#bindings, ...bindings }, this.#keep)
  }

  #write(level: Level, fields: object, message: string): void {
    this.#to[level](fields, message)
    if (this.#to.isLevelEnabled?.(level) === false) return
    try {
      this.#keep(level, { ...this.#bindings, ...fields }, message)
    } catch {
      // What cannot be written as JSON is in the log itself; nothing may fail because it was logged.
      this.#keep(level, this.#bindings, message)
    }
  }
}

/** The fields as JSON has them, which holds on to nothing; what is long is the beginning of its text. */
function shown(fields: object, hide: (text: string) => string): Record<string, unknown> {
  let left = longFields
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    const text = JSON.stringify(value, (_key, member: unknown) => plain(typeof member === 'string' ? hide(member) : member)) as
      string | undefined
    if (text === undefined || left <= 0) continue
    const room = Math.min(left, longField)
    kept[cut(name, 100)] = text.length <= room ? (JSON.parse(text) as unknown) : cut(text, room)
    left -= Math.min(text.length, room) + name.length
  }
  return kept
}

function plain(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, code, class: errorClass } = value as Error & { code?: unknown; class?: unknown }
    return { type: name, message, ...(code === undefined ? {} : { code }), ...(errorClass === undefined ? {} : { class: errorClass }) }
  }
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Map) return Object.fromEntries(value as ReadonlyMap<string, unknown>)
  if (value instanceof Set) return [...(value as ReadonlySet<unknown>)]
  return value
}
