/** Commands as a person types them, in a folder of their own, with the time that each took. */
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { patient } from '../support/patience.js'

export interface Done {
  readonly code: number | null
  /** Standard output and standard error, as they came. */
  readonly text: string
  readonly stdout: string
  /** Seconds. */
  readonly took: number
}

/** What npm tells the programs that it starts is no business of those that a test starts. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign =
    /^(npm_(lifecycle|package|command|execpath|node)|npm_config_(local_prefix|global_prefix|prefix|ignore_scripts)$|INIT_CWD$|NODE_OPTIONS$|LABGATE_)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
}

export class Shell {
  readonly cwd: string
  readonly #env: NodeJS.ProcessEnv
  readonly #told: [string, number][] = []

  /** `path`: a folder whose programs are found first. */
  constructor(cwd: string, path?: string) {
    this.cwd = cwd
    const env = cleanEnvironment()
    this.#env = path === undefined ? env : { ...env, PATH: `${path}:${env['PATH'] ?? ''}` }
  }

  /** To its end. `shown`: as it is told, where folders of the test would only be in the way. */
  async run(command: string, args: readonly string[], options: { input?: string; shown?: string } = {}): Promise<Done> {
    const since = performance.now()
    const child = spawn(command, args, { cwd: this.cwd, env: this.#env, stdio: 'pipe' })
    const late = setTimeout(() => child.kill('SIGKILL'), patient(60_000))
    let [text, stdout] = ['', '']
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    child.stdout.setEncoding('utf8').on('data', (part: string) => ([text, stdout] = [text + part, stdout + part]))
    child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part))
    const [code] = (await once(child, 'close')) as [number | null]
    clearTimeout(late)
    const took = (performance.now() - since) / 1000
    this.tell(options.shown ?? [command, ...args].join(' '), took)
    return { code, text, stdout, took }
  }

  get env(): Record<string, string> {
    return this.#env as Record<string, string>
  }

  tell(what: string, took: number): void {
    this.#told.push([what, took])
  }

  /** Prints what was done, and how long it took. */
  print(): void {
    for (const [what, took] of this.#told) console.log(`      $ ${what.padEnd(100)} ${took.toFixed(1)} s`)
  }
}
