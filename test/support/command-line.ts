import { Readable, Writable } from 'node:stream'
import type { Surroundings } from '../../gateway/cli/surroundings.js'
import { ConfigError, loadConfig } from '../../gateway/config.js'
import type { AdapterType } from '../../gateway/adapter.js'

/** Where a command runs within this process: one of its own takes a second on a busy computer. */
export class CommandLine {
  readonly surroundings: Surroundings
  /** What it printed and how it ended. */
  readonly ended: { code: number; stdout: string; stderr: string } = { code: 0, stdout: '', stderr: '' }
  readonly #interrupt = new AbortController()

  constructor(options: { input?: string; env?: Record<string, string>; types?: readonly AdapterType[] } = {}) {
    const { input = '', env = {}, types = [] } = options
    const { ended } = this
    const sink = (name: 'stdout' | 'stderr'): Writable =>
      new Writable({
        write(chunk, _encoding, done) {
          ended[name] += String(chunk)
          done()
        }
      })
    this.surroundings = {
      input: Readable.from([input]),
      output: sink('stdout'),
      questions: sink('stderr'),
      env,
      types,
      version: '0.0.0',
      interrupted: () => this.#interrupt.signal,
      load: async (file, given) => {
        try {
          return await loadConfig({ file, types, env: given ?? env, files: false })
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error
          ended.code = 2
          ended.stderr += error.message
          return undefined
        }
      },
      end(code, text) {
        ended.code = code
        ended[code === 0 ? 'stdout' : 'stderr'] += text
      }
    }
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    this.#interrupt.abort()
  }
}
