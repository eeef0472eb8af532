import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs'
import { main } from '../process/program.js'

/** Milliseconds. */
const [readyWithin, endWithin] = [60_000, 15_000]

/** The program in a process of its own, started again as often as it takes; an end that nobody asked for is counted. */
export class Plant {
  readonly #file: string
  readonly #log: string
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcess | undefined
  #mayEnd = true
  /** Ends that nobody asked for. */
  readonly unexpected: string[] = []
  /** Milliseconds of the last start. */
  startedIn = 0

  /** `log`: file that its output is added to. */
  constructor(file: string, log: string, env: Readonly<Record<string, string>> = {}) {
    this.#file = file
    this.#log = log
    this.#env = env
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const began = performance.now()
    const inside = new URL('inside.js', import.meta.url).href
    const out = openSync(this.#log, 'a')
    const [node, args] = [process.execPath, ['--import', inside, main, 'start', '--config', this.#file, '--log-format', 'json']]
    // A group of its own: SIGINT in a terminal is for the soak, which then ends its children itself.
    const child = spawn(node, args, { env: { ...process.env, ...this.#env }, stdio: ['ignore', 'pipe', out], detached: true })
    closeSync(out)
    this.#child = child
    this.#mayEnd = false
    let [text, isReady] = ['', false]
    const log = openSync(this.#log, 'a')
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready in time: ${text.slice(-1000)}`)), readyWithin)
      child.stdout?.setEncoding('utf8').on('data', (part: string) => {
        appendFileSync(log, part)
        if (isReady) return
        text = (text + part).slice(-20_000)
        if (!text.includes('"msg":"ready"')) return
        isReady = true
        clearTimeout(timer)
        resolve()
      })
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        if (!this.#mayEnd) this.unexpected.push(`code ${code}, signal ${signal}`)
        reject(new Error(`it ended with ${code ?? signal}: ${readFileSync(this.#log, 'utf8').slice(-2000)}`))
      })
      child.once('close', () => closeSync(log))
    })
    this.startedIn = performance.now() - began
  }

  /** Gone when it resolves. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    this.#mayEnd = true
    const gone = once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), endWithin)
    await gone
    clearTimeout(timer)
    this.#child = undefined
  }

  /** Stopped and continued: it does not end of it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal)
  }

  /** Lines of the log that are errors. */
  get errors(): readonly string[] {
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"level":50') || line.includes('"level":60'))
  }
}
