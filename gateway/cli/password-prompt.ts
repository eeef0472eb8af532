/** A password from a person, unseen, or from a program. */
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Readable } from 'node:stream'

/** Characters; a password has far fewer. */
const longestLine = 10_000

/** Asks a person; what is typed is shown nowhere. */
export class Prompt {
  readonly #output: Writable
  readonly #lines: Interface
  /** Typed before it was asked for, or a paste of several lines. */
  readonly #typed: string[] = []
  #waiting: ((line: string | undefined) => void) | undefined
  #isOver = false

  constructor(input: Readable, output: Writable) {
    this.#output = output
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    this.#lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
    this.#lines.on('line', (line) => {
      if (this.#waiting === undefined) this.#typed.push(line)
      else this.#answer(line)
    })
    this.#lines.once('SIGINT', () => this.close())
    this.#lines.once('close', () => {
      this.#isOver = true
      this.#answer(undefined)
    })
  }

  /** Undefined: the person gave up (Ctrl-C, Ctrl-D). */
  async ask(question: string): Promise<string | undefined> {
    this.#output.write(question)
    const line =
      this.#typed.shift() ?? (this.#isOver ? undefined : await new Promise<string | undefined>((resolve) => (this.#waiting = resolve)))
    this.#output.write('\n')
    return line
  }

  close(): void {
    this.#lines.close()
  }

  #answer(line: string | undefined): void {
    this.#waiting?.(line)
    this.#waiting = undefined
  }
}

/** The first line of what comes, without its end. Undefined: there is none, or a far too long one. */
export async function firstLine(input: Readable): Promise<string | undefined> {
  input.setEncoding('utf8')
  let text = ''
  for await (const chunk of input) {
    text += String(chunk)
    if (text.includes('\n') || text.length > longestLine) break
  }
  const [line = ''] = text.split(/\r?\n/, 1)
  return line === '' || line.length > longestLine ? undefined : line
}
