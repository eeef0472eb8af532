import type { Writable } from 'node:stream'
import { Command, CommanderError } from 'commander'
import { adapterTypes } from '../../adapters/index.js'
import { describeCommand } from '../../gateway/cli/describe.js'
import { remoteCommands } from '../../gateway/cli/remote.js'
import { CommandLine } from '../support/command-line.js'

export interface RunOptions {
  readonly input?: string
  readonly env?: Record<string, string>
  /** Where it prints what was asked for, in place of `stdout`. */
  readonly output?: Writable
  /** On a terminal of this size. */
  readonly terminal?: { readonly columns: number; readonly rows?: number }
}

/** A command that is under way. */
export class Run {
  readonly line: CommandLine
  readonly #over: Promise<void>

  constructor(args: readonly string[], { input, env = {}, terminal, output }: RunOptions = {}) {
    this.line = new CommandLine({ ...(input === undefined ? {} : { input }), env, types: adapterTypes })
    const { surroundings } = this.line
    if (output !== undefined) Object.assign(surroundings, { output })
    if (terminal !== undefined)
      for (const output of [surroundings.output, surroundings.questions]) Object.assign(output, { isTTY: true, ...terminal })
    const program = new Command('labgate').exitOverride()
    for (const command of [describeCommand(surroundings), ...remoteCommands(surroundings)]) program.addCommand(command)
    this.#over = program.parseAsync(args, { from: 'user' }).then(
      () => {},
      (error: unknown) => {
        // As main.ts does.
        if (!(error instanceof CommanderError)) throw error
        this.line.ended.code = error.exitCode === 0 ? 0 : 2
      }
    )
  }

  get ended(): CommandLine['ended'] {
    return this.line.ended
  }

  async over(): Promise<CommandLine['ended']> {
    await this.#over
    return this.line.ended
  }
}

export async function run(args: readonly string[], options: RunOptions = {}): Promise<CommandLine['ended']> {
  return await new Run(args, options).over()
}

/** Everything that a terminal acts upon but line ends and colours. */
// eslint-disable-next-line no-control-regex
export const raw = /[\u0000-\u0009\u000b-\u001a\u001c-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\u001b(?!\[[\d;?]*[mKJAhl])/

/** Without colours. */
export function bare(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[\d;]*m/g, '')
}
