/** Where a command prints: on a terminal with colours and within its width, elsewhere plainly and whole. */
import type { Writable } from 'node:stream'
import { once } from 'node:events'
import type { Environment } from '../config/reader.js'
import { printableJson, printableLines } from './printable.js'
import type { Surroundings } from './surroundings.js'
import { Trouble } from './trouble.js'

export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'head'

const tones: Readonly<Record<Tone, string>> = { good: '32', warn: '33', bad: '31;1', dim: '2', head: '1' }

type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** Whoever reads it has had enough, as head does. */
const left: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ERR_STREAM_DESTROYED'])

/** The first failure of each output. */
const failures = new WeakMap<Writable, Error>()

/** Its failures end nothing at once: {@link written} tells them. */
export function watchOver(output: Writable): void {
  output.on('error', (error: Error) => {
    if (!failures.has(output)) failures.set(output, error)
  })
}

/** Resolves when all is out, or nobody reads it any more. Throws a {@link Trouble} when it could not be written. */
export async function written(output: Writable): Promise<void> {
  watchOver(output)
  const late = await new Promise<Error | undefined>((resolve) => {
    if (output.destroyed) resolve(undefined)
    else output.write('', (error) => resolve(error ?? undefined))
  })
  const error: NodeJS.ErrnoException | undefined | null = failures.get(output) ?? output.errored ?? late
  if (error === undefined || error === null || left.has(error.code)) return
  throw new Trouble(1, `cannot write: ${error.message}; what stands there is not all`)
}

export class Paper {
  readonly #output: Output
  readonly #hasColours: boolean
  readonly isTerminal: boolean
  #isGone = false

  constructor(output: Output, env: Environment) {
    this.#output = output
    this.isTerminal = output.isTTY === true
    this.#hasColours = this.isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
    watchOver(output)
    output.on('error', () => (this.#isGone = true))
  }

  /** Nobody reads it any more, or it cannot be written. */
  get isGone(): boolean {
    return this.#isGone || this.#output.destroyed
  }

  /** Of a terminal; elsewhere as wide as it takes. */
  get columns(): number {
    return this.isTerminal ? Math.max(20, this.#output.columns ?? 80) : Infinity
  }

  paint(tone: Tone | undefined, text: string): string {
    return tone === undefined || !this.#hasColours ? text : `\u001b[${tones[tone]}m${text}\u001b[0m`
  }

  /** As it is: it was made printable where it must be. Resolves when there is room for more. */
  async write(text: string): Promise<void> {
    if (this.isGone || this.#output.write(text)) return
    // An error, too, is an end of waiting.
    await once(this.#output, 'drain').catch(() => {})
  }

  /** Data for programs: byte for byte, but for a terminal. */
  async data(text: string, kind: 'text' | 'json' = 'text'): Promise<void> {
    await this.write(this.isTerminal ? (kind === 'json' ? printableJson(text) : printableLines(text)) : text)
  }
}

/** What was asked for, and beside it what a person should know. */
export interface Papers {
  readonly out: Paper
  readonly side: Paper
}

export function papersOf({ output, questions, env }: Surroundings): Papers {
  return { out: new Paper(output, env), side: new Paper(questions, env) }
}
