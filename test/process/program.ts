import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { patient } from '../support/patience.js'

/** The built program, beside the compiled tests. */
export const main = fileURLToPath(new URL('../../gateway/main.js', import.meta.url))

/** The folder that holds package.json and config/. */
export const project = fileURLToPath(new URL('../../../', import.meta.url))

/** Milliseconds for what must happen. */
const patience = patient(10_000)

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A child process of the tests; it never outlives them. */
export class Program {
  readonly started = performance.now()
  readonly #child: ChildProcess
  readonly #ended: Promise<Ended>
  readonly #looks = new Set<() => void>()
  #over: Ended | undefined
  stdout = ''
  stderr = ''

  constructor(command: string, args: readonly string[], options: { env?: Record<string, string>; input?: string } = {}) {
    this.#child = spawn(command, args, { env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdin?.on('error', () => {})
    this.#child.stdin?.end(options.input ?? '')
    for (const name of ['stdout', 'stderr'] as const)
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this[name] += text
        this.#look()
      })
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      this.#over = { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout: this.stdout, stderr: this.stderr }
      this.#look()
      return this.#over
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get running(): boolean {
    return this.#over === undefined
  }

  /** Resolves once the output fits. */
  async says(pattern: RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    const shown = (): string => `\nstdout: ${this.stdout.slice(-2000)}\nstderr: ${this.stderr.slice(-2000)}`
    return await new Promise((resolve, reject) => {
      const settle = (run: () => void): void => {
        clearTimeout(timer)
        this.#looks.delete(look)
        run()
      }
      const timer = setTimeout(() => settle(() => reject(new Error(`${String(pattern)} was not said${shown()}`))), patience)
      const look = (): void => {
        const found = pattern.exec(this[where])
        if (found !== null) settle(() => resolve(found))
        else if (this.#over !== undefined) settle(() => reject(new Error(`it ended without saying ${String(pattern)}${shown()}`)))
      }
      this.#looks.add(look)
      look()
    })
  }

  async ended(within = patience): Promise<Ended> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it did not end within ${within} ms; stdout: ${this.stdout.slice(-2000)}`)), within)
    })
    try {
      return await Promise.race([this.#ended, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Nobody reads its output any more: what it writes fails. */
  deafen(): void {
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** For afterEach: gone, whatever it did. */
  async gone(): Promise<void> {
    if (this.running) this.#child.kill('SIGKILL')
    await this.#ended
  }

  #look(): void {
    for (const look of this.#looks) look()
  }
}

/** The program with these arguments, run to its end. */
export async function labgate(...args: string[]): Promise<Ended> {
  return await new Program(process.execPath, [main, ...args]).ended()
}

const folders: string[] = []

/** A folder that is removed at the end of the process. */
export function folder(): string {
  if (folders.length === 0)
    process.once('exit', () => {
      for (const path of folders) rmSync(path, { recursive: true, force: true })
    })
  const path = mkdtempSync(join(tmpdir(), 'labgate-test-'))
  folders.push(path)
  return path
}

/** A file of config/ with every port left to the system, as text, but for those of others. */
export function withFreePorts(file: string, others: readonly number[] = []): string {
  const text = readFileSync(join(project, 'config', file), 'utf8')
  // In memory: not in the folder of whoever runs the tests.
  return text
    .replace(/\n  data: \.\/data.*/, '')
    .replace(/\bport: (\d+)/g, (whole, port) => (others.includes(Number(port)) ? whole : 'port: 0'))
}

export function write(path: string, content: string | Uint8Array): string {
  writeFileSync(path, content)
  return path
}
