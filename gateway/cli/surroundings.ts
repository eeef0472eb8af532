import type { Readable, Writable } from 'node:stream'
import type { AdapterType } from '../adapter.js'
import type { Checked } from '../config.js'
import type { Environment } from '../config/reader.js'

/** What a command may touch of the process; main.ts makes it. */
export interface Surroundings {
  readonly input: Readable & { readonly isTTY?: boolean }
  /** For what was asked for. `columns` and `rows`: of a terminal. */
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  /** For questions to a person, progress and complaints. */
  readonly questions: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly env: Environment
  readonly types: readonly AdapterType[]
  readonly version: string
  /** Aborted when the person has had enough (Ctrl-C, SIGTERM). Whoever asks for it ends by it: without, the process ends at once. */
  interrupted(): AbortSignal
  /**
   * Undefined after the problems of the file were printed and the exit code set. The files that it names need not be there.
   * `env`: for `${NAME}`; left out: that of the process, and of the service.
   */
  load(file: string, env?: Environment): Promise<Checked | undefined>
  /** 0: it is done. 1: it was refused, or it failed. 2: a file cannot be used. Prints the text, if there is any. */
  end(code: 0 | 1 | 2, text: string): void
}
